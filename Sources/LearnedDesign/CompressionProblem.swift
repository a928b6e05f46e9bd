public import EdgeOptimization

/// Which cell, bit widths and shares suit a device best, by some accuracies and the cost model.
///
/// Minimises −accuracy + λ₁·energy + λ₂·latency (Lu, Yang and Ren, arXiv 2009.00278), with both costs as
/// shares of those of the largest dense network, so that λ is in points of accuracy. The exact minimum
/// is cheap: cells of equal work cost the same, and the stages' decisions do not depend on each other.
public struct CompressionProblem: Sendable {
  /// λ₁ and λ₂, in points of accuracy.
  public struct Prices: Hashable, Sendable {
    public var energy: Double
    public var latency: Double

    public init(energy: Double, latency: Double) {
      (self.energy, self.latency) = (energy, latency)
    }
  }

  public let model: CostModel
  private let accuracies: [[Int]: Double]
  /// The best cell of each kind of work, in a fixed order.
  private let best: [(work: CostModel.Work, cell: [Int], accuracy: Double)]

  /// - Parameters:
  ///   - model: Says what designs cost.
  ///   - cells: To choose among.
  ///   - accuracies: Theirs, uncompressed, in percent.
  /// - Throws: `EdgeError` for no cells or unequal counts.
  public init(
    model: CostModel, cells: [[Int]], accuracies: [Double]
  ) throws(EdgeError) {
    guard !cells.isEmpty, cells.count == accuracies.count else {
      throw EdgeError(.badTable, "\(cells.count) cells and \(accuracies.count) accuracies")
    }
    self.model = model
    self.accuracies = Dictionary(
      zip(cells, accuracies).map { ($0, $1) }, uniquingKeysWith: { first, _ in first })
    var found: [CostModel.Work: Int] = [:]
    for index in cells.indices {
      let work = CostModel.Work(cell: cells[index])
      if let other = found[work], accuracies[other] >= accuracies[index] { continue }
      found[work] = index
    }
    best = found.values.sorted().map {
      (CostModel.Work(cell: cells[$0]), cells[$0], accuracies[$0])
    }
  }

  /// What is to be made small, in points of accuracy; nil for a cell that is not known.
  public func objective(
    _ design: CompressedDesign, on device: DeclaredDevice, _ prices: Prices
  ) -> Double? {
    guard let accuracy = accuracies[design.cell] else { return nil }
    let (cost, whole) = (model.cost(design, on: device), model.reference(on: device))
    return model.loss(design) - accuracy + prices.energy * cost.energy / whole.energy
      + prices.latency * cost.latency / whole.latency
  }

  /// The exact minimum.
  ///
  /// - Parameters:
  ///   - device: Where the design runs.
  ///   - prices: λ₁ and λ₂.
  ///   - compressing: Whether widths and shares may be chosen; else they stay at 32 bits and 1.
  /// - Returns: The design; of equal ones the first of the problem's cells.
  public func minimum(
    on device: DeclaredDevice, _ prices: Prices, compressing: Bool = true
  ) -> CompressedDesign {
    let whole = model.reference(on: device)
    let (widths, shares) =
      compressing ? (CostModel.widths, CostModel.shares) : ([32], [1.0])
    // Costs are linear in a cell's weights and edges, so one of each tells all.
    func worth(_ cost: CostModel.Cost) -> Double {
      prices.energy * cost.energy / whole.energy + prices.latency * cost.latency / whole.latency
    }
    let choices = (0..<CostModel.stageCount).map { stage in
      widths.flatMap { width in
        shares.map { share in
          let unit = [(1, 0), (0, 1)].map { small, edges in
            worth(
              model.cost(
                CostModel.Work(large: 0, small: small, edges: edges), stage: stage, width: width,
                share: share, on: device))
          }
          return Choice(
            width: width, share: share, weight: unit[0], edge: unit[1],
            loss: (model.widthLoss[width] ?? 0) + (model.shareLoss[share] ?? 0))
        }
      }
    }
    var found: (value: Double, design: CompressedDesign)?
    for (work, cell, accuracy) in best {
      let (weights, edges) = (Double(9 * work.large + work.small), Double(work.edges))
      var design = CompressedDesign(cell: cell)
      var value = -accuracy
      for stage in 0..<CostModel.stageCount {
        var (least, place) = (Double.infinity, 0)
        for (index, choice) in choices[stage].enumerated() {
          let total = choice.loss + weights * choice.weight + edges * choice.edge
          if total < least { (least, place) = (total, index) }
        }
        design.widths[stage] = choices[stage][place].width
        design.shares[stage] = choices[stage][place].share
        value += least
      }
      if value < found?.value ?? .infinity { found = (value, design) }
    }
    guard let found else { preconditionFailure("a problem has a cell") }
    return found.design
  }

  /// A width and a share of one stage: what they lose, and what they make a weight and an edge cost.
  private struct Choice {
    var width: Int
    var share: Double
    var weight: Double
    var edge: Double
    var loss: Double
  }
}
