import Foundation
import StageKit
import StructuredValue

/// One compressed network of a sweep: what it takes, what it answers, what it costs.
struct SweepPoint {
  let name: String
  let curve: String
  let label: String
  /// Totals of smartdeal-decompose, by name.
  let totals: [String: Double]
  /// Scores and energies, where they are given.
  let scores: [String: Double]
  let energyRatio: Double?
  /// Microjoules of one inference: `dense` and `smartdeal`.
  let energies: [String: Double]
  let accuracy: Double?
  let accuracyBefore: Double?

  /// A number by the name that the table has for it.
  func figure(_ name: String) -> Double? {
    name == "energyRatio" ? energyRatio : totals[name] ?? scores[name] ?? energies[name]
  }

  /// The points of all inputs, matched by the instances that they come from.
  static func all(
    in context: StageContext, curve: String, along: String
  ) throws -> [SweepPoint] {
    let scores = try contents("scores", context)
    let energies = try contents("energy", context)
    var points: [SweepPoint] = []
    for input in context.inputs("layers") {
      let value = try content(input)
      guard value["format"]?.string == "smartdeal-layers/1", let totals = value["totals"]?.map
      else {
        throw StageError(
          code: .badInput, message: "\(input.name): the file isn't what smartdeal-decompose writes",
          slot: "layers")
      }
      for (slot, found) in [("scores", scores), ("energy", energies)]
      where !found.isEmpty && found[input.name] == nil {
        throw StageError(
          code: .badInput,
          message: "the point '\(input.name)' has no \(slot); the points with \(slot) are "
            + found.keys.sorted().joined(separator: "; "), slot: slot)
      }
      points.append(
        SweepPoint(
          input, totals: totals, scores: scores[input.name], energy: energies[input.name],
          curve: curve, along: along))
    }
    return points
  }

  private init(
    _ input: StageInput, totals: [String: Value], scores: Value?, energy: Value?, curve: String,
    along: String
  ) {
    func text(_ axis: String) -> String? { input.matrix[axis].map(\.plainText) }
    name = input.name
    self.curve = text(curve) ?? "all"
    label = text(along) ?? input.name
    self.totals = totals.compactMapValues(\.double)
    self.scores = (scores?.map ?? [:]).compactMapValues(\.double)
    accuracy = scores?["accuracy"]?.double
    accuracyBefore = scores?["accuracyBefore"]?.double
    energyRatio = energy?["energyRatio"]?.double
    energies = ["dense", "smartdeal"].reduce(into: [:]) { sums, name in
      sums[name] = energy?[name]?["total"]?.double.map { $0 / 1e6 }
    }
  }

  private static func contents(
    _ slot: String, _ context: StageContext
  ) throws -> [String: Value] {
    var found: [String: Value] = [:]
    for input in context.inputs(slot) { found[input.name] = try content(input) }
    return found
  }

  private static func content(_ input: StageInput) throws -> Value {
    do {
      return try Value(json: Data(contentsOf: URL(fileURLWithPath: input.path)))
    } catch {
      throw StageError(
        code: .badInput, message: "\(input.name): the file is no JSON: \(error)", slot: input.slot)
    }
  }
}

extension Value {
  /// As a person would write it.
  fileprivate var plainText: String {
    switch self {
    case .string(let text): text
    case .int(let number): "\(number)"
    case .double(let number): "\(number)"
    default: json()
    }
  }
}
