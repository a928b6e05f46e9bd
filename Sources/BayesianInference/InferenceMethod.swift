public import StructuredValue
public import Tensors

/// A way to approximate a posterior.
///
/// A new method is one file that conforms to this, and one entry in ``InferenceMethods/all``.
public protocol InferenceMethod: Sendable {
  /// What the method is called in a pipeline.
  static var name: String { get }

  /// What it does, with its source.
  static var summary: String { get }

  /// Reads the options that this method has.
  ///
  /// - Throws: ``InferenceError`` for an option out of range.
  init(options: inout MethodOptions) throws

  /// Approximates the posterior.
  ///
  /// - Throws: ``InferenceError`` where the posterior can't be treated so.
  func fit(_ posterior: Posterior, _ context: FitContext) async throws -> ApproximatePosterior
}

/// What a fit is given besides posterior and options.
public struct FitContext: Sendable {
  public var random: RandomStream
  /// Chains or members that may run side by side; the result doesn't depend on it.
  public var workers: Int
  /// Told how much of how much is done, from any thread.
  public var progress: @Sendable (_ done: Int, _ total: Int) -> Void
  /// Where chains leave their state; nil keeps none.
  public var checkpoints: Checkpoints?

  public init(
    random: RandomStream, workers: Int = 1, checkpoints: Checkpoints? = nil,
    progress: @escaping @Sendable (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) {
    self.random = random
    self.workers = workers
    self.checkpoints = checkpoints
    self.progress = progress
  }

  /// Runs chains or members, as many side by side as there are workers.
  ///
  /// Each gets a random stream of its own, so that the result is the same for any number of workers.
  func run<Result: Sendable>(
    _ count: Int,
    _ body: @escaping @Sendable (_ index: Int, _ random: RandomStream) throws -> Result
  ) async throws -> [Result] {
    let streams = random
    return try await withThrowingTaskGroup(of: (Int, Result).self) { group in
      var results = [Result?](repeating: nil, count: count)
      var next = 0
      func start() {
        let index = next
        next += 1
        group.addTask { (index, try body(index, streams.child(index))) }
      }
      while next < min(max(workers, 1), count) { start() }
      while let (index, result) = try await group.next() {
        results[index] = result
        if next < count { start() }
      }
      return results.compactMap { $0 }
    }
  }
}

/// A method's options as a pipeline gives them; what no method asked for is an error.
public struct MethodOptions {
  private let given: [String: Value]
  private let method: String
  private var known: [String] = []

  public init(_ given: [String: Value] = [:], method: String) {
    self.given = given
    self.method = method
  }

  /// A number in a range.
  public mutating func number(
    _ name: String, _ standard: Double, in range: ClosedRange<Double>
  ) throws -> Double {
    known.append(name)
    guard let value = given[name] else { return standard }
    guard let number = value.double, range.contains(number) else {
      throw refused(name, value, "a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  /// A number above 0, or nil for the method's own choice.
  public mutating func positive(_ name: String) throws -> Double? {
    known.append(name)
    guard let value = given[name] else { return nil }
    guard let number = value.double, number > 0, number.isFinite
    else { throw refused(name, value, "a number above 0") }
    return number
  }

  /// A whole number in a range.
  public mutating func integer(
    _ name: String, _ standard: Int, in range: ClosedRange<Int>
  ) throws -> Int {
    known.append(name)
    guard let value = given[name] else { return standard }
    guard let number = value.int, range.contains(number) else {
      throw refused(name, value, "a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  /// One of several words.
  public mutating func choice<Choice: RawRepresentable & CaseIterable>(
    _ name: String, _ standard: Choice
  ) throws -> Choice where Choice.RawValue == String {
    known.append(name)
    guard let value = given[name] else { return standard }
    guard let choice = value.string.flatMap(Choice.init(rawValue:)) else {
      let words = Choice.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
      throw refused(name, value, "one of \(words)")
    }
    return choice
  }

  private func refused(_ name: String, _ value: Value, _ wanted: String) -> InferenceError {
    InferenceError(
      .badOption, "\(method): the option '\(name)' is \(value.json()); it must be \(wanted)")
  }

  /// - Throws: ``InferenceError`` for the first option that was given but not asked for.
  func checkAllKnown() throws {
    for name in given.keys.sorted() where !known.contains(name) {
      throw InferenceError(
        .badOption,
        "\(method) has no option '\(name)'; its options are \(known.joined(separator: ", "))")
    }
  }
}

/// The table of methods.
public enum InferenceMethods {
  /// One entry a method.
  public static let all: [any InferenceMethod.Type] = [
    HamiltonianMonteCarlo.self, NoUTurn.self, LangevinDynamics.self,
    PreconditionedLangevinDynamics.self,
    StochasticGradientHMC.self, CyclicalLangevinDynamics.self, CyclicalHMC.self,
    MeanFieldVariational.self, LocalReparametrisation.self, BlackBoxAlpha.self,
    MatrixVariateNormal.self,
    MultiplicativeFlow.self, Hypernetwork.self, FullLaplace.self, KroneckerLaplace.self,
    DiagonalLaplace.self, LastLayerLaplace.self, MaximumAPosteriori.self, ModeRestarts.self,
    AnchoredEnsemble.self, DeepEnsemble.self, StochasticGradientDescent.self,
    MonteCarloDropout.self,
    ProbabilisticBackpropagation.self, StochasticWeightAveraging.self,
    GaussianWeightAveraging.self, SubspaceSliceSampling.self,
  ]

  /// A method by its name, with its options.
  ///
  /// - Parameters:
  ///   - name: As the method calls itself.
  ///   - options: Those that differ from the method's own choice.
  /// - Returns: The method.
  /// - Throws: ``InferenceError`` for an unknown name, an unknown option, or one out of range.
  public static func method(
    _ name: String, options: [String: Value] = [:]
  ) throws -> any InferenceMethod {
    guard let type = all.first(where: { $0.name == name }) else {
      throw InferenceError(
        .badOption,
        "no method '\(name)'; the methods are \(all.map { $0.name }.joined(separator: ", "))")
    }
    var reader = MethodOptions(options, method: name)
    let method = try type.init(options: &reader)
    try reader.checkAllKnown()
    return method
  }
}
