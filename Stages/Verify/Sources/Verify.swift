public import StageKit
import Verification
import VerificationAudit

/// Decides one property of one network.
public struct Verify: Stage {
  public struct Parameters: Decodable, Sendable {
    var row: Int
    var branching: String
    var splitting: String
    var timeout: Double
    var branches: Int
    var tolerance: Double
    var batch: Int
    var attackStarts: Int
    var attackSteps: Int
    var intermediateSteps: Int
    var rootSteps: Int
    var childSteps: Int
    var memory: Int
    var rigorous: Bool
    var certificate: Bool
  }

  public static var manifest: [UInt8] { PackageResources.stage_yaml }
  public static var code: String { CodeFingerprint.digest }

  public init() {}

  public func run(_ parameters: Parameters, in context: StageContext) async throws {
    guard parameters.certificate || !parameters.rigorous else {
      throw StageError(
        code: .badParameter,
        message: "'rigorous' computes the bounds of the certificate anew; set 'certificate' to true"
      )
    }
    let network = try context.read("network") { try ReLUNetwork.read(path: $0) }
    let property = try context.read("property") { path in
      try Property.read(
        path: path, row: parameters.row, images: context.inputs("images").first?.path,
        for: network)
    }
    let key = self.key(parameters, context)
    let resume = context.resume.flatMap { try? SavedTree.read(path: $0) }
    if context.resume != nil && resume?.key != key {
      context.log(.warn, "the saved search is of other inputs or options; starting anew")
    }
    var outcome: VerificationOutcome
    do throws(VerificationError) {
      let rule = try BranchingRules.rule(named: parameters.branching, seed: context.seed)
      let verifier = try Verifier(network, parameters.options(context))
      outcome = try verifier.verify(
        property, rule: rule, resume: resume?.key == key ? resume : nil,
        save: { save($0, key, context) },
        report: { progress in
          context.progress(
            progress.branches, of: progress.branches + progress.open, unit: "parts",
            message: "lower bound \(VerificationReport.shown(progress.lowerBound))")
          return true
        })
    } catch {
      throw StageError(
        code: error.code == .badOption ? .badParameter : .badInput, message: error.message,
        slot: error.code == .badProperty ? "property" : nil)
    }
    if parameters.rigorous, outcome.verdict == .unsat {
      confirm(&outcome, network, property, context)
    }
    try VerificationReport(outcome, network).write(to: context)
    if let certificate = outcome.certificate {
      try certificate.write(to: context.output("certificate"))
    }
  }

  /// Takes back a proof of which a bound does not hold with its rounding accounted for.
  private func confirm(
    _ outcome: inout VerificationOutcome, _ network: ReLUNetwork, _ property: Property,
    _ context: StageContext
  ) {
    let clock = ProcessorClock()
    let parts = outcome.certificate?.proofs.reduce(0) { $0 + $1.leafCount } ?? 0
    let report = outcome.certificate.map { certificate in
      Audit.check(certificate, network, property) {
        context.progress($0.leaves, of: max(parts, $0.leaves), unit: "parts", message: "rounding")
      }
    }
    outcome.wallSeconds += clock.wallSeconds
    outcome.cpuSeconds += clock.seconds
    guard report?.isValid != true else { return }
    context.log(.warn, "the proof is not rigorous: \(report?.failure ?? "there is no certificate")")
    outcome.verdict = .unknown(.rounding)
    outcome.certificate = nil
  }

  /// What a saved search is of.
  private func key(_ parameters: Parameters, _ context: StageContext) -> String {
    let inputs = ["network", "property", "images"].map {
      context.inputs($0).first?.digest ?? ""
    }
    return (inputs + ["\(parameters)", "\(context.seed)", Verify.code]).joined(separator: " ")
  }

  /// Leaves the tree as a checkpoint; a search whose tree can't be written goes on.
  private func save(_ tree: SavedTree, _ key: String, _ context: StageContext) {
    var tree = tree
    tree.key = key
    let path = "\(context.scratch)/tree"
    do {
      try tree.write(to: path)
      context.checkpoint(path)
    } catch {
      context.log(.warn, "the search can't be saved: \(error)")
    }
  }
}

extension Verify.Parameters {
  fileprivate func options(_ context: StageContext) -> SearchOptions {
    var options = SearchOptions()
    options.tolerance = tolerance
    options.timeout = timeout
    options.branchLimit = branches == 0 ? nil : branches
    options.batch = batch
    options.seed = context.seed
    options.workers = context.cpus
    options.splitting = Splitting(rawValue: splitting) ?? .automatic
    options.attackStarts = attackStarts
    options.attackSteps = attackSteps
    options.memoryLimit = memory << 20
    options.keepsCertificate = certificate
    options.bounds.intermediateSteps = intermediateSteps
    options.bounds.rootSteps = rootSteps
    options.bounds.childSteps = childSteps
    return options
  }
}
