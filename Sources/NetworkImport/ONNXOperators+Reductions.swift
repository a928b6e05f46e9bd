import Formats
import ONNX
import Tensors

extension ONNXOperators {
  /// Sums, means and the like.
  static let reductions: [String: Builder] = [
    "ReduceSum": reduction { try along("aten::sum.dim_IntList", $0, $1, $2) },
    "ReduceMean": reduction { try along("aten::mean.dim", $0, $1, $2) },
    "ReduceMax": reduction { try extreme("aten::amax", $0, $1, $2, ofNone: -.infinity) },
    "ReduceMin": reduction { try extreme("aten::amin", $0, $1, $2, ofNone: .infinity) },
    "ReduceLogSumExp": reduction { try along("aten::logsumexp", $0, $1, $2) },
    "ReduceSumSquare": reduction { try along("aten::sum.dim_IntList", $0.square(), $1, $2) },
    "ReduceL2": reduction { try along("aten::sum.dim_IntList", $0.square(), $1, $2).sqrt() },
    "ReduceL1": reduction { try along("aten::sum.dim_IntList", $0.abs(), $1, $2) },
    "ArgMax": selection { try $0.argmax(along: $1, keeping: $2) },
    "ArgMin": selection { try $0.argmin(along: $1, keeping: $2) },
    "Softmax": normalization { try $0.softmax(along: $1) },
    "LogSoftmax": normalization { try $0.logSoftmax(along: $1) },
    "CumSum": { node, _ in
      try node.refuseAttributes(except: ["exclusive", "reverse"])
      let isExclusive = try node.int("exclusive", default: 0) != 0
      let isReversed = try node.int("reverse", default: 0) != 0
      return { inputs in
        let source = try input(inputs, 0, node)
        let axis = try input(inputs, 1, node).integer()
        let value = isReversed ? try source.flipped(axis) : source
        var sums = try value.cumulativeSum(along: axis)
        if isExclusive { sums = try sums - value }
        return [try (isReversed ? sums.flipped(axis) : sums).to(source.dtype)]
      }
    },
  ]

  private static func along(
    _ name: String, _ value: Tensor, _ axes: [Int], _ keeps: Bool
  ) throws -> Tensor {
    let results = try Tensor.call(name, value, axes, keeps).flatMap(\.tensors)
    guard let result = results.first else { return value }
    // Integers are summed in int64; the standard keeps their type.
    return try result.to(value.dtype)
  }

  /// The largest or smallest elements; of none, the number that is below or above all others.
  private static func extreme(
    _ name: String, _ value: Tensor, _ axes: [Int], _ keeps: Bool, ofNone: Double
  ) throws -> Tensor {
    guard value.count == 0 else { return try along(name, value, axes, keeps) }
    let places = Set(axes.map { $0 < 0 ? $0 + value.rank : $0 })
    let shape = value.shape.enumerated().compactMap { index, extent in
      places.contains(index) ? (keeps ? 1 : nil) : extent
    }
    return value.dtype == .bool
      ? try .full(shape, ofNone > 0, dtype: .bool) : try .full(shape, ofNone, dtype: value.dtype)
  }

  private static func reduction(
    _ function: @escaping @Sendable (Tensor, [Int], Bool) throws -> Tensor
  ) -> Builder {
    { node, _ in
      try node.refuseAttributes(except: ["axes", "keepdims", "noop_with_empty_axes"])
      let stated = node.attributes["axes"] != nil ? try node.ints("axes") : nil
      let keeps = try node.int("keepdims", default: 1) != 0
      let isNoop = try node.int("noop_with_empty_axes", default: 0) != 0
      return { inputs in
        let value = try input(inputs, 0, node)
        let axes = try stated ?? optional(inputs, 1)?.integers() ?? []
        if axes.isEmpty && isNoop {
          // The function of single elements still applies.
          return [try function(value.unsqueezed(0), [0], false)]
        }
        return [try function(value, axes.isEmpty ? Array(0..<value.rank) : axes, keeps)]
      }
    }
  }

  private static func selection(
    _ function: @escaping @Sendable (Tensor, Int, Bool) throws -> Tensor
  ) -> Builder {
    { node, _ in
      try node.refuseAttributes(except: ["axis", "keepdims", "select_last_index"])
      let takesLast = try node.int("select_last_index", default: 0) != 0
      let axis = try node.int("axis", default: 0)
      let keeps = try node.int("keepdims", default: 1) != 0
      return { inputs in
        let value = try input(inputs, 0, node)
        guard takesLast else { return [try function(value, axis, keeps)] }
        // The first of the elements in reverse.
        let last = try value.extent(axis) - 1
        return [try last - function(value.flipped(axis), axis, keeps)]
      }
    }
  }

  private static func normalization(
    _ function: @escaping @Sendable (Tensor, Int) throws -> Tensor
  ) -> Builder {
    { node, version in
      try node.refuseAttributes(except: ["axis"])
      let axis = try node.int("axis", default: version < 13 ? 1 : -1)
      return { inputs in
        let value = try input(inputs, 0, node)
        guard version < 13 else { return [try function(value, axis)] }
        // Up to version 12 all dimensions from the axis on were one.
        let place = try dimension(axis, of: value.rank, node)
        return [try function(value.flattened(from: place), place).reshaped(value.shape)]
      }
    }
  }
}
