import EdgeOptimization
import StageKit

/// The known devices' latencies, the accuracies of the same designs, and what is known of the target.
struct Problem {
  /// Where the target's latencies come from.
  enum Target {
    /// Somebody measured a few designs.
    case measured(DeviceMeasurements)
    /// A table answers for the device.
    case table([Double])
    /// Nothing was measured yet.
    case unknown
  }

  var space: SearchSpace
  var indices: [Int]
  var designs: [[Int]]
  var proxies: [[Double]]
  var target: Target
  /// Of each design; all alike where no table says.
  var accuracy: [Double]
  var knowsAccuracy: Bool
  var unit: String
  /// What looks wrong although it may be right.
  var warnings: [String] = []

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
    knowsAccuracy = !context.inputs("accuracy").isEmpty
    guard knowsAccuracy || parameters.candidates == 0 else {
      throw StageError(
        code: .badParameter,
        message:
          "no accuracy table, so \(parameters.candidates) candidates can't be chosen; connect "
          + "one to 'accuracy', or set 'candidates' to 0 for the latencies alone")
    }
    let accuracies =
      knowsAccuracy
      ? try context.read("accuracy") { try DeviceTables(csv: $0, allowsNonPositive: true) } : nil
    guard let texts = latency.designs else {
      throw StageError(
        code: .badInput,
        message: "the latency table has no column 'design'; import it with its designs",
        slot: "latency")
    }
    do {
      designs = try texts.map { try space.design($0) }
    } catch {
      throw StageError(code: .badInput, message: "\(error)", slot: "latency")
    }
    do {
      proxies = try parameters.proxies.map { try latency.column($0) }
      if !context.inputs("measurements").isEmpty {
        target = .measured(
          try context.read("measurements") { try DeviceMeasurements(csv: $0) })
      } else if parameters.target.isEmpty {
        target = .unknown
      } else {
        target = .table(try latency.column(parameters.target))
      }
    } catch let error as EdgeError {
      throw StageError(code: .badParameter, message: error.message, slot: "latency")
    }
    self.space = space
    indices = latency.indices
    accuracy =
      try accuracies.map { try Problem.accuracy($0, latency) }
      ?? [Double](repeating: 0, count: latency.indices.count)
    unit = latency.unit ?? "ms"
    warnings = latency.warnings()
    if case .table(let values) = target {
      for (name, proxy) in zip(parameters.proxies, proxies) where proxy == values {
        warnings.append(
          "'\(name)' and '\(parameters.target)' hold the same values: a trivial transfer")
      }
    }
  }

  /// The accuracy of each design of the latency table, by index or by design; NaN where unknown.
  private static func accuracy(
    _ accuracies: DeviceTables, _ latency: DeviceTables
  ) throws -> [Double] {
    guard accuracies.devices.count == 1 else {
      throw StageError(
        code: .badInput,
        message:
          "the accuracy table has the columns \(accuracies.devices.joined(separator: ", ")); "
          + "it needs exactly one", slot: "accuracy")
    }
    let values = accuracies.values[0]
    if let left = latency.designs, let right = accuracies.designs {
      let found = Dictionary(zip(right, values)) { first, _ in first }
      let result = left.map { found[$0] ?? .nan }
      guard result.contains(where: { !$0.isNaN }) else {
        throw StageError(
          code: .badInput,
          message:
            "no design of the latency table (the first is \(left.first ?? "none")) is in the "
            + "accuracy table (the first is \(right.first ?? "none"))", slot: "accuracy")
      }
      return result
    }
    guard latency.indices == accuracies.indices else {
      let first = zip(latency.indices, accuracies.indices).first { $0 != $1 }
      throw StageError(
        code: .badInput,
        message: "the latency table has \(latency.indices.count) designs, the accuracy table "
          + "\(accuracies.indices.count)"
          + (first.map { "; the first difference is \($0) against \($1)" } ?? "")
          + "; both need the same indices, or a column 'design'", slot: "accuracy")
    }
    return values
  }
}
