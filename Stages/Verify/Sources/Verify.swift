import Formats
public import StageKit
import StructuredValue
import Verification

/// Decides one property of one network.
public struct Verify: Stage {
  public struct Parameters: Decodable, Sendable {
    var row: Int
    var branching: String
    var splitting: String
    var timeout: Double
    var tolerance: Double
    var batch: Int
    var attackStarts: Int
    var attackSteps: Int
    var intermediateSteps: Int
    var rootSteps: Int
    var childSteps: Int
    var memory: Int
  }

  public static var manifest: [UInt8] { PackageResources.stage_yaml }
  public static var code: String { CodeFingerprint.digest }

  public init() {}

  public func run(_ parameters: Parameters, in context: StageContext) async throws {
    let network = try context.read("network") { try ReLUNetwork.read(path: $0) }
    let property = try property(of: network, parameters, context)
    let outcome: VerificationOutcome
    do throws(VerificationError) {
      let rule = try BranchingRules.rule(named: parameters.branching, seed: context.seed)
      let verifier = try Verifier(network, parameters.options(context))
      outcome = try verifier.verify(property, rule: rule) { progress in
        context.progress(
          progress.branches, of: progress.branches + progress.open, unit: "parts",
          message: "lower bound \(VerificationReport.shown(progress.lowerBound))")
        return true
      }
    } catch {
      throw StageError(
        code: error.code == .badOption ? .badParameter : .badInput, message: error.message,
        slot: error.code == .badProperty ? "property" : nil)
    }
    try VerificationReport(outcome, network).write(to: context)
  }

  private func property(
    of network: ReLUNetwork, _ parameters: Parameters, _ context: StageContext
  ) throws -> Property {
    let path = try context.input("property").path
    guard PropertyTable.isTable(path: path) else {
      let property = try context.read("property") { try VNNLIB.read(path: $0) }
      do {
        try property.check(against: network)
      } catch {
        throw StageError(code: .badInput, message: error.message, slot: "property")
      }
      return property.reordered(for: network)
    }
    let table = try context.read("property") { try PropertyTable(path: $0) }
    let images = try context.read("images") { try CIFARImages(path: $0) }
    do throws(VerificationError) {
      return try table.property(row: parameters.row, of: network, images: images)
    } catch {
      throw StageError(
        code: error.code == .badOption ? .badParameter : .badInput, message: error.message,
        slot: "property")
    }
  }
}

extension Verify.Parameters {
  fileprivate func options(_ context: StageContext) -> SearchOptions {
    var options = SearchOptions()
    options.tolerance = tolerance
    options.timeout = timeout
    options.batch = batch
    options.seed = context.seed
    options.workers = context.cpus
    options.splitting = Splitting(rawValue: splitting) ?? .automatic
    options.attackStarts = attackStarts
    options.attackSteps = attackSteps
    options.memoryLimit = memory << 20
    options.bounds.intermediateSteps = intermediateSteps
    options.bounds.rootSteps = rootSteps
    options.bounds.childSteps = childSteps
    return options
  }
}
