public import StructuredTraining
public import StructuredValue

/// Measures over epochs as a Vega-Lite figure.
public enum TrainingCurve {
  /// Draws some measures of a table as lines.
  ///
  /// - Parameters:
  ///   - table: What was measured.
  ///   - lines: The measures, each with the name that the figure gives it.
  ///   - level: A horizontal line, with its name.
  ///   - title: Above.
  ///   - axis: The vertical axis's title.
  /// - Returns: The figure with its data inside.
  public static func figure(
    _ table: EpochTable, lines: [(column: String, name: String)],
    level: (value: Double, name: String)? = nil, title: String, axis: String
  ) -> Value {
    var values: [Value] = []
    for (column, name) in lines {
      guard let place = table.columns.firstIndex(of: column) else { continue }
      for row in table.rows where row[place].isFinite {
        values.append([
          "epoch": .int(Int(row[0])), "value": .double(rounded(row[place])), "what": .string(name),
        ])
      }
    }
    if let level {
      for epoch in [1, max(table.rows.count, 1)] {
        values.append([
          "epoch": .int(epoch), "value": .double(rounded(level.value)), "what": .string(level.name),
        ])
      }
    }
    let names = lines.map { Value.string($0.name) } + (level.map { [.string($0.name)] } ?? [])
    return [
      "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
      "title": .string(title), "width": 420, "height": 240,
      "data": ["values": .list(values)],
      "mark": ["type": "line", "point": true],
      "encoding": [
        "x": [
          "field": "epoch", "type": "quantitative", "title": "epoch",
          "axis": ["tickMinStep": 1, "format": "d"],
        ],
        "y": [
          "field": "value", "type": "quantitative", "title": .string(axis),
          "scale": ["zero": false],
        ],
        "color": [
          "field": "what", "type": "nominal", "title": .null,
          "scale": ["domain": .list(names), "scheme": "tableau10"],
        ],
        "tooltip": [
          ["field": "what", "title": "measure"], ["field": "epoch"],
          ["field": "value", "format": ".3f"],
        ],
      ],
    ]
  }

  private static func rounded(_ value: Double) -> Double { (value * 10_000).rounded() / 10_000 }
}
