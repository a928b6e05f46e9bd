import SmartDeal
import StructuredValue

/// Where the bits of each layer go, and which powers of two its coefficients are.
enum LayerFigure {
  static func figure(_ record: NetworkRecord) -> Value {
    let order = record.layers.map { Value.string($0.name) }
    let exponents = Set(record.layers.flatMap(\.histogram.keys)).sorted()
    let powers = ["0"] + exponents.map { Value.string("2^\($0)") }
    return [
      "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
      "hconcat": [
        [
          "title": "Bits a weight (32 before)", "width": 270,
          "height": .int(max(120, 22 * record.layers.count)),
          "data": ["values": .list(record.layers.flatMap { bits($0) })],
          "mark": ["type": "bar"],
          "encoding": [
            "y": ["field": "tensor", "type": "nominal", "sort": .list(order), "title": .null],
            "x": ["field": "bits", "type": "quantitative", "title": "bits a weight"],
            "color": [
              "field": "part", "type": "nominal", "title": .null,
              "sort": ["coefficients", "bases", "numbers"],
              "scale": [
                "domain": ["coefficients", "bases", "numbers"],
                "range": ["#4c78a8", "#f58518", "#bab0ac"],
              ],
              "legend": ["orient": "bottom"],
            ],
            "tooltip": [
              ["field": "tensor"], ["field": "part"],
              ["field": "bits", "format": ".3f"],
            ],
          ],
        ],
        [
          "title": "Coefficients by exponent", "width": 250,
          "height": .int(max(120, 22 * record.layers.count)),
          "data": ["values": .list(record.layers.flatMap { powersUsed($0) })],
          "mark": "rect",
          "encoding": [
            "y": [
              "field": "tensor", "type": "nominal", "sort": .list(order), "title": .null,
              "axis": .null,
            ],
            "x": [
              "field": "exponent", "type": "ordinal", "title": "coefficient", "sort": .list(powers),
            ],
            "color": [
              "field": "share", "type": "quantitative", "title": "share of the layer",
              "scale": ["scheme": "blues"],
              "legend": ["orient": "bottom", "format": "%"],
            ],
            "tooltip": [
              ["field": "tensor"], ["field": "exponent"], ["field": "count"],
              ["field": "share", "format": ".1%"],
            ],
          ],
        ],
      ],
      "resolve": ["scale": ["color": "independent"]],
    ]
  }

  private static func bits(_ layer: LayerRecord) -> [Value] {
    func part(_ name: String, _ bits: Int) -> Value {
      [
        "tensor": .string(layer.name), "part": .string(name),
        "bits": .double((Double(bits) / Double(layer.weights) * 1e4).rounded() / 1e4),
      ]
    }
    guard layer.kind != .raw else { return [part("numbers", layer.storedBits)] }
    return [
      part("coefficients", layer.storedBits - layer.storedBasisBits),
      part("bases", layer.storedBasisBits),
    ]
  }

  private static func powersUsed(_ layer: LayerRecord) -> [Value] {
    var columns: [(name: String, count: Int)] = []
    if layer.kind != .raw { columns.append(("0", layer.coefficients - layer.nonZeros)) }
    for exponent in layer.histogram.keys.sorted() {
      columns.append(("2^\(exponent)", layer.histogram[exponent] ?? 0))
    }
    return columns.map { name, count in
      [
        "tensor": .string(layer.name), "exponent": .string(name), "count": .int(count),
        "share": .double(
          (Double(count) / Double(max(layer.coefficients, 1)) * 1e4).rounded() / 1e4),
      ]
    }
  }
}
