public import Verification

/// A robustness property made to be learnt from: hard enough to need splits, not hopeless.
public struct SampleProperty: Sendable {
  public var radius: Double
  public var property: Property
  /// The bound of the whole box, about the wanted one.
  public var rootBound: Double

  /// Finds the radius at which the bound of the whole box is as far below 0 as wanted, by bisection.
  ///
  /// The published properties have a radius found by bisection over BaBSR's own time; the bound of
  /// the root stands for it here, at a thousandth of the cost. Nil where no radius below 0.4 has a
  /// bound within a fifth of the wanted one.
  ///
  /// - Parameters:
  ///   - network: The network.
  ///   - image: In the order of the network's first layer.
  ///   - label: The image's class.
  ///   - other: The class that must not win.
  ///   - target: The wanted bound, below 0.
  ///   - options: How much work goes into bounds.
  ///   - workers: Threads to keep busy.
  public init?(
    _ network: ReLUNetwork, image: [Double], label: Int, other: Int, target: Double,
    options: BoundOptions, workers: Int
  ) {
    precondition(target < 0, "a bound below 0 is wanted")
    let row = OutputRow(label, beats: other, of: network.outputCount)
    var (low, high) = (0.0, 0.4)
    for _ in 0..<14 {
      let middle = (low + high) / 2
      let bounder = Bounder(
        network, box: Box(around: image, radius: middle), options: options, workers: workers)
      let bound = bounder.lowerBound(
        of: bounder.root(), row: row, steps: options.rootSteps)
      if abs(bound - target) <= 0.2 * abs(target) {
        radius = middle
        rootBound = bound
        property = Property(
          centre: image, radius: middle, label: label, other: other, outputs: network.outputCount)
        return
      }
      if bound < target { high = middle } else { low = middle }
    }
    return nil
  }
}
