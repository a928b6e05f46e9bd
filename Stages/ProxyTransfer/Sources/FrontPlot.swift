import EdgeOptimization
import StructuredValue

/// The candidates on the target as a Vega-Lite figure, with the found and the true front.
enum FrontPlot {
  static func figure(
    _ outcome: ProxyTransfer.Outcome, _ problem: Problem,
    _ parameters: TransferFromProxy.Parameters
  ) -> Value {
    let best = Pareto.front(
      of: Array(problem.target.indices), latency: problem.target, accuracy: problem.accuracy)
    let candidates = outcome.candidates.filter { outcome.measured[$0] != nil }.sorted()
    let points =
      candidates.map { point($0, "measured candidate", problem) }
      + outcome.front.map { point($0, "found front", problem) }
      + best.map { point($0, "true front", problem) }
    return [
      "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
      "title": .string(
        "\(parameters.proxy) → \(parameters.target), \(parameters.layers) "
          + (parameters.layers == 1 ? "layer" : "layers")),
      "width": 500, "height": 320,
      "data": ["values": .list(points)],
      "encoding": [
        "x": [
          "field": "latency", "type": "quantitative",
          "title": .string("latency on \(parameters.target) in \(parameters.unit)"),
        ],
        "y": [
          "field": "accuracy", "type": "quantitative", "title": "accuracy in %",
          // Below the reference lie designs that nobody would use; they would flatten the rest.
          "scale": ["zero": false, "domainMin": .double(parameters.referenceAccuracy)],
        ],
        "color": [
          "field": "set", "type": "nominal", "title": .null,
          "scale": ["scheme": "tableau10", "domain": .list(sets)],
        ],
      ],
      "layer": [
        [
          "transform": [["filter": "datum.set == 'measured candidate'"]],
          "mark": ["type": "point", "size": 18, "opacity": 0.5, "clip": true],
        ],
        [
          "transform": [["filter": "datum.set != 'measured candidate'"]],
          "mark": [
            "type": "line", "interpolate": "step-after", "point": ["size": 24, "clip": true],
            "clip": true,
          ],
          "encoding": [
            "strokeDash": [
              "field": "set", "type": "nominal", "legend": .null,
              "scale": ["domain": ["found front", "true front"], "range": [[1, 0], [5, 3]]],
            ]
          ],
        ],
      ],
    ]
  }

  private static let sets: [Value] = ["measured candidate", "found front", "true front"]

  private static func point(_ design: Int, _ set: String, _ problem: Problem) -> Value {
    [
      "latency": .double(PredictionQuality.round(problem.target[design])),
      "accuracy": .double(PredictionQuality.round(problem.accuracy[design])),
      "index": .int(problem.indices[design]), "set": .string(set),
    ]
  }
}
