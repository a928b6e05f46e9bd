import Formats
import ONNX
import Tensors

extension ONNXOperators {
  /// Shapes, orders and parts.
  static let shapes: [String: Builder] = [
    "Shape": { node, _ in
      try node.refuseAttributes(except: ["start", "end"])
      let start = try node.int("start", default: 0)
      let end = try node.int("end", default: .max)
      return { inputs in
        let shape = try input(inputs, 0, node).shape
        func place(_ index: Int) -> Int {
          index < 0 ? max(0, index + shape.count) : min(index, shape.count)
        }
        return [
          try Tensor(place(start) < place(end) ? Array(shape[place(start)..<place(end)]) : [])
        ]
      }
    },
    "Size": { node, _ in
      try node.refuseAttributes(except: [])
      return { [try Tensor(input($0, 0, node).count)] }
    },
    "Reshape": { node, _ in
      try node.refuseAttributes(except: ["allowzero", "shape"])
      let allowsZero = try node.int("allowzero", default: 0) != 0
      let stated = node.attributes["shape"] != nil ? try node.ints("shape") : nil
      return { inputs in
        let value = try input(inputs, 0, node)
        let wanted = try stated ?? input(inputs, 1, node).integers()
        let shape = value.shape
        return [
          try value.reshaped(
            wanted.enumerated().map { index, extent in
              extent == 0 && !allowsZero && index < shape.count ? shape[index] : extent
            })
        ]
      }
    },
    "Flatten": { node, _ in
      try node.refuseAttributes(except: ["axis"])
      let axis = try node.int("axis", default: 1)
      return { inputs in
        let value = try input(inputs, 0, node)
        let place = axis < 0 ? axis + value.rank : axis
        guard (0...value.rank).contains(place) else {
          throw node.error(found: "axis \(axis) of \(value.rank) dimensions")
        }
        return [
          try value.reshaped([
            value.shape[..<place].reduce(1, *), value.shape[place...].reduce(1, *),
          ])
        ]
      }
    },
    "Transpose": { node, _ in
      try node.refuseAttributes(except: ["perm"])
      let order = node.attributes["perm"] != nil ? try node.ints("perm") : nil
      return { inputs in
        let value = try input(inputs, 0, node)
        return try Tensor.call(
          "aten::permute", value, order ?? Array((0..<value.rank).reversed())
        ).flatMap(\.tensors)
      }
    },
    "Squeeze": { node, version in
      try node.refuseAttributes(except: version < 13 ? ["axes"] : [])
      let stated = node.attributes["axes"] != nil ? try node.ints("axes") : nil
      return { inputs in
        var value = try input(inputs, 0, node)
        guard let axes = try stated ?? optional(inputs, 1)?.integers() else {
          return [try value.squeezed()]
        }
        let rank = value.rank
        for place in try axes.map({ try dimension($0, of: rank, node) }).sorted(by: >) {
          guard try value.extent(place) == 1 else {
            throw node.error(found: "axis \(place) of \(value.shape) to be left out", expected: "1")
          }
          value = try value.squeezed(place)
        }
        return [value]
      }
    },
    "Unsqueeze": { node, version in
      try node.refuseAttributes(except: version < 13 ? ["axes"] : [])
      let stated = node.attributes["axes"] != nil ? try node.ints("axes") : nil
      return { inputs in
        var value = try input(inputs, 0, node)
        let axes = try stated ?? input(inputs, 1, node).integers()
        let rank = value.rank + axes.count
        for place in try axes.map({ try dimension($0, of: rank, node) }).sorted() {
          value = try value.unsqueezed(place)
        }
        return [value]
      }
    },
    "Concat": { node, _ in
      try node.refuseAttributes(except: ["axis"])
      let axis = try node.int("axis", default: 1)
      return { [try .concatenated($0.compactMap { $0 }, along: axis)] }
    },
    "Split": { node, version in
      try node.refuseAttributes(except: ["axis", "split", "num_outputs"])
      let axis = try node.int("axis", default: 0)
      let stated = node.attributes["split"] != nil ? try node.ints("split") : nil
      let parts = node.outputs.count
      return { inputs in
        let value = try input(inputs, 0, node)
        if let sizes = try stated ?? optional(inputs, 1)?.integers() {
          return try value.split(sizes: sizes, along: axis)
        }
        return try value.split(
          every: max(1, (value.extent(axis) + parts - 1) / parts), along: axis)
      }
    },
    "Gather": { node, _ in
      try node.refuseAttributes(except: ["axis"])
      let axis = try node.int("axis", default: 0)
      return { inputs in
        let (value, indices) = (try input(inputs, 0, node), try input(inputs, 1, node).to(.int64))
        let place = try dimension(axis, of: value.rank, node)
        let extent = try value.extent(place)
        let positive = try (indices + extent).remainder(dividingBy: max(extent, 1))
        guard try (indices .>= -extent).and(indices .< extent).all().boolean() else {
          throw node.error(found: "an index beyond the \(extent) slices of axis \(axis)")
        }
        let shape = value.shape
        return [
          try value.gathering(positive.flattened(), along: place)
            .reshaped(Array(shape[..<place]) + indices.shape + Array(shape[(place + 1)...]))
        ]
      }
    },
    "Slice": { node, version in
      try node.refuseAttributes(except: version < 10 ? ["starts", "ends", "axes"] : [])
      let early = version < 10
      let starts = early ? try node.ints("starts") : []
      let ends = early ? try node.ints("ends") : []
      let axes = node.attributes["axes"] != nil ? try node.ints("axes") : nil
      return { inputs in
        var value = try input(inputs, 0, node)
        let starts = early ? starts : try input(inputs, 1, node).integers()
        let ends = early ? ends : try input(inputs, 2, node).integers()
        let axes = try axes ?? optional(inputs, 3)?.integers() ?? Array(starts.indices)
        let steps = try optional(inputs, 4)?.integers() ?? starts.map { _ in 1 }
        guard [ends.count, axes.count, steps.count].allSatisfy({ $0 == starts.count }) else {
          throw node.error(found: "starts, ends, axes and steps of different lengths")
        }
        for index in starts.indices {
          value = try sliced(value, starts[index], ends[index], axes[index], steps[index], node)
        }
        return [value]
      }
    },
    "Expand": { node, _ in
      try node.refuseAttributes(except: [])
      return { inputs in
        let value = try input(inputs, 0, node)
        let shape = try input(inputs, 1, node).integers()
        // Both ways: an extent of 1 in the wanted shape keeps the value's own.
        let own = value.shape
        let rank = max(own.count, shape.count)
        let joint = (0..<rank).map { place in
          let left = place - (rank - own.count)
          let right = place - (rank - shape.count)
          if right < 0 || shape[right] == 1 { return own[left] }
          return shape[right]
        }
        return [try value.broadcast(to: joint)]
      }
    },
    "Tile": { node, _ in
      try node.refuseAttributes(except: [])
      return { inputs in
        let counts = try input(inputs, 1, node).integers()
        return try Tensor.call("aten::repeat", try input(inputs, 0, node), counts)
          .flatMap(\.tensors)
      }
    },
    "Pad": { node, version in
      try node.refuseAttributes(except: version < 11 ? ["mode", "pads", "value"] : ["mode"])
      let mode = try node.string("mode", default: "constant")
      guard mode == "constant" else {
        throw node.error(.unsupported, found: "mode '\(mode)'", expected: "constant")
      }
      let early = version < 11 ? try node.ints("pads") : []
      let filling = version < 11 ? Double(try node.float("value", default: 0)) : 0
      return { inputs in
        let value = try input(inputs, 0, node)
        let pads = version < 11 ? early : try input(inputs, 1, node).integers()
        let rank = value.rank
        let axes = try optional(inputs, 3)?.integers().map { try dimension($0, of: rank, node) }
        let places = axes ?? Array(0..<rank)
        guard pads.count == 2 * places.count else {
          throw node.error(found: "\(pads.count) pads for \(places.count) axes")
        }
        // The library counts from the last dimension.
        var counts = Array(repeating: 0, count: 2 * rank)
        for (index, place) in places.enumerated() {
          counts[2 * (rank - 1 - place)] = pads[index]
          counts[2 * (rank - 1 - place) + 1] = pads[index + places.count]
        }
        return [try value.padded(counts, with: try optional(inputs, 2)?.double() ?? filling)]
      }
    },
    "ConstantOfShape": { node, _ in
      try node.refuseAttributes(except: ["value"])
      let filling = try Tensor(
        node.tensor("value", default: TensorData([Float(0)], shape: [1])))
      return { inputs in
        // A file of a few bytes may ask for any amount of memory.
        let shape = try input(inputs, 0, node).integers()
        guard let size = TensorData.byteCount(.float64, shape), size <= 1 << 34 else {
          throw node.error(
            .limit, found: "a tensor of shape \(shape)", expected: "at most 2^31 numbers")
        }
        return [try filling.reshaped([]).expanded(shape).copy()]
      }
    },
    "Range": { node, _ in
      try node.refuseAttributes(except: [])
      return { inputs in
        let values = try (0..<3).map { try input(inputs, $0, node) }
        let type = values[0].dtype
        let (start, end, step) = (
          try values[0].double(), try values[1].double(), try values[2].double()
        )
        let steps = ((end - start) / step).rounded(.up)
        guard steps.isFinite, steps < 0x1p31 else {
          throw node.error(found: "a range from \(start) to \(end) in steps of \(step)")
        }
        let count = Int(max(0, steps))
        return [try (Tensor.arange(count, dtype: .float64) * step + start).to(type)]
      }
    },
  ]

  private static func sliced(
    _ value: Tensor, _ start: Int, _ end: Int, _ axis: Int, _ step: Int, _ node: ONNXNode
  ) throws -> Tensor {
    let place = try dimension(axis, of: value.rank, node)
    let extent = try value.extent(place)
    guard step != 0 else { throw node.error(found: "a step of 0") }
    func position(_ index: Int, _ range: ClosedRange<Int>) -> Int {
      let counted = index < 0 ? index + extent : index
      return min(max(counted, range.lowerBound), range.upperBound)
    }
    guard step < 0 else {
      let (first, last) = (position(start, 0...extent), position(end, 0...extent))
      return try value.slicing(first..<max(first, last), along: place, step: step)
    }
    guard extent > 0 else { return value }
    // Backwards: the library only walks forwards, so that the indices are listed.
    let first = position(start, 0...(extent - 1))
    let last = end < -extent ? -1 : position(end, -1...(extent - 1))
    let indices = Array(stride(from: first, to: last, by: step))
    return try value.gathering(Tensor(indices), along: place)
  }
}
