import Formats
import ONNX
import Tensors

extension ONNXOperators {
  /// The layers of networks.
  static let layers: [String: Builder] = [
    "Gemm": { node, _ in
      try node.refuseAttributes(except: ["alpha", "beta", "transA", "transB", "broadcast"])
      let alpha = Double(try node.float("alpha", default: 1))
      let beta = Double(try node.float("beta", default: 1))
      let turnsLeft = try node.int("transA", default: 0) != 0
      let turnsRight = try node.int("transB", default: 0) != 0
      return { inputs in
        var left = try input(inputs, 0, node)
        var right = try input(inputs, 1, node)
        if turnsLeft { left = try left.transposed() }
        if turnsRight { right = try right.transposed() }
        var product = try left.matmul(right)
        if alpha != 1 { product = try product * alpha }
        guard let offset = optional(inputs, 2) else { return [product] }
        return [try product + (beta == 1 ? offset : offset * beta)]
      }
    },
    "Conv": { node, _ in
      let window = try Window(node, extra: [])
      return { inputs in
        let weight = try input(inputs, 1, node)
        let (value, pads) = try window.padded(
          input(inputs, 0, node), Array(weight.shape.dropFirst(2)))
        let spatial = weight.rank - 2
        return try Tensor.call(
          "aten::convolution", value, weight, optional(inputs, 2), window.strides(spatial), pads,
          window.dilations(spatial), false, Array(repeating: 0, count: spatial), window.groups
        ).flatMap(\.tensors)
      }
    },
    "ConvTranspose": { node, _ in
      let window = try Window(node, extra: ["output_padding"])
      let extra = node.attributes["output_padding"] != nil ? try node.ints("output_padding") : nil
      guard window.isExplicit else {
        throw node.error(.unsupported, found: "padding by 'auto_pad'", expected: "'pads'")
      }
      return { inputs in
        let weight = try input(inputs, 1, node)
        let spatial = weight.rank - 2
        let (before, after) = window.pads(spatial)
        // What is cut off after the result beyond what is cut off before it.
        let output = extra ?? Array(repeating: 0, count: spatial)
        var result = try Tensor.call(
          "aten::convolution", try input(inputs, 0, node), weight, optional(inputs, 2),
          window.strides(spatial), Array(repeating: 0, count: spatial), window.dilations(spatial),
          true, output, window.groups
        ).flatMap(\.tensors)[0]
        for axis in 0..<spatial {
          let extent = try result.extent(axis + 2)
          guard before[axis] + after[axis] <= extent else {
            throw node.error(found: "pads \(before + after) for a result of \(result.shape)")
          }
          result = try result.slicing(before[axis]..<extent - after[axis], along: axis + 2)
        }
        return [result]
      }
    },
    "MaxPool": { node, _ in
      let window = try Window(node, extra: ["ceil_mode", "storage_order"])
      let kernel = try node.ints("kernel_shape")
      guard node.outputs.count == 1 else {
        throw node.error(.unsupported, found: "an output of indices")
      }
      let rounds = try node.int("ceil_mode", default: 0) != 0
      let name = try pool(
        kernel, ["aten::max_pool1d", "aten::max_pool2d", "aten::max_pool3d"], node)
      return { inputs in
        let source = try input(inputs, 0, node)
        // The library pools real numbers only; doubles hold the integers that images have.
        let image = source.dtype.isFloatingPoint ? source : try source.to(.float64)
        // Beyond the edge nothing is larger.
        let (value, pads) = try window.padded(
          image, kernel, with: -Double.infinity, mayExceedHalf: false)
        return try Tensor.call(
          name, value, kernel, window.strides(kernel.count), pads,
          window.dilations(kernel.count), rounds
        ).flatMap(\.tensors).map { try $0.to(source.dtype) }
      }
    },
    "AveragePool": { node, _ in
      let window = try Window(node, extra: ["ceil_mode", "count_include_pad"])
      let kernel = try node.ints("kernel_shape")
      let rounds = try node.int("ceil_mode", default: 0) != 0
      let counts = try node.int("count_include_pad", default: 0) != 0
      let name = try pool(
        kernel, ["aten::avg_pool1d", "aten::avg_pool2d", "aten::avg_pool3d"], node)
      guard window.dilations(kernel.count).allSatisfy({ $0 == 1 }) else {
        throw node.error(.unsupported, found: "dilations other than 1")
      }
      return { inputs in
        let source = try input(inputs, 0, node)
        let (before, after) = try window.pads(source, kernel)
        let fits = zip(before, kernel).allSatisfy { $0 <= $1 / 2 }
        if before == after && fits && !(rounds && counts) {
          return try Tensor.call(
            name, source, kernel, window.strides(kernel.count), before, rounds, counts
          ).flatMap(\.tensors)
        }
        guard !rounds else {
          throw node.error(.unsupported, found: "'ceil_mode' with padding of this kind")
        }
        // Uneven padding: sums over sums of ones.
        let none = Array(repeating: 0, count: kernel.count)
        func means(_ value: Tensor) throws -> Tensor {
          try Tensor.call(
            name, pad(value, before, after, with: 0), kernel, window.strides(kernel.count), none
          ).flatMap(\.tensors)[0]
        }
        let sums = try means(source)
        return [counts ? sums : try sums / means(.ones(like: source))]
      }
    },
    "GlobalAveragePool": { node, _ in
      try node.refuseAttributes(except: [])
      return { inputs in
        let value = try input(inputs, 0, node)
        return try Tensor.call("aten::mean.dim", value, Array(2..<max(2, value.rank)), true)
          .flatMap(\.tensors)
      }
    },
    "GlobalMaxPool": { node, _ in
      try node.refuseAttributes(except: [])
      return { inputs in
        let value = try input(inputs, 0, node)
        return try Tensor.call("aten::amax", value, Array(2..<max(2, value.rank)), true)
          .flatMap(\.tensors)
      }
    },
    "BatchNormalization": { node, _ in
      try node.refuseAttributes(except: ["epsilon", "momentum", "spatial", "training_mode"])
      let epsilon = Double(try node.float("epsilon", default: 1e-5))
      guard try node.int("training_mode", default: 0) == 0, try node.int("spatial", default: 1) == 1
      else { throw node.error(.unsupported, found: "training mode, or moments of single places") }
      return { inputs in
        [
          try input(inputs, 0, node).batchNorm(
            weight: input(inputs, 1, node), bias: input(inputs, 2, node),
            runningMean: input(inputs, 3, node), runningVariance: input(inputs, 4, node),
            isTraining: false, epsilon: epsilon)
        ]
      }
    },
    "LayerNormalization": { node, _ in
      try node.refuseAttributes(except: ["axis", "epsilon", "stash_type"])
      let axis = try node.int("axis", default: -1)
      let epsilon = Double(try node.float("epsilon", default: 1e-5))
      return { inputs in
        let value = try input(inputs, 0, node)
        let place = try dimension(axis, of: value.rank, node)
        let scaled =
          try value.layerNorm(Array(value.shape[place...]), epsilon: epsilon)
          * input(inputs, 1, node)
        let result = try optional(inputs, 2).map { try scaled + $0 } ?? scaled
        guard node.outputs.count > 1 else { return [result] }
        let places = Array(place..<value.rank)
        let mean = try Tensor.call("aten::mean.dim", value, places, true).flatMap(\.tensors)[0]
        let variance = try Tensor.call("aten::mean.dim", (value - mean).square(), places, true)
          .flatMap(\.tensors)[0]
        return [result, mean, try (variance + epsilon).rsqrt()]
      }
    },
  ]

  private static func pool(_ kernel: [Int], _ names: [String], _ node: ONNXNode) throws -> String {
    guard (1...3).contains(kernel.count) else {
      throw node.error(.unsupported, found: "windows of \(kernel.count) dimensions")
    }
    return names[kernel.count - 1]
  }
}

/// How a window moves over an image: the attributes that convolutions and pools share.
private struct Window: Sendable {
  private let statedStrides: [Int]?
  private let statedDilations: [Int]?
  private let statedPads: [Int]?
  private let automatic: String
  let groups: Int
  private let node: ONNXNode

  init(_ node: ONNXNode, extra: Set<String>) throws {
    try node.refuseAttributes(
      except: extra.union([
        "auto_pad", "dilations", "group", "kernel_shape", "pads", "strides",
      ]))
    statedStrides = node.attributes["strides"] != nil ? try node.ints("strides") : nil
    statedDilations = node.attributes["dilations"] != nil ? try node.ints("dilations") : nil
    statedPads = node.attributes["pads"] != nil ? try node.ints("pads") : nil
    automatic = try node.string("auto_pad", default: "NOTSET")
    groups = try node.int("group", default: 1)
    self.node = node
    guard ["NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"].contains(automatic) else {
      throw node.error(.unsupported, found: "auto_pad '\(automatic)'")
    }
  }

  /// Whether the padding does not depend on the image.
  var isExplicit: Bool { !automatic.hasPrefix("SAME") }

  func strides(_ rank: Int) -> [Int] { statedStrides ?? Array(repeating: 1, count: rank) }

  func dilations(_ rank: Int) -> [Int] { statedDilations ?? Array(repeating: 1, count: rank) }

  /// The stated padding before and after each dimension.
  func pads(_ rank: Int) -> (before: [Int], after: [Int]) {
    guard automatic == "NOTSET", let pads = statedPads, pads.count == 2 * rank else {
      return (Array(repeating: 0, count: rank), Array(repeating: 0, count: rank))
    }
    return (Array(pads[..<rank]), Array(pads[rank...]))
  }

  /// The padding for an image, which for `SAME` depends on its extents.
  func pads(_ image: Tensor, _ kernel: [Int]) throws -> (before: [Int], after: [Int]) {
    let rank = kernel.count
    guard image.rank == rank + 2 else {
      throw node.error(
        found: "an input of shape \(image.shape)", expected: "\(rank + 2) dimensions")
    }
    guard statedPads == nil || statedPads?.count == 2 * rank, strides(rank).count == rank,
      dilations(rank).count == rank
    else {
      throw node.error(found: "pads, strides or dilations that are not for \(rank) dimensions")
    }
    // Small enough that no product of three overflows.
    let sizes = kernel + strides(rank) + dilations(rank)
    guard sizes.allSatisfy({ 1...(1 << 20) ~= $0 }),
      (statedPads ?? []).allSatisfy({ 0...(1 << 20) ~= $0 })
    else {
      throw node.error(
        found: "kernel \(kernel), strides \(strides(rank)), dilations \(dilations(rank)), pads "
          + "\(statedPads ?? [])", expected: "kernels, strides and dilations from 1, pads from 0")
    }
    guard !isExplicit else { return pads(rank) }
    var before: [Int] = []
    var after: [Int] = []
    for axis in 0..<rank {
      let extent = image.shape[axis + 2]
      let stride = strides(rank)[axis]
      let reach = (kernel[axis] - 1) * dilations(rank)[axis] + 1
      let total = max(0, ((extent + stride - 1) / stride - 1) * stride + reach - extent)
      before.append(automatic == "SAME_UPPER" ? total / 2 : total - total / 2)
      after.append(total - before[axis])
    }
    return (before, after)
  }

  /// The image with as much of the padding done as the library cannot do itself, and the rest.
  func padded(
    _ image: Tensor, _ kernel: [Int], with filling: Double = 0, mayExceedHalf: Bool = true
  ) throws -> (Tensor, rest: [Int]) {
    let (before, after) = try pads(image, kernel)
    let fits = mayExceedHalf || zip(before, kernel).allSatisfy { $0 <= $1 / 2 }
    guard before != after || !fits else { return (image, before) }
    return (
      try pad(image, before, after, with: filling), Array(repeating: 0, count: kernel.count)
    )
  }
}

/// An image with numbers around its last dimensions.
private func pad(
  _ image: Tensor, _ before: [Int], _ after: [Int], with filling: Double
) throws -> Tensor {
  let counts = zip(before, after).reversed().flatMap { [$0, $1] }
  return counts.allSatisfy { $0 == 0 } ? image : try image.padded(counts, with: filling)
}
