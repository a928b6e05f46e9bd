import BayesianInference
import Statistics
import StructuredValue

/// How well an uncertainty tells two groups of pictures apart.
struct SetComparison {
  let set: String
  let uncertainty: Uncertainty
  let detection: Detection
  let aurocError: Double?
  let divergence: UncertaintyDivergence?
  /// Why something is undefined; empty where nothing is.
  let reason: String

  /// - Parameters:
  ///   - set: What the table calls the positives.
  ///   - uncertainty: What is compared.
  ///   - positives: Uncertainties of foreign or wrong pictures; nil where there is no such uncertainty.
  ///   - negatives: Of test or right pictures.
  init(
    _ set: String, _ uncertainty: Uncertainty, _ positives: [Double]?, _ negatives: [Double]?
  ) {
    self.set = set
    self.uncertainty = uncertainty
    guard let positives, let negatives else {
      detection = Detection(positives: [], negatives: [])
      (aurocError, divergence) = (nil, nil)
      reason = "one member has no model uncertainty"
      return
    }
    detection = Detection(positives: positives, negatives: negatives)
    aurocError =
      detection.auroc.value == nil
      ? nil : DetectionError.auroc(positives: positives, negatives: negatives)
    do {
      divergence = try UncertaintyDivergence(positives, negatives)
      reason = detection.auroc.reason ?? ""
    } catch {
      divergence = nil
      reason = detection.auroc.reason ?? "\(error)"
    }
  }

  static func table(_ rows: [SetComparison]) -> String {
    var text =
      "set,uncertainty,auroc,auroc_error,average_precision,false_positive_rate95,kl_forward,"
      + "kl_backward,jensen_shannon,wasserstein1,kolmogorov_smirnov,mean_gap,reason\n"
    for row in rows {
      let numbers: [Double?] = [
        row.detection.auroc.value, row.aurocError, row.detection.averagePrecision.value,
        row.detection.falsePositiveRate95.value, row.divergence?.forward, row.divergence?.backward,
        row.divergence?.jensenShannonShare, row.divergence?.wasserstein1,
        row.divergence?.kolmogorovSmirnov, row.divergence?.meanGap,
      ]
      let cells = numbers.map { $0.map { "\(($0 * 1e6).rounded() / 1e6)" } ?? "" }
      text +=
        ([quoted(row.set), row.uncertainty.rawValue] + cells + [quoted(row.reason)])
        .joined(separator: ",") + "\n"
    }
    return text
  }

  static func quoted(_ text: String) -> String {
    text.contains { ",\"\n".contains($0) }
      ? "\""
        + text.split(separator: "\"", omittingEmptySubsequences: false)
        .joined(separator: "\"\"") + "\"" : text
  }
}

/// The Jensen–Shannon divergence of entropies between all pairs of sets.
struct DivergenceMatrix {
  private let names: [String]
  /// A row a set; 0 on the diagonal, nil where it is undefined.
  private let values: [[Double?]]

  init(_ sets: [UncertainSet]) {
    names = sets.map(\.name)
    values = sets.enumerated().map { i, first in
      sets.enumerated().map { j, second in
        guard i != j, let a = first.values(.total), let b = second.values(.total) else { return 0 }
        return try? UncertaintyDivergence(a, b).jensenShannonShare
      }
    }
  }

  func table() -> String {
    var text = "set," + names.map(SetComparison.quoted).joined(separator: ",") + "\n"
    for (name, row) in zip(names, values) {
      text +=
        SetComparison.quoted(name) + ","
        + row.map { $0.map { "\(($0 * 1e4).rounded() / 1e4)" } ?? "" }.joined(separator: ",") + "\n"
    }
    return text
  }

  func figure(_ title: String) -> Value {
    var cells: [Value] = []
    for (i, row) in values.enumerated() {
      for (j, value) in row.enumerated() {
        cells.append([
          "first": .string(names[i]), "second": .string(names[j]),
          "divergence": value.map { .double(($0 * 1e3).rounded() / 1e3) } ?? .null,
        ])
      }
    }
    // Viridis is light in its upper half, where white could not be read.
    let half = (values.joined().compactMap { $0 }.max() ?? 0) / 2
    let encoding: Value = [
      "x": ["field": "first", "type": "nominal", "title": .null],
      "y": ["field": "second", "type": "nominal", "title": .null],
    ]
    return [
      "$schema": "https://vega.github.io/schema/vega-lite/v5.json", "title": .string(title),
      "width": 300, "height": 240, "data": ["values": .list(cells)], "encoding": encoding,
      "layer": [
        [
          "mark": "rect",
          "encoding": [
            "color": [
              "field": "divergence", "type": "quantitative",
              "title": ["Jensen–Shannon", "divergence / log 2"],
            ]
          ],
        ],
        [
          "mark": "text",
          "encoding": [
            "text": ["field": "divergence", "type": "quantitative"],
            "color": [
              "condition": ["test": .string("datum.divergence > \(half)"), "value": "black"],
              "value": "white",
            ],
          ],
        ],
      ],
    ]
  }
}
