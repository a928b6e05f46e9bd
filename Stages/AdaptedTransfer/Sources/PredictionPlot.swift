import EdgeOptimization
import StructuredValue

/// Predicted against measured latencies as a Vega-Lite figure.
enum PredictionPlot {
  static func figure(
    _ outcome: AdaptedTransfer.Outcome, _ problem: Problem, _ parameters: AdaptToTarget.Parameters
  ) -> Value {
    let groups = [
      ("check", outcome.plan.checks), ("sample", outcome.plan.samples),
      ("candidate", outcome.candidates),
    ]
    var points = unmeasured(outcome, problem)
    for (name, designs) in groups {
      points += designs.compactMap { design in
        outcome.measured[design].map { point(outcome.predicted[design], $0, name) }
      }
    }
    let name = parameters.target.isEmpty ? "the new device" : parameters.target
    let axis = { (field: String, title: String) -> Value in
      [
        "field": .string(field), "type": "quantitative", "title": .string(title),
        "scale": ["zero": false],
      ]
    }
    return [
      "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
      "title": .string("\(name), method \(parameters.method)"),
      "width": 420, "height": 320, "data": ["values": .list(points)],
      "mark": ["type": "point", "size": 18, "opacity": 0.6],
      "encoding": [
        "x": axis("measured", "latency on \(name) in \(problem.unit)"),
        "y": axis(
          "predicted",
          (parameters.method == "none" ? "latency on the proxy in " : "predicted latency in ")
            + problem.unit),
        "color": [
          "field": "set", "type": "nominal", "title": .null,
          "scale": [
            "domain": ["not measured", "check", "sample", "candidate"],
            "range": ["#9ecae9", "#54a24b", "#e45756", "#f58518"],
          ],
        ],
      ],
    ]
  }

  /// Designs whose latency only the table knows, for evaluation.
  private static func unmeasured(
    _ outcome: AdaptedTransfer.Outcome, _ problem: Problem
  ) -> [Value] {
    guard case .table(let values) = problem.target else { return [] }
    let asked = Set(outcome.plan.checks + outcome.plan.samples + outcome.candidates)
    let valid = values.indices.filter {
      !values[$0].isNaN && !outcome.predicted[$0].isNaN && !asked.contains($0)
    }
    // Some hundred points show the spread; all 15,625 would only make the page heavy.
    return stride(from: 0, to: valid.count, by: max(valid.count / 400, 1)).map {
      point(outcome.predicted[valid[$0]], values[valid[$0]], "not measured")
    }
  }

  private static func point(_ predicted: Double, _ measured: Double, _ set: String) -> Value {
    [
      "measured": .double(PredictionQuality.round(measured)),
      "predicted": .double(PredictionQuality.round(predicted)), "set": .string(set),
    ]
  }
}
