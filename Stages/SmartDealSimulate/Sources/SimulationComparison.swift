import SmartDeal
import StructuredValue

/// The same network with dense and with compressed weights on the same machine, simulated and by the
/// analytical model.
struct SimulationComparison {
  private let layers: [AcceleratorLayer]
  private let machine: Accelerator
  private let costs: UnitCosts
  private let dense: [LayerRun]
  private let compressed: [LayerRun]
  private let analyticalDense: [EnergyShares]
  private let analytical: [EnergyShares]

  init(_ layers: [AcceleratorLayer], _ machine: Accelerator, costs: UnitCosts) {
    self.layers = layers
    self.machine = machine
    self.costs = costs
    dense = machine.run(layers.map { .dense($0.geometry) })
    compressed = machine.run(layers)
    let model = EnergyModel(costs: costs)
    analyticalDense = model.energy(layers.map { ($0.geometry, .dense($0.geometry)) })
    analytical = model.energy(layers.map { ($0.geometry, $0.storage) })
  }

  private func cycles(_ runs: [LayerRun]) -> Int { runs.reduce(0) { $0 + $1.cycles } }

  private func utilisation(_ runs: [LayerRun]) -> Double {
    Double(runs.reduce(0) { $0 + $1.multiplications })
      / (Double(max(cycles(runs), 1)) * Double(machine.multipliers))
  }

  private func waiting(_ runs: [LayerRun]) -> Double {
    1 - Double(runs.reduce(0) { $0 + $1.computeCycles }) / Double(max(cycles(runs), 1))
  }

  private func energy(_ runs: [LayerRun]) -> EnergyShares {
    runs.reduce(EnergyShares()) { $0 + $1.energy(costs) }
  }

  private var largestDifference: Double {
    let pairs = zip(dense + compressed, analyticalDense + analytical)
    return pairs.map { run, model in
      (run.energy(costs).total - model.total).magnitude / model.total
    }.max() ?? 0
  }

  var metrics: [(String, Double)] {
    let model = (
      analyticalDense.reduce(EnergyShares(), +).total, analytical.reduce(EnergyShares(), +).total
    )
    return [
      ("cycles", Double(cycles(compressed))), ("denseCycles", Double(cycles(dense))),
      ("speedup", Double(cycles(dense)) / Double(max(cycles(compressed), 1))),
      ("milliseconds", Double(cycles(compressed)) / machine.clock * 1000),
      ("utilisation", utilisation(compressed)), ("denseUtilisation", utilisation(dense)),
      ("waiting", waiting(compressed)), ("denseWaiting", waiting(dense)),
      ("energyRatio", energy(dense).total / energy(compressed).total),
      ("analyticalRatio", model.0 / model.1), ("largestDifference", largestDifference),
    ]
  }

  var json: Value {
    var fields: [String: Value] = [
      "format": "smartdeal-simulation/1", "baseline": "dense 8-bit weights on the same machine",
      "costs": .string(costs.source),
      "machine": [
        "slices": .int(machine.slices), "linesPerSlice": .int(machine.linesPerSlice),
        "multipliersPerLine": .int(machine.multipliersPerLine),
        "rebuildEnginesPerLine": .int(machine.rebuildEnginesPerLine),
        "inputBufferBytes": .int(machine.inputBufferBytes),
        "weightBufferBytes": .int(machine.weightBufferBytes),
        "dramBytesPerCycle": .double(machine.dramBytesPerCycle), "clock": .double(machine.clock),
      ],
    ]
    for (name, value) in metrics { fields[name] = .double(value) }
    return .map(fields)
  }

  // MARK: - Table

  var table: String {
    var text = "layer,weights,cycles,working,waiting,utilisation,rebuild utilisation,chunks,"
    text += "multiplications,DRAM bytes,energy nJ,analytical nJ,difference\n"
    for index in layers.indices {
      text += row("dense, 8 bits", dense[index], analyticalDense[index])
      text += row("SmartDeal", compressed[index], analytical[index])
    }
    return text
  }

  private func row(_ weights: String, _ run: LayerRun, _ model: EnergyShares) -> String {
    let energy = run.energy(costs).total
    let name =
      run.name.contains(where: { ",\"\n".contains($0) })
      ? "\"\(run.name.replacing("\"", with: "\"\""))\"" : run.name
    let cells = [
      name, "\"\(weights)\"", "\(run.cycles)", "\(run.computeCycles)",
      "\(max(run.cycles - run.computeCycles, 0))", rounded(run.utilisation(machine)),
      rounded(run.rebuildUtilisation(machine)), "\(run.chunks)", "\(run.multiplications)",
      rounded(run.dramWeightBytes + run.dramActivationBytes), rounded(energy / 1000),
      rounded(model.total / 1000), rounded((energy - model.total) / model.total),
    ]
    return cells.joined(separator: ",") + "\n"
  }

  private func rounded(_ number: Double) -> String { "\((number * 1e5).rounded() / 1e5)" }

  // MARK: - Figure

  func figure(title: String) -> Value {
    var bars: [Value] = []
    for (weights, runs) in [("dense, 8 bits", dense), ("SmartDeal", compressed)] {
      for run in runs {
        let waiting = max(run.cycles - run.computeCycles, 0)
        for (part, cycles) in [("working", run.cycles - waiting), ("waiting for DRAM", waiting)] {
          bars.append([
            "layer": .string(run.name), "weights": .string(weights), "part": .string(part),
            "cycles": .int(cycles),
            "utilisation": .double((run.utilisation(machine) * 1e4).rounded() / 1e4),
          ])
        }
      }
    }
    let shares: [Value] = [("dense, 8 bits", dense), ("SmartDeal", compressed)].flatMap {
      weights, runs -> [Value] in
      energy(runs).shares.enumerated().map { place, share in
        [
          "weights": .string(weights), "part": .string(share.name), "order": .int(place),
          "energy": .double((share.energy / 1e6 * 1e6).rounded() / 1e6),
        ]
      }
    }
    let order = layers.map { Value.string($0.geometry.name) }
    let parts = EnergyShares().shares.map { Value.string($0.name) }
    let both: Value = ["dense, 8 bits", "SmartDeal"]
    let speedup = Double(cycles(dense)) / Double(max(cycles(compressed), 1))
    return [
      "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
      // In two lines: one is wider than the page where it is printed.
      "title": [
        "text": .string(title.isEmpty ? "One inference, tile by tile" : title),
        "subtitle": .string(
          "\((speedup * 100).rounded() / 100)× fewer cycles than dense 8-bit weights on the same "
            + "machine"),
      ], "padding": ["left": 16, "right": 8, "top": 5, "bottom": 5],
      "vconcat": [
        [
          "width": 470, "height": .int(max(90, 34 * layers.count)),
          "data": ["values": .list(bars)], "mark": "bar",
          "encoding": [
            "y": ["field": "layer", "type": "nominal", "sort": .list(order), "title": .null],
            "yOffset": ["field": "weights", "type": "nominal", "sort": both],
            "x": ["field": "cycles", "type": "quantitative", "title": "cycles"],
            "color": [
              "field": "weights", "type": "nominal", "sort": both, "title": .null,
              "scale": ["domain": both, "range": ["#bab0ac", "#4c78a8"]],
              "legend": ["orient": "bottom"],
            ],
            "opacity": [
              "field": "part", "type": "nominal", "title": .null, "sort": .null,
              "scale": ["domain": ["working", "waiting for DRAM"], "range": [1, 0.35]],
              "legend": ["orient": "bottom"],
            ],
            "order": ["field": "part", "type": "nominal", "sort": "descending"],
            "tooltip": [
              ["field": "layer"], ["field": "weights"], ["field": "part"], ["field": "cycles"],
              ["field": "utilisation", "format": ".1%"],
            ],
          ],
        ],
        [
          "width": 470, "height": 60, "data": ["values": .list(shares)], "mark": "bar",
          "encoding": [
            "y": ["field": "weights", "type": "nominal", "sort": both, "title": .null],
            "x": [
              "field": "energy", "type": "quantitative",
              "title": "energy of one inference in µJ, as simulated",
            ],
            "color": [
              "field": "part", "type": "nominal", "title": .null, "sort": .list(parts),
              "scale": ["scheme": "tableau10", "domain": .list(parts)],
              "legend": ["orient": "bottom", "columns": 4],
            ],
            "order": ["field": "order"],
          ],
        ],
      ],
      "resolve": ["scale": ["color": "independent"]],
    ]
  }
}
