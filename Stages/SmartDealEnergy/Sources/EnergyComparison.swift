import SmartDeal
import StructuredValue

/// The same network with dense 8-bit weights and with compressed ones, on the same machine.
struct EnergyComparison {
  static let baseline = "dense 8-bit weights on the same machine"

  private let layers: [CompressedLayer]
  private let costs: UnitCosts
  private let dense: [EnergyShares]
  private let compressed: [EnergyShares]

  init(_ layers: [CompressedLayer], costs: UnitCosts) {
    self.layers = layers
    self.costs = costs
    let model = EnergyModel(costs: costs)
    dense = model.energy(layers.map { ($0.geometry, .dense($0.geometry)) })
    compressed = model.energy(layers.map { ($0.geometry, $0.storage) })
  }

  private var denseSum: EnergyShares { dense.reduce(EnergyShares(), +) }
  private var compressedSum: EnergyShares { compressed.reduce(EnergyShares(), +) }

  var metrics: [(String, Double)] {
    let (before, after) = (denseSum, compressedSum)
    return [
      ("energyRatio", before.total / after.total), ("dense", before.total / 1e6),
      ("smartdeal", after.total / 1e6),
      ("denseWeightShare", before.dramWeights / before.total),
      ("smartdealWeightShare", after.dramWeights / after.total),
      ("rebuildShare", after.rebuild / after.total),
    ]
  }

  var json: Value {
    func shares(_ energy: EnergyShares) -> Value {
      .map(
        Dictionary(
          uniqueKeysWithValues: energy.shares.map { ($0.name, Value.double($0.energy)) }
            + [("total", .double(energy.total))]))
    }
    return [
      "format": "smartdeal-energy/1", "unit": "pJ", "baseline": .string(Self.baseline),
      "costs": [
        "source": .string(costs.source), "dram": .double(costs.dram),
        "inputBuffer": .double(costs.inputBuffer), "smallBuffer": .double(costs.smallBuffer),
        "multiplyAccumulate": .double(costs.multiplyAccumulate), "shift": .double(costs.shift),
        "add": .double(costs.add),
      ],
      "dense": shares(denseSum), "smartdeal": shares(compressedSum),
      "energyRatio": .double(denseSum.total / compressedSum.total),
    ]
  }

  // MARK: - Table

  var table: String {
    var text = "layer,outputs,inputs,kernel,positions,multiplications,keptRows,bytes,"
    text += "dense nJ,smartdeal nJ,ratio"
    for (name, _) in EnergyShares().shares { text += ",\(name) nJ" }
    text += "\n"
    for index in layers.indices {
      let layer = layers[index].geometry
      let storage = layers[index].storage
      text += row(
        [
          quoted(layer.name), "\(layer.outputs)", "\(layer.inputsPerGroup * layer.groups)",
          "\(layer.kernel)×\(layer.kernelWidth)", "\(layer.outputHeight)×\(layer.outputWidth)",
          "\(layer.multiplications)", rounded(storage.keptRows), "\((storage.bits + 7) / 8)",
        ], dense[index], compressed[index])
    }
    let multiplications = layers.reduce(0) { $0 + $1.geometry.multiplications }
    let bits = layers.reduce(0) { $0 + $1.storage.bits }
    text += row(
      ["all", "", "", "", "", "\(multiplications)", "", "\((bits + 7) / 8)"], denseSum,
      compressedSum)
    return text
  }

  private func row(_ cells: [String], _ before: EnergyShares, _ after: EnergyShares) -> String {
    let energies = [before.total / 1000, after.total / 1000, before.total / after.total]
    return (cells + energies.map(rounded) + after.shares.map { rounded($0.energy / 1000) })
      .joined(separator: ",") + "\n"
  }

  private func rounded(_ number: Double) -> String { "\((number * 1e4).rounded() / 1e4)" }

  private func quoted(_ text: String) -> String {
    text.contains(where: { ",\"\n".contains($0) })
      ? "\"\(text.replacing("\"", with: "\"\""))\"" : text
  }

  // MARK: - Figure

  func figure(title: String) -> Value {
    let parts = EnergyShares().shares.map { Value.string($0.name) }
    let sums: [Value] = [("dense, 8 bits", denseSum), ("SmartDeal", compressedSum)].flatMap {
      name, energy in
      energy.shares.enumerated().map { place, share -> Value in
        [
          "weights": .string(name), "part": .string(share.name), "order": .int(place),
          "energy": .double((share.energy / 1e6 * 1e6).rounded() / 1e6),
          "share": .double((share.energy / energy.total * 1e4).rounded() / 1e4),
        ]
      }
    }
    let ratios: [Value] = layers.indices.map { index in
      [
        "layer": .string(layers[index].geometry.name), "order": .int(index),
        "ratio": .double((dense[index].total / compressed[index].total * 1e3).rounded() / 1e3),
        "share": .double((dense[index].total / denseSum.total * 1e4).rounded() / 1e4),
      ]
    }
    let ratio = (denseSum.total / compressedSum.total * 100).rounded() / 100
    return [
      "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
      // In two lines: one is wider than the page where it is printed.
      "title": [
        "text": .string(title.isEmpty ? "Energy of one inference" : title),
        "subtitle": .string("\(ratio)× less than \(Self.baseline)"),
      ], "padding": ["left": 16, "right": 8, "top": 5, "bottom": 5],
      "vconcat": [
        [
          "width": 480, "height": 70, "data": ["values": .list(sums)], "mark": "bar",
          "encoding": [
            "y": ["field": "weights", "type": "nominal", "sort": .null, "title": .null],
            "x": [
              "field": "energy", "type": "quantitative", "title": "energy of one inference in µJ",
            ],
            "color": [
              "field": "part", "type": "nominal", "sort": .list(parts), "title": .null,
              "scale": ["scheme": "tableau10", "domain": .list(parts)],
              "legend": ["orient": "bottom", "columns": 4],
            ],
            "order": ["field": "order"],
            "tooltip": [
              ["field": "weights"], ["field": "part"],
              ["field": "energy", "title": "µJ", "format": ".4g"],
              ["field": "share", "format": ".1%"],
            ],
          ],
        ],
        [
          "width": 480, "height": .int(layers.count > 24 ? 260 : max(60, 20 * layers.count)),
          "data": ["values": .list(ratios)],
          "mark": ["type": "bar", "color": "#4c78a8"],
          "encoding": [
            "y": [
              "field": "layer", "type": "nominal", "sort": .null, "title": .null,
              "axis": layers.count > 24 ? ["labelFontSize": 5] : [:],
            ],
            "x": [
              "field": "ratio", "type": "quantitative", "title": "dense over SmartDeal, by layer",
            ],
            "opacity": [
              "field": "share", "type": "quantitative",
              "title": "share of the dense energy", "scale": ["range": [0.25, 1]],
              "legend": ["orient": "bottom", "format": "%"],
            ],
            "tooltip": [
              ["field": "layer"], ["field": "ratio"], ["field": "share", "format": ".1%"],
            ],
          ],
        ],
      ],
      "resolve": ["scale": ["color": "independent", "opacity": "independent"]],
    ]
  }
}
