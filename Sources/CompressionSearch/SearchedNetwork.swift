/// A network with a form for each of its layers, and how it does.
public struct SearchedNetwork: Hashable, Sendable {
  /// For each layer, the place of its form among the forms.
  public let forms: [Int]
  /// Of the compressed file.
  public let bytes: Int
  /// Of one inference, in picojoule.
  public let energy: Double
  public let distance: MeasuredNetwork.Distance

  /// What is to be small.
  var goals: [Double] { [Double(bytes), energy, distance.divergence] }
}
