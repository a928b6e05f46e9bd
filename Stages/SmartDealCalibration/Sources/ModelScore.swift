import BayesianInference
import StructuredValue
import Tensors

/// What a model's probabilities are worth.
struct ModelScore {
  let name: String
  let metrics: ClassificationMetrics
  let meanConfidence: Double
  let reliability: Reliability

  /// Measures logits against labels.
  ///
  /// - Throws: `InferenceError` where they do not fit.
  init(_ name: String, logits: Tensor, labels: [Int], bins: Int) throws {
    self.name = name
    let shape = logits.shape
    let values = try logits.to(.float64).softmax(along: 1).doubles()
    let probabilities = try ClassProbabilities(
      values, members: 1, rows: shape[0], classes: shape[1])
    metrics = try ClassificationMetrics(probabilities, labels, bins: bins)
    let confidences = (0..<shape[0]).map { probabilities.mixture($0).max() ?? 0 }
    meanConfidence = confidences.reduce(0, +) / Double(max(shape[0], 1))
    let right = labels.indices.map { row -> Double in
      let p = probabilities.mixture(row)
      return p.firstIndex(of: p.max() ?? 0) == labels[row] ? 1 : 0
    }
    reliability = Reliability(confidences, right, bins: bins)
  }

  static func table(_ scores: [ModelScore]) -> String {
    let header =
      "model,accuracy,log_loss,brier,calibration_error,maximum_calibration_error,"
      + "adaptive_calibration_error,mean_confidence\n"
    let rows = scores.map { score in
      let name = score.name.replacing("\"", with: "\"\"")
      let metrics = score.metrics
      let numbers = [
        100 * metrics.accuracy, metrics.negativeLogLikelihood, metrics.brier,
        metrics.calibrationError, metrics.maximumCalibrationError,
        metrics.adaptiveCalibrationError, score.meanConfidence,
      ]
      return "\"\(name)\"," + numbers.map { "\($0)" }.joined(separator: ",") + "\n"
    }
    return header + rows.joined()
  }

  /// Accuracy against confidence: a line for each model, and the diagonal.
  static func figure(_ scores: [ModelScore], title: String) -> Value {
    let values = scores.flatMap { score in
      score.reliability.bins.map { bin -> Value in
        [
          "model": .string(score.name), "confidence": .double(rounded(bin.predicted)),
          "accuracy": .double(rounded(bin.observed)), "pictures": .int(bin.count),
        ]
      }
    }
    let axis: (String, String) -> Value = { field, title in
      [
        "field": .string(field), "type": "quantitative", "title": .string(title),
        "scale": ["domain": [0, 1]],
      ]
    }
    return [
      "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
      "title": .string(title), "width": 360, "height": 320,
      "layer": [
        [
          "data": [
            "values": [["confidence": 0, "accuracy": 0], ["confidence": 1, "accuracy": 1]]
          ],
          "mark": ["type": "line", "color": "#999", "strokeDash": [4, 4]],
          "encoding": [
            "x": axis("confidence", "confidence"), "y": axis("accuracy", "accuracy"),
          ],
        ],
        [
          "data": ["values": .list(values)],
          "mark": ["type": "line", "point": true],
          "encoding": [
            "x": axis("confidence", "confidence"), "y": axis("accuracy", "accuracy"),
            "color": [
              "field": "model", "type": "nominal", "title": .null,
              "scale": [
                "domain": .list(scores.map { .string($0.name) }), "scheme": "tableau10",
              ],
            ],
            "tooltip": [
              ["field": "model"], ["field": "pictures", "title": "pictures in the bin"],
              ["field": "confidence", "format": ".3f"], ["field": "accuracy", "format": ".3f"],
            ],
          ],
        ],
      ],
    ]
  }

  private static func rounded(_ value: Double) -> Double { (value * 10_000).rounded() / 10_000 }
}
