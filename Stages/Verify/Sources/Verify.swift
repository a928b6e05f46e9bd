public import StageKit
import Verification

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
    var certificate: Bool
  }

  public static var manifest: [UInt8] { PackageResources.stage_yaml }
  public static var code: String { CodeFingerprint.digest }

  public init() {}

  public func run(_ parameters: Parameters, in context: StageContext) async throws {
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
    let outcome: VerificationOutcome
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
    try VerificationReport(outcome, network).write(to: context)
    if let certificate = outcome.certificate {
      try certificate.write(to: context.output("certificate"))
    }
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
