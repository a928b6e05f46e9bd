import Statistics
import Foundation
public import StageKit
import Statistics
import StructuredValue

/// Sets what test log-likelihood says of methods beside what their fidelity says.
public struct BayesianComparison: Stage {
  public struct Parameters: Decodable, Sendable {
    var reference: String
    var margin: Double
    var title: String
  }

  public static var manifest: [UInt8] { PackageResources.stage_yaml }
  public static var code: String { CodeFingerprint.digest }

  public init() {}

  public func run(_ parameters: Parameters, in context: StageContext) async throws {
    let rows = MethodScores.merged(try context.inputs("scores").map { try MethodScores($0) })
    guard !parameters.reference.isEmpty else {
      context.metric("methods", rows.count)
      try context.write(table(rows, nil), to: "table")
      return
    }
    guard let reference = rows.first(where: { $0.name == parameters.reference }),
      let likelihood = reference.likelihood
    else {
      throw StageError(
        code: .badParameter,
        message: "no scores are titled '\(parameters.reference)'; the titles are "
          + rows.map(\.name).joined(separator: ", "), slot: "scores")
    }
    let others = rows.filter {
      $0.name != parameters.reference && $0.likelihood != nil && $0.distance != nil
    }
    guard others.count > 1 else {
      throw StageError(
        code: .badInput,
        message: "\(others.count) methods have a fidelity to the reference; two or more are needed",
        slot: "scores")
    }
    let ranking = MethodRanking(others, referenceLikelihood: likelihood, margin: parameters.margin)
    context.metric("methods", rows.count)
    context.metric("rank_correlation", ranking.correlation.value)
    context.metric("rank_correlation_divergence", ranking.divergenceCorrelation.value)
    context.metric("misleading", ranking.misleading.count)
    context.metric("better_than_reference", ranking.better.count)
    context.metric("best_by_likelihood_divergence", ranking.best?.divergence)
    context.metric("uncertainty_judged", rows.count { $0.isUncertaintyUseful != nil })
    context.metric("uncertainty_useless", rows.count { $0.isUncertaintyUseful == false })
    if let reason = ranking.correlation.reason {
      context.log(.warn, "the rank correlation is undefined: \(reason)")
    }
    try context.write(table(rows, ranking), to: "table")
    try context.write(
      figure(rows, likelihood, parameters.title).json(indented: true), to: "figure")
    if let best = ranking.best {
      context.note(
        "Test log-likelihood says **\(best.name)**; fidelity to \(parameters.reference) says "
          + "**\(ranking.nearest?.name ?? "nothing")**."
          + (ranking.misleading.isEmpty
            ? ""
            : " As likely as the reference, yet far from it: "
              + ranking.misleading.map(\.name).joined(separator: ", ") + "."))
    }
  }

  /// - `ranking`: Nil where there is no reference; then ranks are left out.
  private func table(_ rows: [MethodScores], _ ranking: MethodRanking?) -> String {
    let names = [
      "log_likelihood", "rmse", "accuracy", "brier", "coverage95", "width95", "calibration_error",
      "error_auroc", "error_auroc_model", "aurc", "decision_cost", "mean_entropy", "auroc_total",
      "auroc_model", "least_auroc_total", "least_auroc_model", "shifted_accuracy",
      "shifted_calibration_error", "wasserstein2", "total_variation", "divergence",
      "deviation_ratio",
    ].filter { name in rows.contains { $0.values[name] != nil } }
    let ranked = ranking == nil ? [] : ["likelihood rank", "fidelity rank"]
    var text = (["method"] + ranked + names + ["marks"]).joined(separator: ",") + "\n"
    let sorted = rows.sorted { ($0.likelihood ?? -.infinity) > ($1.likelihood ?? -.infinity) }
    for row in sorted {
      let cells = names.map { name in row.values[name].map { rounded($0) } ?? "" }
      let ranks =
        ranking.map { ranking in
          [ranking.likelihoodRank[row.name], ranking.fidelityRank[row.name]].map {
            $0.map(String.init) ?? ""
          }
        } ?? []
      text +=
        ([row.name] + ranks + cells + [row.marks]).joined(separator: ",") + "\n"
    }
    return text
  }

  private func rounded(_ value: Double) -> String { "\((value * 10_000).rounded() / 10_000)" }

  private func figure(_ rows: [MethodScores], _ likelihood: Double, _ title: String) -> Value {
    let points = rows.compactMap { row -> Value? in
      guard let x = row.likelihood, x.isFinite, let y = row.distance else { return nil }
      return [
        "method": .string(row.name), "likelihood": .double((x * 1e4).rounded() / 1e4),
        "distance": .double((y * 1e4).rounded() / 1e4), "marks": .string(row.marks),
      ]
    }
    let isClasses = rows.contains { $0.values["total_variation"] != nil }
    let encoding: Value = [
      "x": [
        "field": "likelihood", "type": "quantitative", "title": "test log-likelihood a row",
        "scale": ["zero": false], "axis": ["tickCount": 8],
      ],
      "y": [
        "field": "distance", "type": "quantitative",
        "title": .string(
          isClasses ? "total variation from the reference" : "W2 of f from the reference"),
      ],
    ]
    return [
      "$schema": "https://vega.github.io/schema/vega-lite/v5.json", "title": .string(title),
      "width": 520, "height": 340, "data": ["values": .list(points)], "encoding": encoding,
      "layer": [
        // Names of near points cover each other; pointing at one tells its own.
        [
          "mark": ["type": "point", "filled": true, "size": 60],
          "encoding": ["tooltip": ["field": "method"]],
        ],
        [
          "mark": ["type": "text", "align": "left", "dx": 7, "fontSize": 10],
          "encoding": ["text": ["field": "method"]],
        ],
        [
          "data": ["values": [["likelihood": .double(likelihood)]]],
          "mark": ["type": "rule", "strokeDash": [4, 4], "color": "gray"],
          "encoding": ["x": ["field": "likelihood", "type": "quantitative"]],
        ],
      ],
    ]
  }
}

/// What bnn-evaluate wrote of one method.
struct MethodScores {
  let name: String
  private(set) var values: [String: Double]
  /// Why it must not stand beside the others unmarked; empty where nothing does.
  private(set) var marks: String

  /// One for each name: scores of the same method from several stages are put together.
  static func merged(_ all: [MethodScores]) -> [MethodScores] {
    var rows: [MethodScores] = []
    for scores in all {
      if let place = rows.firstIndex(where: { $0.name == scores.name }) {
        rows[place].values.merge(scores.values) { first, _ in first }
        if rows[place].marks.isEmpty { rows[place].marks = scores.marks }
      } else {
        rows.append(scores)
      }
    }
    return rows
  }

  var likelihood: Double? { values["log_likelihood"] }
  /// How far it is from the reference.
  var distance: Double? { values["wasserstein2"] ?? values["total_variation"] }
  var divergence: Double? { values["divergence"] }
  /// Whether wrong rows are the more uncertain ones, by their mean entropy and by rejecting them; nil
  /// where no classes were predicted.
  var isUncertaintyUseful: Bool? {
    guard let gap = values["entropy_gap"], let area = values["aurc"],
      let accuracy = values["accuracy"]
    else { return nil }
    return gap > 0 && area < 1 - accuracy
  }

  init(_ input: StageInput) throws {
    guard
      let map = try? Value(json: Data(contentsOf: URL(fileURLWithPath: input.path))).map,
      let name = map["method"]?.string, let metrics = map["metrics"]?.map
    else {
      throw StageError(
        code: .badInput, message: "\(input.name): the file isn't what bnn-evaluate writes",
        slot: input.slot)
    }
    self.name = name
    values = metrics.compactMapValues { $0["value"]?.double }
    var marks: [String] = []
    if let temperature = map["temperature"]?.double, temperature != 1 {
      marks.append("T = \((temperature * 1e4).rounded() / 1e4)")
    }
    if !(map["warnings"]?.list ?? []).isEmpty { marks.append("unreliable") }
    self.marks = marks.joined(separator: "; ")
  }
}

/// Two orders of the same methods.
struct MethodRanking {
  let correlation: Statistic
  let divergenceCorrelation: Statistic
  let misleading: [MethodScores]
  let better: [MethodScores]
  /// The method of the highest likelihood, and the one nearest to the reference.
  let best: MethodScores?
  let nearest: MethodScores?
  /// Ranks from 1.
  let likelihoodRank: [String: Int]
  let fidelityRank: [String: Int]

  init(_ methods: [MethodScores], referenceLikelihood: Double, margin: Double) {
    let likelihoods = methods.map { $0.likelihood ?? -.infinity }
    correlation = Correlation.spearman(likelihoods, methods.map { -($0.distance ?? .infinity) })
    divergenceCorrelation = Correlation.spearman(
      likelihoods, methods.map { -($0.divergence ?? .infinity) })
    misleading = methods.filter {
      ($0.likelihood ?? -.infinity) >= referenceLikelihood - margin
        && ($0.divergence ?? 0 > 0.5 || $0.values["deviation_ratio"] ?? 1 < 0.1)
    }
    better = methods.filter { $0.likelihood ?? -.infinity > referenceLikelihood }
    let byLikelihood = methods.sorted {
      ($0.likelihood ?? -.infinity) > ($1.likelihood ?? -.infinity)
    }
    let byDistance = methods.sorted { ($0.distance ?? .infinity) < ($1.distance ?? .infinity) }
    best = byLikelihood.first
    nearest = byDistance.first
    let ranks = { (methods: [MethodScores]) in
      Dictionary(methods.enumerated().map { ($1.name, $0 + 1) }) { first, _ in first }
    }
    likelihoodRank = ranks(byLikelihood)
    fidelityRank = ranks(byDistance)
  }
}
