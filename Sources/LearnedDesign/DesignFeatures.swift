import EdgeOptimization
import Tensors

/// Explicit features of designs, whose scalar products are the structural kernels of a latency.
///
/// Three blocks for a cell of NAS-Bench-201 (one-hot, one-hot of the effective edges, graph features with
/// all products of two of them), two for FBNet. Each is standardised by some reference designs and scaled so
/// that the kernel of a design with itself is about 1.
struct DesignFeatures: Sendable {
  let space: SearchSpace
  private let blocks: [Block]

  private struct Block: Sendable {
    let kind: FeatureBlock
    let columns: [Int]
    let means: [Double]
    let factors: [Double]
    /// How much of the squared kernel is added.
    let squareShare: Double

    var width: Int {
      squareShare > 0 ? columns.count + columns.count * (columns.count + 1) / 2 : columns.count
    }
  }

  /// - Parameters:
  ///   - space: Of the designs.
  ///   - reference: The designs that give means and deviations.
  init(_ space: SearchSpace, reference: [[Int]]) {
    self.space = space
    let kinds: [(FeatureBlock, Double)] = [(.oneHot, 0), (.effective, 0), (.graph, 0.3)]
    blocks = kinds.compactMap { kind, squareShare in
      space.block(kind, reference).map { features in
        let scale = FeatureScale(features)
        let columns = scale.means.indices.filter { scale.deviations[$0] > 0 }
        let root = Double(max(columns.count, 1)).squareRoot()
        return Block(
          kind: kind, columns: columns, means: columns.map { scale.means[$0] },
          factors: columns.map { 1 / (root * scale.deviations[$0]) }, squareShare: squareShare)
      }
    }
  }

  /// The columns of each block.
  var ranges: [Range<Int>] {
    var start = 0
    return blocks.map { block in
      defer { start += block.width }
      return start..<start + block.width
    }
  }

  var width: Int { blocks.reduce(0) { $0 + $1.width } }

  /// The features of designs, row after row.
  ///
  /// - Throws: `EdgeError` for a design that is not of the space.
  func rows(_ designs: [[Int]]) throws -> [Double] {
    for design in designs { try space.validate(design) }
    let parts = blocks.compactMap { block in space.block(block.kind, designs).map { (block, $0) } }
    var result: [Double] = []
    result.reserveCapacity(designs.count * width)
    for row in designs.indices {
      for (block, features) in parts {
        let values = block.columns.indices.map {
          (features[row, block.columns[$0]] - block.means[$0]) * block.factors[$0]
        }
        result += values
        guard block.squareShare > 0 else { continue }
        let (own, cross) = (block.squareShare.squareRoot(), (2 * block.squareShare).squareRoot())
        for first in values.indices {
          result.append(own * values[first] * values[first])
          for second in first + 1..<max(values.count, first + 1) {
            result.append(cross * values[first] * values[second])
          }
        }
      }
    }
    return result
  }
}

extension SearchSpace {
  /// The design without what has no effect.
  func effective(_ design: [Int]) -> [Int] {
    switch self {
    case .nasbench201: NASBench201.effective(design)
    case .fbnet: design
    }
  }

  /// Whether data flows through a design; the others' latencies say nothing of the rest.
  func isConnected(_ design: [Int]) -> Bool {
    switch self {
    case .nasbench201: NASBench201.isConnected(design)
    case .fbnet: true
    }
  }
}
