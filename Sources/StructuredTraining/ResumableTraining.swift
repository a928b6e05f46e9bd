public import Formats
import NeuralNetworks
import Tensors

/// A training that goes on epoch by epoch, and from a checkpoint to the same bytes.
public protocol ResumableTraining: Sendable {
  var plan: TrainingPlan { get }
  /// What was measured after the epochs so far.
  var table: EpochTable { get }

  /// Trains for one more epoch.
  mutating func advance() throws

  /// All that going on needs, besides what the training was made from.
  func checkpoint() throws -> Safetensors

  /// Takes what ``checkpoint()`` gave.
  mutating func resume(from checkpoint: Safetensors) throws
}

extension ResumableTraining {
  public var isFinished: Bool { table.rows.count >= plan.epochs }
}

/// Parts of a checkpoint.
enum Checkpoint {
  static func tensors(_ tree: ParameterTree, under name: String) throws -> [NamedTensor] {
    try zip(tree.names, tree.tensors).map {
      NamedTensor(name: "\(name).\($0)", data: try $1.data())
    }
  }

  /// Tensors in a given order, since files keep them in an order of their own.
  static func tree(
    _ file: Safetensors, under name: String, ordered names: [String]
  ) throws -> ParameterTree {
    let tensors = try names.map { part in
      guard let data = file["\(name).\(part)"] else { throw mismatch }
      return try Tensor(data)
    }
    return try ParameterTree(names: names, tensors: tensors)
  }

  /// A network's state.
  static func state(
    _ file: Safetensors, under name: String, of module: some Module
  ) throws -> ParameterTree {
    try tree(file, under: name, ordered: module.state().names)
  }

  /// An optimizer's memory; without momentum there is none.
  static func optimizer(_ file: Safetensors) throws -> ParameterTree {
    let prefix = "optimizer."
    let tensors = file.tensors.filter { $0.name.hasPrefix(prefix) }
    return try ParameterTree(
      names: tensors.map { String($0.name.dropFirst(prefix.count)) },
      tensors: tensors.map { try Tensor($0.data) })
  }

  static let mismatch = TrainingError(
    .badPlan, "the checkpoint is of another training; remove it to start anew")
}
