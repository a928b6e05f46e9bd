import StructuredValue

/// Accuracy, or what is known instead of it, over compression and over energy.
enum SweepFigure {
  static func figure(
    _ points: [SweepPoint], _ front: [Bool], _ parameters: SmartDealReport.Parameters
  ) -> Value {
    let rows = zip(points, front).map { point, isOnFront in
      row(point, isOnFront, parameters.size)
    }
    let hasAccuracy = points.contains { $0.accuracy != nil }
    let y: Value =
      hasAccuracy
      ? [
        "field": "loss", "type": "quantitative", "title": "accuracy lost",
        "axis": ["format": "%"],
      ]
      : [
        "field": "error", "type": "quantitative", "title": "relative error of the weights",
      ]
    var panels: [Value] = [panel(y, "size", "compression ratio (\(parameters.size))", rows)]
    if points.contains(where: { $0.energyRatio != nil }) {
      panels.append(panel(y, "energy", "energy ratio, dense 8-bit weights = 1", rows))
    }
    var figure: [String: Value] = [
      "$schema": "https://vega.github.io/schema/vega-lite/v5.json", "hconcat": .list(panels),
    ]
    if !parameters.title.isEmpty { figure["title"] = .string(parameters.title) }
    return .map(figure)
  }

  private static func panel(_ y: Value, _ field: String, _ title: String, _ rows: [Value]) -> Value
  {
    let color: Value = ["field": "curve", "type": "nominal", "title": .null]
    let x: Value = [
      "field": .string(field), "type": "quantitative", "title": .string(title),
      "scale": ["zero": false],
    ]
    return [
      "width": 300, "height": 280, "data": ["values": .list(rows)],
      "encoding": ["x": x, "y": y, "color": color],
      "layer": [
        ["mark": ["type": "line", "opacity": 0.5], "encoding": ["order": ["field": "size"]]],
        [
          "mark": ["type": "point", "size": 60],
          "encoding": [
            "fillOpacity": [
              "condition": ["test": "datum.front", "value": 1], "value": 0,
            ],
            "fill": ["field": "curve", "type": "nominal", "legend": .null],
            "tooltip": [
              ["field": "curve"], ["field": "point"], ["field": "size", "format": ".4g"],
              ["field": "loss", "format": ".2%"], ["field": "error", "format": ".4g"],
              ["field": "energy", "format": ".4g"],
            ],
          ],
        ],
        [
          "mark": ["type": "text", "dx": 8, "align": "left", "fontSize": 9],
          "encoding": ["text": ["field": "point"]],
        ],
      ],
    ]
  }

  private static func row(_ point: SweepPoint, _ isOnFront: Bool, _ size: String) -> Value {
    func number(_ value: Double?) -> Value {
      value.map { .double(($0 * 1e5).rounded() / 1e5) } ?? .null
    }
    var loss: Double?
    if let before = point.accuracyBefore, let after = point.accuracy { loss = before - after }
    return [
      "curve": .string(point.curve), "point": .string(point.label),
      "size": number(point.totals[size]), "error": number(point.totals["storedRelativeError"]),
      "loss": number(loss), "energy": number(point.energyRatio), "front": .bool(isOnFront),
    ]
  }
}
