import EdgeOptimization
import LearnedDesign
import StructuredValue

/// What the trial found, for reading and for looking.
enum Report {
  static func table(_ rows: [DesignTrial.Row]) -> String {
    let columns = DesignTrial.Mode.allCases.flatMap {
      ["\($0)_design", "\($0)_accuracy", "\($0)_latency"]
    }
    let lines = rows.map { row in
      let cells = DesignTrial.Mode.allCases.map { mode in
        guard let result = row.results[mode] else { return ",," }
        return "\(text(result.design)),\(result.accuracy),\(result.latency)"
      }
      return "\(row.device),\(row.budget),\(row.optimum),\(cells.joined(separator: ","))\n"
    }
    return "device,budget,optimum,\(columns.joined(separator: ","))\n" + lines.joined()
  }

  /// Accuracy lost at each budget, a panel for each device.
  static func figure(_ rows: [DesignTrial.Row]) -> Value {
    let devices = Dictionary(grouping: rows, by: \.device)
    let values = devices.keys.sorted().flatMap { device -> [Value] in
      let ordered = (devices[device] ?? []).sorted { $0.budget < $1.budget }
      return ordered.enumerated().flatMap { place, row in
        DesignTrial.Mode.allCases.compactMap { mode in
          row.results[mode].map { result in
            [
              "device": .string(device), "budget": .int(place + 1), "mode": .string(mode.rawValue),
              "gap": .double(PredictionQuality.round(row.optimum - result.accuracy)),
              "use": .double(PredictionQuality.round(result.latency / row.budget)),
              "design": .string(text(result.design)),
            ]
          }
        }
      }
    }
    let modes = DesignTrial.Mode.allCases.map { Value.string($0.rawValue) }
    return [
      "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
      "title": "Accuracy lost on devices that training never saw",
      "data": ["values": .list(values)],
      "facet": ["field": "device", "type": "nominal", "title": .null],
      "columns": 3,
      "spec": [
        "width": 190, "height": 130,
        "mark": ["type": "line", "point": ["size": 22]],
        "encoding": [
          "x": [
            "field": "budget", "type": "ordinal", "title": "budget, tight to loose",
            "axis": ["labelAngle": 0],
          ],
          "y": ["field": "gap", "type": "quantitative", "title": "points lost"],
          "color": [
            "field": "mode", "type": "nominal", "title": .null,
            "scale": ["scheme": "tableau10", "domain": .list(modes)],
          ],
          "tooltip": [
            ["field": "mode", "type": "nominal"], ["field": "design", "type": "nominal"],
            ["field": "gap", "type": "quantitative"],
            ["field": "use", "type": "quantitative", "title": "latency / budget"],
          ],
        ],
      ],
    ]
  }

  private static func text(_ design: [Int]) -> String { design.map(String.init).joined() }
}
