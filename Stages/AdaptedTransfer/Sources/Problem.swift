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
    let latency = try context.read("latency") { try DeviceTables(csv: $0) }
    let tables = try context.read("accuracy") { path in
      try PairedTables(
        latency: latency, accuracy: DeviceTables(csv: path, allowsNonPositive: true))
    }
    do {
      designs = try tables.designs(in: space)
      proxies = try parameters.proxies.map { try tables.latency.column($0) }
      target = try tables.latency.column(parameters.target)
    } catch let error as EdgeError {
      throw StageError(code: .badParameter, message: error.message, slot: "latency")
    }
    self.space = space
    indices = tables.indices
    accuracy = tables.accuracy
    let values = target
    duplicates = zip(parameters.proxies, proxies).filter { $1 == values }.map(\.0)
  }
}
