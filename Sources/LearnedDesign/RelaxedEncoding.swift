public import EdgeOptimization
public import Tensors

/// Features of designs that are given as probabilities.
///
/// So a gradient can pass from a predictor to the decisions. At the corners, where one operation of each position has probability 1, they are
/// those of the design itself.
public struct RelaxedEncoding: Sendable {
  public let space: SearchSpace

  public init(_ space: SearchSpace) { self.space = space }

  /// The corners of designs: [designs, positions, operations], float32.
  ///
  /// - Throws: `EdgeError` for a design that is not of the space.
  public func corners(_ designs: [[Int]]) throws -> Tensor {
    for design in designs { try space.validate(design) }
    return try Tensor(designs.flatMap { $0 }, shape: [designs.count, space.positionCount])
      .oneHot(classes: space.operations.count).to(.float32)
  }

  /// Features of [n, positions, operations]: [n, features].
  ///
  /// One-hot and, for the cells of NAS-Bench-201, the effective edges, products of pairs of them,
  /// logarithms of operation counts and longest paths, each as a polynomial of the probabilities or a
  /// maximum of some.
  ///
  /// - Throws: `TensorError` for another shape.
  public func features(_ probabilities: Tensor) throws -> Tensor {
    let raw = try probabilities.flattened(from: 1)
    switch space {
    case .nasbench201:
      let cell = try RelaxedCell(probabilities)
      let effective = try cell.effective.flattened(from: 1)
      return try .concatenated(
        [raw, effective, cell.pairs, cell.work, cell.counts, cell.longestPaths], along: 1)
    case .fbnet:
      return try .concatenated([raw, probabilities.sum(along: 1) * 0.1], along: 1)
    }
  }
}

/// A cell of NAS-Bench-201 whose operations have probabilities: section 3 of Dong and Yang (ICLR 2020)
/// gives the graph.
private struct RelaxedCell {
  private let probabilities: Tensor
  /// The probability that an edge is not `none`, for each of the six.
  private let present: [Tensor]
  /// [n, 6, 5]: an edge that no data flows through counts as `none`.
  let effective: Tensor

  init(_ probabilities: Tensor) throws {
    self.probabilities = probabilities
    let present = try (0..<6).map { try 1 - probabilities[.all, $0, 0] }
    self.present = present
    func either(_ first: Tensor, _ second: Tensor) throws -> Tensor {
      try first + second - first * second
    }
    // Edges in order: 0→1, 0→2, 1→2, 0→3, 1→3, 2→3.
    let fromInput1 = present[0]
    let fromInput2 = try either(present[1], fromInput1 * present[2])
    let toOutput2 = present[5]
    let toOutput1 = try either(present[4], present[2] * toOutput2)
    let live = try Tensor.stacked(
      [
        toOutput1, toOutput2, fromInput1 * toOutput2, .ones(like: fromInput1), fromInput1,
        fromInput2,
      ], along: 1)
    let operations = try probabilities[.all, .all, 1...] * live.unsqueezed(2)
    let none = try 1 - operations.sum(along: 2, keeping: true)
    effective = try .concatenated([none, operations], along: 2)
  }

  /// Products of the effective operations of any two edges: [n, 15 · 25].
  var pairs: Tensor {
    get throws {
      let parts = try (0..<5).flatMap { first in
        try (first + 1..<6).map { second in
          try (effective[.all, first].unsqueezed(2) * effective[.all, second].unsqueezed(1))
            .flattened(from: 1)
        }
      }
      return try .concatenated(parts, along: 1)
    }
  }

  /// Logarithms of the convolutions' work, raw and effective: [n, 2].
  var work: Tensor {
    get throws {
      let logarithms = try [probabilities, effective].map {
        try (9 * $0[.all, .all, 3] + $0[.all, .all, 2]).sum(along: 1).log1p()
      }
      return try Tensor.stacked(logarithms, along: 1) * 0.3
    }
  }

  /// Effective operations of each kind: [n, 5].
  var counts: Tensor { get throws { try effective.sum(along: 1) * 0.3 } }

  /// The longest path from input to output that is present, by four weights of the operations.
  var longestPaths: Tensor {
    get throws {
      let paths = [[3], [0, 4], [1, 5], [0, 2, 5]]
      let weights: [[Float]] = [
        [0, 1, 1, 1, 1], [0, 0, 1, 1, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 1],
      ]
      let lengths = try weights.map { weight in
        let values = try probabilities.matmul(Tensor(weight))
        let each = try paths.map { path in
          let alive = try path.dropFirst().reduce(present[path[0]]) { try $0 * present[$1] }
          let length = try path.dropFirst().reduce(values[.all, path[0]]) {
            try $0 + values[.all, $1]
          }
          return try alive * length
        }
        return try Tensor.stacked(each, along: 1).max(along: 1)
      }
      return try Tensor.stacked(lengths, along: 1) * 0.5
    }
  }
}
