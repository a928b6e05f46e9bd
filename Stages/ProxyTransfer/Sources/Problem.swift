import EdgeOptimization
import StageKit

/// Both devices' latencies and the accuracies of the same designs.
struct Problem {
  var indices: [Int]
  var proxy: [Double]
  var target: [Double]
  var accuracy: [Double]

  init(_ parameters: TransferFromProxy.Parameters, _ context: StageContext) throws {
    guard parameters.proxy != parameters.target else {
      throw StageError(
        code: .badParameter, message: "'\(parameters.proxy)' is both proxy and target")
    }
    let latency = try context.read("latency") { try DeviceTables(csv: $0) }
    let tables = try context.read("accuracy") { path in
      try PairedTables(
        latency: latency, accuracy: DeviceTables(csv: path, allowsNonPositive: true))
    }
    indices = tables.indices
    accuracy = tables.accuracy
    do {
      proxy = try latency.column(parameters.proxy)
      target = try latency.column(parameters.target)
    } catch {
      throw StageError(code: .badParameter, message: error.message, slot: "latency")
    }
    guard proxy.indices.contains(where: { !proxy[$0].isNaN && !target[$0].isNaN }) else {
      throw StageError(
        code: .badInput,
        message: "none of the \(indices.count) designs is valid on both '\(parameters.proxy)' and "
          + "'\(parameters.target)'; a transfer needs common ones", slot: "latency")
    }
  }
}
