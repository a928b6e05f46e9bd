import EdgeOptimization
import StageKit

/// The known devices' and the target's latencies, and the accuracies of the same designs.
struct Problem {
  var space: SearchSpace
  var indices: [Int]
  var designs: [[Int]]
  var proxies: [[Double]]
  var target: [Double]
  var accuracy: [Double]
  /// Known devices whose table is the target's.
  var duplicates: [String]

  init(_ parameters: AdaptToTarget.Parameters, _ context: StageContext) throws {
    guard !parameters.proxies.contains(parameters.target) else {
      throw StageError(
        code: .badParameter,
        message: "the target '\(parameters.target)' is among the proxies; leave it out")
    }
    guard let space = SearchSpace(rawValue: parameters.space) else {
      throw StageError(code: .badParameter, message: "no space '\(parameters.space)'")
    }
    let latency = try Problem.tables("latency", context)
    let accuracies = try Problem.tables("accuracy", context)
    guard accuracies.devices.count == 1 else {
      throw StageError(
        code: .badInput,
        message:
          "the accuracy table has the columns \(accuracies.devices.joined(separator: ", ")); "
          + "it needs exactly one", slot: "accuracy")
    }
    guard latency.indices == accuracies.indices else {
      let first = zip(latency.indices, accuracies.indices).first { $0 != $1 }
      throw StageError(
        code: .badInput,
        message: "the latency table has \(latency.indices.count) designs, the accuracy table "
          + "\(accuracies.indices.count)"
          + (first.map { "; the first difference is \($0) against \($1)" } ?? "")
          + "; both need the same indices", slot: "accuracy")
    }
    guard let texts = latency.designs else {
      throw StageError(
        code: .badInput,
        message: "the latency table has no column 'design'; import it with its designs",
        slot: "latency")
    }
    do {
      designs = try texts.map { try space.design($0) }
      proxies = try parameters.proxies.map { try latency.column($0) }
      target = try latency.column(parameters.target)
    } catch let error as EdgeError {
      throw StageError(code: .badParameter, message: error.message, slot: "latency")
    }
    self.space = space
    indices = latency.indices
    accuracy = accuracies.values[0]
    let values = target
    duplicates = zip(parameters.proxies, proxies).filter { $1 == values }.map(\.0)
  }

  private static func tables(_ slot: String, _ context: StageContext) throws -> DeviceTables {
    do {
      return try DeviceTables(
        csv: try context.input(slot).path, allowsNonPositive: slot == "accuracy")
    } catch let error as StageError {
      throw error
    } catch {
      throw StageError(code: .badInput, message: "\(error)", slot: slot)
    }
  }
}
