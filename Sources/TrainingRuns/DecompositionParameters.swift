public import SmartDeal
public import StructuredTraining

/// The parameters of a stage that say how weights are decomposed and stored.
public struct DecompositionParameters: Decodable, Hashable, Sendable {
  var threshold: Double
  var iterations: Int
  var tolerance: Double
  var maxCoefficient: Double
  var vectorWise: Bool
  var columnScale: Bool
  var normalise: Bool
  var rounding: String
  var lambda: Double
  var kernels: String
  var encodings: String
  var pruning: [Double]
  var criterion: String
  var groupSize: Int

  public var options: DecompositionOptions {
    DecompositionOptions(
      threshold: threshold, iterations: iterations, tolerance: tolerance,
      maxCoefficient: maxCoefficient, vectorWise: vectorWise, columnScale: columnScale,
      normalise: normalise,
      exponents: normalise ? DecompositionOptions.ExponentWindow(-7, 0) : .open,
      rounding: rounding == "joint" ? .joint(lambda: lambda) : .nearest,
      kernels: BlockLayout.Kernels(rawValue: kernels) ?? .square)
  }

  /// Kernel rows to zero before a decomposition, if any.
  public var pruningList: PruningList? {
    pruning.isEmpty
      ? nil
      : PruningList(
        pruning,
        rule: StructuredPruning(
          criterion: StructuredPruning.Criterion(rawValue: criterion) ?? .population,
          groupSize: groupSize))
  }

  /// The encodings that a file may use.
  public var allowed: [Encoding] { encodings == "all" ? Encoding.allCases : Encoding.published }
}
