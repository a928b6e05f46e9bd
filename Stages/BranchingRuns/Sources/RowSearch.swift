import StageKit
import Verification
import VerificationRecords

/// Searches one row after the other, as the parameters ask for.
struct RowSearch {
  /// What became of a row.
  struct Found {
    var verdict: SolverRun.Verdict
    var branches: Int
    var seconds: Double
    var cpuSeconds: Double
    var lowerBound: Double
  }

  private let parameters: BranchingRuns.Parameters
  private let network: ReLUNetwork
  private let verifier: Verifier
  private let workers: Int

  init(
    _ parameters: BranchingRuns.Parameters, _ network: ReLUNetwork, _ context: StageContext
  ) throws {
    var options = SearchOptions()
    options.timeout = parameters.timeout
    options.batch = parameters.batch
    options.seed = context.seed
    options.workers = context.cpus
    options.keepsCertificate = false
    verifier = try Verifier(network, options)
    self.parameters = parameters
    self.network = network
    workers = context.cpus
    guard parameters.search == "sequential" else { return }
    guard SequentialSearch.isAvailable else {
      throw StageError(
        code: .badParameter,
        message: "the sequential search needs Clp, which is not installed (coinor-libclp1)")
    }
  }

  func run(_ property: Property, _ rule: any BranchingRule) throws -> Found {
    guard parameters.search == "sequential" else {
      let outcome = try verifier.verify(
        property, rule: rule, report: { $0.branches < parameters.branches })
      return Found(
        verdict: verdict(outcome.verdict), branches: outcome.branches,
        seconds: outcome.wallSeconds, cpuSeconds: outcome.cpuSeconds,
        lowerBound: outcome.lowerBound)
    }
    // A table's row is one class against another: one box, one clause, one row.
    let problem = property.problems[0]
    let spent = ProcessorClock()
    let search = SequentialSearch(
      network, box: problem.box, row: problem.clauses[0].rows[0], workers: workers)
    let found = search.run(rule: rule, branches: parameters.branches) { _, _, _ in
      spent.wallSeconds < parameters.timeout
    }
    let isLate = found.holds == nil && spent.wallSeconds >= parameters.timeout
    return Found(
      verdict: found.holds.map { $0 ? .unsat : .sat } ?? (isLate ? .timeout : .unknown),
      branches: found.branches, seconds: spent.wallSeconds, cpuSeconds: spent.seconds,
      lowerBound: found.lowerBound)
  }

  private func verdict(_ verdict: Verdict) -> SolverRun.Verdict {
    switch verdict {
    case .unsat: .unsat
    case .sat: .sat
    case .unknown(.timeout): .timeout
    case .unknown: .unknown
    }
  }
}
