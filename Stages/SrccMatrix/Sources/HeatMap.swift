import EdgeOptimization
import Statistics
import StructuredValue

/// The matrix as a Vega-Lite figure.
enum HeatMap {
  static func figure(_ agreement: RankAgreement, _ parameters: SrccMatrix.Parameters) -> Value {
    let names = agreement.devices.map { parameters.names[$0] ?? $0 }
    var cells: [Value] = []
    for first in names.indices {
      for second in names.indices {
        guard let value = agreement.matrix[first][second].value else { continue }
        cells.append([
          "first": .string(names[first]), "second": .string(names[second]),
          "srcc": .double((value * 10_000).rounded() / 10_000),
          "designs": .int(agreement.counts[first][second]),
        ])
      }
    }
    // Numbers fit into the cells up to about 16 devices at this width.
    let layers: [Value] =
      names.count <= 16 ? [["mark": "rect"], numbers] : [["mark": "rect"]]
    return [
      "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
      "title": .string(parameters.title), "width": 470, "height": 470,
      "data": ["values": .list(cells)],
      "encoding": [
        "x": axis("second"), "y": axis("first"),
        "color": [
          "field": "srcc", "type": "quantitative", "title": "SRCC",
          "scale": ["scheme": "viridis", "domain": [.double(min(lowest(agreement), 0.9)), 1]],
        ],
        "tooltip": [
          ["field": "first", "title": "device"], ["field": "second", "title": "device"],
          ["field": "srcc", "title": "SRCC", "format": ".3f"],
          ["field": "designs", "title": "designs"],
        ],
      ],
      "layer": .list(layers),
    ]
  }

  private static func lowest(_ agreement: RankAgreement) -> Double {
    let value = agreement.pairs.map(\.value).min() ?? 0
    return (value * 10).rounded(.down) / 10
  }

  private static func axis(_ field: String) -> Value {
    [
      "field": .string(field), "type": "nominal", "sort": .null, "title": "device",
      "axis": field == "second" ? ["labelAngle": -50] : [:],
    ]
  }

  private static let numbers: Value = [
    "mark": ["type": "text", "fontSize": 9],
    "encoding": [
      "text": ["field": "srcc", "type": "quantitative", "format": ".2f"],
      "color": [
        "condition": ["test": "datum.srcc > 0.8", "value": "black"], "value": "white",
      ],
    ],
  ]
}
