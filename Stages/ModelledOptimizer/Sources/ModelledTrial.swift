import EdgeOptimization
import LearnedDesign
import StructuredValue
import Tensors

/// The optimizer's answers beside the exact ones, all by the declared cost model.
struct ModelledTrial {
  struct Row {
    var device: String
    var prices: CompressionProblem.Prices
    var design: CompressedDesign
    var exact: CompressedDesign
    var accuracy: Double
    var cost: CostModel.Cost
    var regret: Double
    var exactRegret: Double
    var denseRegret: Double
    var randomRegret: Double
    var energyShare: Double
    var latencyShare: Double
    var agrees: Bool
  }

  let predicted: CompressionProblem
  let truth: CompressionProblem
  let cells: [[Int]]
  private(set) var rows: [Row] = []

  init(predicted: CompressionProblem, truth: CompressionProblem, cells: [[Int]]) {
    (self.predicted, self.truth, self.cells) = (predicted, truth, cells)
  }

  mutating func add(
    _ design: CompressedDesign, _ device: DeclaredDevice, _ prices: CompressionProblem.Prices,
    random: RandomStream
  ) throws {
    let model = truth.model
    let exact = truth.minimum(on: device, prices)
    let dense = truth.minimum(on: device, prices, compressing: false)
    let byPrediction = predicted.minimum(on: device, prices)
    func value(_ design: CompressedDesign) -> Double {
      truth.objective(design, on: device, prices) ?? .infinity
    }
    let least = value(exact)
    let (cost, whole) = (model.cost(design, on: device), model.cost(dense, on: device))
    rows.append(
      Row(
        device: device.name, prices: prices, design: design, exact: exact,
        accuracy: prices.energy * cost.energy / model.reference(on: device).energy
          + prices.latency * cost.latency / model.reference(on: device).latency - value(design),
        cost: cost, regret: value(design) - least, exactRegret: value(byPrediction) - least,
        denseRegret: value(dense) - least,
        randomRegret: value(try best(200, device, prices, random)) - least,
        energyShare: cost.energy / whole.energy, latencyShare: cost.latency / whole.latency,
        agrees: predicted.objective(design, on: device, prices)
          == predicted.objective(byPrediction, on: device, prices)))
  }

  /// The best of random designs by the predictors.
  private func best(
    _ count: Int, _ device: DeclaredDevice, _ prices: CompressionProblem.Prices,
    _ random: RandomStream
  ) throws -> CompressedDesign {
    var random = random
    var found: (value: Double, design: CompressedDesign)?
    for _ in 0..<count {
      func pick<Element>(_ list: [Element]) -> Element {
        list[min(list.count - 1, Int(random.uniform() * Double(list.count)))]
      }
      let design = CompressedDesign(
        cell: pick(cells), widths: (0..<3).map { _ in pick(CostModel.widths) },
        shares: (0..<3).map { _ in pick(CostModel.shares) })
      let value = predicted.objective(design, on: device, prices) ?? .infinity
      if value < found?.value ?? .infinity { found = (value, design) }
    }
    return found?.design ?? CompressedDesign(cell: cells[0])
  }

  func mean(_ value: (Row) -> Double) -> Double? {
    rows.isEmpty ? nil : rows.reduce(0) { $0 + value($1) } / Double(rows.count)
  }

  var table: String {
    let head =
      "device,energy_price,latency_price,cell,widths,shares,accuracy_modelled,energy_mj_modelled,"
      + "latency_ms_modelled,regret,exact_cell,exact_widths,exact_shares\n"
    return head
      + rows.map { row in
        "\(row.device),\(row.prices.energy),\(row.prices.latency),\(text(row.design)),"
          + "\(row.accuracy),\(row.cost.energy),\(row.cost.latency),\(row.regret),"
          + "\(text(row.exact))\n"
      }.joined()
  }

  private func text(_ design: CompressedDesign) -> String {
    SearchSpace.nasbench201.text(design.cell) + ","
      + design.widths.map(String.init).joined(separator: " ") + ","
      + design.shares.map { "\($0)" }.joined(separator: " ")
  }

  /// Accuracy against energy of the answers, by device; the price of latency is the size.
  var figure: Value {
    let values = rows.map { row -> Value in
      [
        "device": .string(row.device), "accuracy": .double(PredictionQuality.round(row.accuracy)),
        "energy": .double(PredictionQuality.round(row.cost.energy)),
        "latency": .double(PredictionQuality.round(row.cost.latency)),
        "price": .double(row.prices.energy), "latencyPrice": .double(row.prices.latency),
        "design": .string(text(row.design)),
      ]
    }
    return [
      "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
      "title": "The network's answers at rising prices of energy and latency (modelled)",
      "width": 420, "height": 240,
      "data": ["values": .list(values)],
      "mark": ["type": "point", "strokeWidth": 2],
      "encoding": [
        "x": [
          "field": "energy", "type": "quantitative", "title": "modelled energy (mJ)",
          "scale": ["type": "log"], "axis": ["tickCount": 6],
        ],
        "y": [
          "field": "accuracy", "type": "quantitative", "title": "modelled accuracy (%)",
          "scale": ["zero": false],
        ],
        "color": [
          "field": "device", "type": "nominal", "title": .null, "scale": ["scheme": "tableau10"],
        ],
        "size": [
          "field": "latencyPrice", "type": "ordinal", "title": "price of latency",
          "scale": ["range": [30, 320]],
        ],
        "tooltip": [
          ["field": "device", "type": "nominal"], ["field": "design", "type": "nominal"],
          ["field": "accuracy", "type": "quantitative"],
          ["field": "energy", "type": "quantitative"],
          ["field": "latency", "type": "quantitative", "title": "latency (ms)"],
          ["field": "price", "type": "quantitative", "title": "price of energy"],
          ["field": "latencyPrice", "type": "quantitative", "title": "price of latency"],
        ],
      ],
    ]
  }
}
