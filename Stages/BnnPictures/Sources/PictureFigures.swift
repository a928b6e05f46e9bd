import BayesianInference
import StructuredValue

/// Figures of an evaluation, as Vega-Lite with their data inside.
enum PictureFigures {
  /// Accuracy over the share of pictures that are kept, the most certain first.
  static func rejection(_ selective: SelectivePrediction, _ title: String) -> Value {
    let points = selective.curve().map { point -> Value in
      ["kept": rounded(point.coverage), "accuracy": rounded(point.accuracy)]
    }
    return line(
      title, points, x: "kept", "share of pictures kept", y: "accuracy", "accuracy on them")
  }

  /// Accuracy against confidence, in 15 bins.
  static func reliability(
    _ mixture: ClassMixture, _ uncertainty: ClassUncertainty, _ labels: [Int], _ title: String
  ) -> Value {
    let reliability = Reliability(
      labels.indices.map { mixture.mixture($0).max() ?? 0 },
      zip(uncertainty.predictions, labels).map { $0 == $1 ? 1 : 0 }, bins: 15)
    let points = reliability.bins.map { bin -> Value in
      [
        "confidence": rounded(bin.predicted), "accuracy": rounded(bin.observed),
        "pictures": .int(bin.count),
      ]
    }
    return [
      "$schema": "https://vega.github.io/schema/vega-lite/v5.json", "title": .string(title),
      "width": 320, "height": 320, "data": ["values": .list(points)],
      "layer": [
        [
          "data": ["values": [["x": 0, "y": 0], ["x": 1, "y": 1]]],
          "mark": ["type": "line", "strokeDash": [4, 4], "color": "gray"],
          "encoding": [
            "x": ["field": "x", "type": "quantitative"],
            "y": ["field": "y", "type": "quantitative"],
          ],
        ],
        [
          "mark": ["type": "line", "point": true],
          "encoding": [
            "x": ["field": "confidence", "type": "quantitative", "title": "mean confidence"],
            "y": ["field": "accuracy", "type": "quantitative", "title": "accuracy"],
            "tooltip": ["field": "pictures"],
          ],
        ],
      ],
    ]
  }

  /// Accuracy over the amount, a line for each shift; amounts as shares of the largest.
  static func shifts(_ rows: [ShiftedScores], _ title: String) -> Value {
    let largest = Dictionary(rows.map { ($0.shift, $0.amount) }) { max($0, $1) }
    let points = rows.map { row -> Value in
      [
        "shift": .string(row.shift), "amount": rounded(row.amount / (largest[row.shift] ?? 1)),
        "accuracy": rounded(row.metrics.accuracy),
      ]
    }
    return line(
      title, points, x: "amount", "share of the largest amount", y: "accuracy", "accuracy",
      color: "shift")
  }

  private static func line(
    _ title: String, _ points: [Value], x: String, _ xTitle: String, y: String, _ yTitle: String,
    color: String? = nil
  ) -> Value {
    var encoding: [String: Value] = [
      "x": ["field": .string(x), "type": "quantitative", "title": .string(xTitle)],
      "y": [
        "field": .string(y), "type": "quantitative", "title": .string(yTitle),
        "scale": ["zero": false],
      ],
    ]
    if let color { encoding["color"] = ["field": .string(color), "type": "nominal"] }
    return [
      "$schema": "https://vega.github.io/schema/vega-lite/v5.json", "title": .string(title),
      "width": 420, "height": 240, "data": ["values": .list(points)], "mark": "line",
      "encoding": .map(encoding),
    ]
  }

  private static func rounded(_ value: Double) -> Value { .double((value * 1e4).rounded() / 1e4) }
}
