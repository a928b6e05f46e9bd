import EdgeOptimization
import StageKit

/// Both devices' latencies and the accuracies of the same designs.
struct Problem {
  var indices: [Int]
  var proxy: [Double]
  var target: [Double]
  var accuracy: [Double]

  init(_ parameters: TransferFromProxy.Parameters, _ context: StageContext) throws {
    let latency = try context.read("latency") { try DeviceTables(csv: $0) }
    let accuracies = try context.read("accuracy") {
      try DeviceTables(csv: $0, allowsNonPositive: true)
    }
    guard accuracies.devices.count == 1 else {
      throw StageError(
        code: .badInput,
        message:
          "the accuracy table has the columns \(accuracies.devices.joined(separator: ", ")); "
          + "it needs exactly one", slot: "accuracy")
    }
    guard parameters.proxy != parameters.target else {
      throw StageError(
        code: .badParameter, message: "'\(parameters.proxy)' is both proxy and target")
    }
    if latency.indices != accuracies.indices {
      let pairs = zip(latency.indices, accuracies.indices)
      let first =
        pairs.first { $0 != $1 }.map { "; the first difference is \($0) against \($1)" } ?? ""
      throw StageError(
        code: .badInput,
        message: "the latency table has \(latency.indices.count) designs, the accuracy table "
          + "\(accuracies.indices.count)\(first); both need the same indices", slot: "accuracy")
    }
    if let left = latency.designs, let right = accuracies.designs,
      let row = left.indices.first(where: { left[$0] != right[$0] })
    {
      throw StageError(
        code: .badInput,
        message: "index \(latency.indices[row]) is design \(left[row]) in the latency table and "
          + "\(right[row]) in the accuracy table", slot: "accuracy")
    }
    indices = latency.indices
    accuracy = accuracies.values[0]
    do {
      proxy = try latency.column(parameters.proxy)
      target = try latency.column(parameters.target)
    } catch {
      throw StageError(code: .badParameter, message: error.message, slot: "latency")
    }
  }
}
