import CompressionSearch
import StructuredValue

/// Accuracy over compression and over energy.
enum SearchFigure {
  static func figure(_ result: SearchResult, title: String) -> Value {
    let rows = result.points.map { point -> Value in
      let network = point.network
      return [
        "kind": .string(point.kind), "strength": point.strength.map { .double($0) } ?? .null,
        "size": number(result.ratio(network.bytes)),
        "energy": number(result.denseEnergy / network.energy),
        "microjoule": number(network.energy / 1e6),
        "accuracy": number(Double(point.correct) / Double(result.images)),
        "front": .bool(point.isOnFront),
        "chosen": .bool(point.network == result.chosen.network),
      ]
    }
    let before = number(Double(result.correctBefore) / Double(result.images))
    var figure: [String: Value] = [
      "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
      "hconcat": [
        panel("size", "file ratio, 32-bit weights = 1", rows, before),
        panel("energy", "energy ratio, dense 8-bit weights = 1", rows, before),
      ],
    ]
    if !title.isEmpty { figure["title"] = .string(title) }
    return .map(figure)
  }

  private static func panel(
    _ field: String, _ title: String, _ rows: [Value], _ before: Value
  ) -> Value {
    let x: Value = [
      "field": .string(field), "type": "quantitative", "title": .string(title),
      "scale": ["zero": false],
    ]
    let y: Value = [
      "field": "accuracy", "type": "quantitative", "title": "accuracy", "axis": ["format": "%"],
      "scale": ["zero": false],
    ]
    let color: Value = [
      "field": "kind", "type": "nominal", "title": .null,
      "scale": ["domain": ["searched", "paper", "joint", "calibrated"], "scheme": "tableau10"],
    ]
    return [
      "width": 320, "height": 280, "data": ["values": .list(rows)],
      "layer": [
        [
          "data": ["values": [["accuracy": before]]],
          "mark": ["type": "rule", "strokeDash": [4, 3], "color": "#888"], "encoding": ["y": y],
        ],
        [
          "transform": [["filter": "datum.kind != 'searched'"]],
          "mark": ["type": "line", "opacity": 0.4],
          "encoding": ["x": x, "y": y, "color": color, "order": ["field": "size"]],
        ],
        [
          "mark": ["type": "point", "size": 55],
          "encoding": [
            "x": x, "y": y, "color": color,
            "fill": ["field": "kind", "type": "nominal", "legend": .null],
            "fillOpacity": ["condition": ["test": "datum.front", "value": 0.9], "value": 0],
            "tooltip": [
              ["field": "kind"], ["field": "strength"], ["field": "size", "format": ".4g"],
              ["field": "microjoule", "format": ".4g"], ["field": "accuracy", "format": ".2%"],
            ],
          ],
        ],
        [
          "transform": [["filter": "datum.chosen && datum.kind == 'searched'"]],
          "mark": ["type": "point", "shape": "diamond", "size": 260, "color": "#222"],
          "encoding": ["x": x, "y": y],
        ],
      ],
    ]
  }

  private static func number(_ value: Double) -> Value { .double((value * 1e5).rounded() / 1e5) }
}
