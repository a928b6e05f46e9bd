import EdgeOptimization
import Foundation
import LinearAlgebra
import Tensors

/// How alike the accuracies of two designs are, by their effective decisions and their graph.
///
/// k = s₁·exp(−Σ_p w_p·[x_p ≠ x′_p]) + s₂·g + s₃·exp(…)·g + s₄·⟨z, z′⟩/f, with g = exp(−|z − z′|²/(2l²f)) on the f
/// standardised graph features z.
struct AccuracyKernel: Sendable {
  /// The hyper-parameters, all positive.
  struct Parameters: Hashable, Sendable {
    /// w_p, one for each decision.
    var differences: [Double]
    /// l.
    var length: Double
    /// s₁ to s₄.
    var shares: [Double]
    /// The variance of what no feature explains.
    var noise: Double

    /// Draws them log-uniformly.
    init(positions: Int, random: inout RandomStream) {
      func draw(_ least: Double, _ most: Double) -> Double {
        exp(log(least) + random.uniform() * (log(most) - log(least)))
      }
      differences = (0..<positions).map { _ in draw(0.1, 2) }
      length = draw(0.5, 3)
      shares = (0..<4).map { _ in draw(0.05, 4.5) }
      noise = draw(0.003, 0.03)
    }

    /// The same, each times a log-normal factor.
    func moved(by deviation: Double, random: inout RandomStream) -> Parameters {
      var other = self
      func factor() -> Double { exp(deviation * random.normal()) }
      other.differences = differences.map { $0 * factor() }
      other.length *= factor()
      other.shares = shares.map { $0 * factor() }
      other.noise *= factor()
      return other
    }
  }

  /// Designs ready to be compared.
  struct Designs: Sendable {
    var decisions: [[UInt8]]
    var graph: [[Double]]

    func selecting(_ places: [Int]) -> Designs {
      Designs(decisions: places.map { decisions[$0] }, graph: places.map { graph[$0] })
    }
  }

  let space: SearchSpace
  private let scale: FeatureScale

  /// - Parameters:
  ///   - space: Of the designs.
  ///   - reference: The designs that give the graph features' means and deviations.
  init(_ space: SearchSpace, reference: [[Int]]) {
    self.space = space
    scale = FeatureScale(Self.graph(space, reference.map { space.effective($0) }))
  }

  private static func graph(_ space: SearchSpace, _ designs: [[Int]]) -> FeatureMatrix {
    space.block(.graph, designs) ?? FeatureMatrix(rowCount: designs.count, columnCount: 0)
  }

  /// - Throws: `EdgeError` for a design that is not of the space.
  func prepared(_ designs: [[Int]]) throws -> Designs {
    for design in designs { try space.validate(design) }
    let effective = designs.map { space.effective($0) }
    let graph = scale.standardised(Self.graph(space, effective))
    let kept = scale.deviations.indices.filter { scale.deviations[$0] > 0 }
    let root = 1 / Double(max(kept.count, 1)).squareRoot()
    return Designs(
      decisions: effective.map { $0.map { UInt8($0) } },
      graph: designs.indices.map { row in kept.map { root * graph[row, $0] } })
  }

  /// k for all rows and columns, row after row.
  func covariance(
    _ rows: Designs, _ columns: Designs, _ parameters: Parameters
  ) -> [Double] {
    var result: [Double] = []
    result.reserveCapacity(rows.graph.count * columns.graph.count)
    let lengths = 1 / (2 * parameters.length * parameters.length)
    let shares = parameters.shares
    let squares = columns.graph.map { dot($0, $0) }
    for (decisions, graph) in zip(rows.decisions, rows.graph) {
      let own = dot(graph, graph)
      for column in columns.graph.indices {
        let product = dot(graph, columns.graph[column])
        var difference = 0.0
        let others = columns.decisions[column]
        for place in decisions.indices where decisions[place] != others[place] {
          difference += parameters.differences[place]
        }
        let alike = exp(-difference)
        let near = exp(-max(own + squares[column] - 2 * product, 0) * lengths)
        result.append(
          shares[0] * alike + shares[1] * near + shares[2] * alike * near + shares[3] * product)
      }
    }
    return result
  }

  /// k of each design with itself.
  func variances(_ designs: Designs, _ parameters: Parameters) -> [Double] {
    designs.graph.map {
      parameters.shares[0] + parameters.shares[1] + parameters.shares[2]
        + parameters.shares[3] * dot($0, $0)
    }
  }
}
