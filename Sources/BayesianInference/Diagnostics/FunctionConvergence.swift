public import Statistics

/// The worst convergence of chains over values of the function.
///
/// Single weights say little, since hidden units may change places; what is predicted doesn't.
public struct FunctionConvergence: Hashable, Sendable {
  /// From which R̂ on chains have not mixed: draws above it are unreliable, and no reference.
  public static let limit = 1.05

  /// The largest R̂.
  public var rHat: Statistic
  /// The least effective number of draws for the bulk.
  public var effectiveDraws: Statistic
  /// The least effective number of draws for the 5 % and the 95 % quantile.
  public var effectiveTailDraws: Statistic
  /// The largest Monte Carlo error of a mean of f, in deviations of f.
  public var monteCarloError: Statistic

  /// - Parameter draws: Of several chains; of one, nothing is defined.
  /// - Throws: ``InferenceError`` for chains of different lengths.
  public init(_ draws: PredictiveDraws) throws {
    (rHat, effectiveDraws) = (.undefined("one chain"), .undefined("one chain"))
    (effectiveTailDraws, monteCarloError) = (rHat, rHat)
    guard draws.chains > 1 else { return }
    var all: [ChainDiagnostics] = []
    var errors: [Double] = []
    for row in 0..<draws.rows {
      for output in 0..<draws.outputs {
        let chains = draws.chainValues(at: row, output: output)
        let diagnostics = try ChainDiagnostics(chains)
        all.append(diagnostics)
        if let error = diagnostics.meanError.value {
          errors.append(error / Moments(chains.flatMap { $0 }).deviation)
        }
      }
    }
    rHat = Self.worst(all.map(\.rHat), max)
    effectiveDraws = Self.worst(all.map(\.bulkSize), min)
    effectiveTailDraws = Self.worst(all.map(\.tailSize), min)
    monteCarloError =
      rHat.value == nil
      ? .undefined(rHat.reason ?? "undefined")
      : errors.max().map { .value($0) } ?? .undefined("no rows")
  }

  /// Why draws of such an R̂ shouldn't be trusted; nil where nothing speaks against them.
  ///
  /// - Parameters:
  ///   - rHat: The largest of some rows.
  ///   - rows: What these rows are.
  /// - Returns: A warning as ``ApproximatePosterior/warnings`` has them.
  public static func warning(_ rHat: Statistic, on rows: String) -> String? {
    guard let value = rHat.value, value > limit else { return nil }
    return "unreliable: R̂ of the function is \(value) on \(rows): the chains have not mixed"
  }

  /// R̂ of the function in the network's units where rows were fitted, and half way between two of them, where
  /// the data say less.
  ///
  /// - Parameters:
  ///   - draws: Of several chains.
  ///   - posterior: Whose rows they were fitted to; of many some fifty are taken, evenly spaced.
  /// - Returns: The largest; undefined where there is one chain, or too few draws.
  /// - Throws: ``InferenceError`` for chains of different lengths.
  static func rHat(
    of draws: ApproximatePosterior, _ posterior: Posterior
  ) throws -> Statistic {
    guard draws.rule == .draws, draws.chains > 1 else { return .undefined("one chain") }
    let blocks = RowBlocks(places(posterior.rows.inputs))
    let pass = NetworkPass(draws.network)
    let outputs = draws.network.outputs
    let values = (0..<draws.count).map { draw -> [Double] in
      var values: [Double] = []
      pass.forEachBlock(of: blocks, draws.parameters(draw)) { block, sums in
        for row in 0..<block.count {
          for output in 0..<outputs { values.append(sums[output * block.stride + row]) }
        }
      }
      return values
    }
    let length = draws.count / draws.chains
    let rHats = try values[0].indices.map { place in
      try ChainDiagnostics.rHat(
        of: (0..<draws.chains).map { chain in
          (chain * length..<(chain + 1) * length).map { values[$0][place] }
        })
    }
    return worst(rHats, max)
  }

  /// Some rows, and the middle of each and of one that comes half of them later.
  private static func places(_ rows: Rows) -> Rows {
    let kept = min(rows.count, mostRows)
    let some = rows.selected((0..<kept).map { $0 * rows.count / kept })
    let middles = (0..<kept).flatMap { row in
      zip(some[row], some[(row + kept / 2) % kept]).map { ($0 + $1) / 2 }
    }
    return Rows(some.values + middles, count: 2 * kept, width: rows.width)
  }

  /// Enough to see whether chains agree; neighbours say the same.
  private static let mostRows = 50

  private static func worst(
    _ statistics: [Statistic], _ worse: (Double, Double) -> Double
  ) -> Statistic {
    if let reason = statistics.compactMap(\.reason).first { return .undefined(reason) }
    let values = statistics.compactMap(\.value)
    guard let first = values.first else { return .undefined("no rows") }
    return .value(values.reduce(first, worse))
  }
}

extension ApproximatePosterior {
  /// Tells the temperature and the convergence of chains in the report.
  ///
  /// - Parameter posterior: That was sampled.
  /// - Returns: The temperature with its error, for methods whose steps may miss it.
  /// - Throws: ``InferenceError`` where the draws are of another network.
  @discardableResult
  mutating func judgeChains(_ posterior: Posterior) throws -> TemperatureAudit.Estimate? {
    let temperature = try TemperatureAudit.estimate(of: self, posterior)
    report["sampled_temperature"] = temperature?.value
    report["sampled_temperature_se"] = temperature?.error
    let rHat = try FunctionConvergence.rHat(of: self, posterior)
    report["rhat"] = rHat.value
    if let warning = FunctionConvergence.warning(
      rHat, on: "the rows that were fitted and between them")
    {
      warnings.append(warning)
    }
    return temperature
  }
}
