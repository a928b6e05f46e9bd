import Formats
import LearnedBranching
import StageKit
import Verification

/// Makes a fresh branching rule for each row.
struct RuleMaker {
  let label: String
  let ledger = GraphBranching.Ledger()
  private let rule: String
  private let network: BranchingNetwork?
  private let options: GraphBranching.Options

  init(_ parameters: BranchingRuns.Parameters, _ context: StageContext) throws {
    rule = parameters.rule
    label = parameters.label.isEmpty ? parameters.rule : parameters.label
    var options = GraphBranching.Options()
    options.hasFailSafe = parameters.failSafe
    options.steps = parameters.failSafeSteps
    options.generations = parameters.generations
    options.scoresFirstLayer = parameters.firstLayer
    options.learns = parameters.rule == "gnn-online"
    options.workers = context.cpus
    self.options = options
    network = try rule.hasPrefix("gnn") ? Self.network(parameters, context) : nil
  }

  private static func network(
    _ parameters: BranchingRuns.Parameters, _ context: StageContext
  ) throws -> BranchingNetwork {
    let model = context.inputs("model").first
    let folder = try context.input("files").path
    guard model != nil || !parameters.snapshot.isEmpty else {
      throw StageError(
        code: .badParameter,
        message: "'\(parameters.rule)' needs weights: connect a model, or name a snapshot")
    }
    do {
      let weights =
        try model.map { try BranchingParameters(safetensors: FileContent(path: $0.path)) }
        ?? BranchingParameters(
          snapshot: FileContent(path: "\(folder)/\(parameters.snapshot)"))
      return BranchingNetwork(weights, rounds: parameters.rounds)
    } catch {
      throw StageError(
        code: .badInput, message: "\(error)".replacing("\(folder)/", with: ""),
        slot: model == nil ? "files" : "model")
    }
  }

  func make(seed: UInt64) -> any BranchingRule {
    if let network {
      return GraphBranching(
        network, otherwise: BaBSR(), name: label, options: options, ledger: ledger)
    }
    return switch rule {
    case "fsb": FilteredSmartBranching()
    case "strong": StrongBranching()
    case "random": RandomBranching(seed: seed)
    default: BaBSR()
    }
  }
}
