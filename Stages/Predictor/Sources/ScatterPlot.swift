import EdgeOptimization
import StructuredValue

/// Predicted against measured values as a Vega-Lite figure, with the diagonal.
enum ScatterPlot {
  static func figure(
    _ measured: [Double], _ predicted: [Double], _ parameters: Predictor.Parameters,
    axes: String
  ) -> Value {
    let points = zip(measured, predicted).map { measured, predicted -> Value in
      [
        "measured": .double(PredictionQuality.round(measured)),
        "predicted": .double(PredictionQuality.round(predicted)),
      ]
    }
    let ends = [measured.min() ?? 0, measured.max() ?? 1].map { end -> Value in
      ["measured": .double(end), "predicted": .double(end)]
    }
    return [
      "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
      "title": .string(
        "\(parameters.device): \(parameters.model) trained on \(parameters.trainRows) designs"),
      "width": 520, "height": 360,
      "layer": [
        [
          "data": ["values": .list(points)],
          "mark": ["type": "point", "filled": true, "size": 14, "opacity": 0.5],
          "encoding": [
            "x": axis("measured", axes), "y": axis("predicted", axes),
          ],
        ],
        [
          "data": ["values": .list(ends)],
          "mark": ["type": "line", "strokeDash": [4, 4], "color": "gray"],
          "encoding": [
            "x": axis("measured", axes), "y": axis("predicted", axes),
          ],
        ],
      ],
    ]
  }

  private static func axis(_ field: String, _ title: String) -> Value {
    [
      "field": .string(field), "type": "quantitative",
      "title": .string("\(field) \(title)"), "scale": ["zero": false],
    ]
  }
}
