import EdgeOptimization
import StructuredValue

/// Predicted against true latencies as a Vega-Lite figure, with the measured designs.
enum PredictionPlot {
  static func figure(
    _ outcome: AdaptedTransfer.Outcome, _ problem: Problem, _ parameters: AdaptToTarget.Parameters
  ) -> Value {
    let asked = Set(outcome.samples + outcome.candidates)
    let valid = problem.target.indices.filter {
      !problem.target[$0].isNaN && !outcome.predicted[$0].isNaN && !asked.contains($0)
    }
    // A thousand points show the spread; all 15,625 would only make the page heavy.
    let shown = stride(from: 0, to: valid.count, by: max(valid.count / 1000, 1)).map { valid[$0] }
    let points =
      shown.map { point($0, "not measured", outcome, problem) }
      + outcome.samples.filter { outcome.measured[$0] != nil }
      .map { point($0, "sample", outcome, problem) }
      + outcome.candidates.filter { outcome.measured[$0] != nil }
      .map { point($0, "candidate", outcome, problem) }
    let axis = { (field: String, title: String) -> Value in
      [
        "field": .string(field), "type": "quantitative", "title": .string(title),
        "scale": ["zero": false],
      ]
    }
    return [
      "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
      "title": .string("\(parameters.target), adapter \(parameters.adapter)"),
      "width": 420, "height": 320, "data": ["values": .list(points)],
      "mark": ["type": "point", "size": 18, "opacity": 0.6],
      "encoding": [
        "x": axis("measured", "latency on \(parameters.target) in \(parameters.unit)"),
        "y": axis(
          "predicted",
          parameters.adapter == "none"
            ? "latency on the proxy in \(parameters.unit)"
            : "predicted latency in \(parameters.unit)"),
        "color": [
          "field": "set", "type": "nominal", "title": .null,
          "scale": [
            "domain": ["not measured", "sample", "candidate"],
            "range": ["#9ecae9", "#e45756", "#f58518"],
          ],
        ],
      ],
    ]
  }

  private static func point(
    _ design: Int, _ set: String, _ outcome: AdaptedTransfer.Outcome, _ problem: Problem
  ) -> Value {
    [
      "measured": .double(PredictionQuality.round(problem.target[design])),
      "predicted": .double(PredictionQuality.round(outcome.predicted[design])),
      "set": .string(set),
    ]
  }
}
