import CDenseKernels

/// Where the parameters of a network lie in the float32 kernels' layout.
///
/// Units are padded to whole vectors: a layer's weights are inputs × padded outputs. A layer with one
/// output has its weights side by side instead. What pads is 0 and stays 0.
struct SingleLayout: Hashable, Sendable {
  struct Layer: Hashable, Sendable {
    let inputs: Int
    let outputs: Int
    /// The padded number of inputs, which is how far rows of the layer's input are apart.
    let inputStride: Int
    /// The padded number of outputs; 1 where the layer is narrow.
    let stride: Int
    /// Where weights and biases begin.
    let weights: Int
    let biases: Int
    /// Whether it is the last one and has one output, so that its weights are side by side.
    let isNarrow: Bool
    /// Where the layer's weights begin in the plain layout of ``Network``.
    let plain: Network.Layer
  }

  let layers: [Layer]
  /// All numbers, padding included: a multiple of 64.
  let count: Int

  init(_ network: Network) {
    var start = 0
    layers = network.layers.enumerated().map { index, layer in
      let inputStride = SingleLayout.padded(layer.inputs)
      let isNarrow = layer.outputs == 1 && index + 1 == network.layers.count
      let stride = isNarrow ? 1 : SingleLayout.padded(layer.outputs)
      let weights = isNarrow ? inputStride : layer.inputs * stride
      let result = Layer(
        inputs: layer.inputs, outputs: layer.outputs, inputStride: inputStride, stride: stride,
        weights: start, biases: start + weights, isNarrow: isNarrow, plain: layer)
      start += weights + SingleLayout.padded(stride)
      return result
    }
    count = (start + 63) / 64 * 64
  }

  static func padded(_ count: Int) -> Int {
    let multiple = Int(SINGLE_COLUMN_MULTIPLE)
    return (count + multiple - 1) / multiple * multiple
  }

  /// Calls with each run of numbers that is side by side in both layouts.
  @inline(__always)
  private func forEachRun(_ body: (_ plain: Int, _ padded: Int, _ count: Int) -> Void) {
    for layer in layers {
      if layer.isNarrow {
        body(layer.plain.weights, layer.weights, layer.inputs)
      } else {
        for input in 0..<layer.inputs {
          body(
            layer.plain.weights + input * layer.outputs, layer.weights + input * layer.stride,
            layer.outputs)
        }
      }
      body(layer.plain.biases, layer.biases, layer.outputs)
    }
  }

  /// Puts plain numbers in their places, each times a factor where there are some.
  func pack(_ plain: [Double], times factors: [Double]? = nil, _ padded: inout [Float]) {
    padded.withUnsafeMutableBufferPointer { padded in
      plain.withUnsafeBufferPointer { plain in
        if let factors {
          factors.withUnsafeBufferPointer { factors in
            forEachRun { from, to, count in
              for i in 0..<count { padded[to + i] = Float(plain[from + i] * factors[from + i]) }
            }
          }
        } else {
          forEachRun { from, to, count in
            for i in 0..<count { padded[to + i] = Float(plain[from + i]) }
          }
        }
      }
    }
  }

  /// Plain numbers as the kernels want them, with zeros between.
  func packed(_ plain: [Double]) -> [Float] {
    var padded = [Float](repeating: 0, count: count)
    pack(plain, &padded)
    return padded
  }

  /// Takes numbers out of their places.
  func unpack(_ padded: [Float], times factors: [Double], _ plain: inout [Double]) {
    padded.withUnsafeBufferPointer { padded in
      plain.withUnsafeMutableBufferPointer { plain in
        factors.withUnsafeBufferPointer { factors in
          forEachRun { from, to, count in
            for i in 0..<count { plain[from + i] = Double(padded[to + i]) * factors[from + i] }
          }
        }
      }
    }
  }

  /// Takes numbers out of their places.
  func unpacked(_ padded: [Float]) -> [Double] {
    var plain = [Double](repeating: 0, count: layers[layers.count - 1].plain.end)
    forEachRun { from, to, count in
      for i in 0..<count { plain[from + i] = Double(padded[to + i]) }
    }
    return plain
  }
}

/// Inputs in float32, a row an example, padded as the kernels want them.
public struct SingleRows: Sendable {
  public let count: Int
  /// Features of a row.
  public let width: Int
  /// Numbers from one row to the next.
  let stride: Int
  let values: [Float]

  /// - `fill`: Writes the features of a row.
  public init(
    count: Int, width: Int,
    fill: (_ row: Int, _ features: UnsafeMutableBufferPointer<Float>) -> Void
  ) {
    let stride = SingleLayout.padded(width)
    self.count = count
    self.width = width
    self.stride = stride
    var values = [Float](repeating: 0, count: count * stride)
    values.withUnsafeMutableBufferPointer { values in
      for row in 0..<count {
        fill(row, UnsafeMutableBufferPointer(rebasing: values[row * stride..<row * stride + width]))
      }
    }
    self.values = values
  }

  init(_ rows: Rows) {
    self.init(count: rows.count, width: rows.width) { row, features in
      for i in features.indices { features[i] = Float(rows.values[row * rows.width + i]) }
    }
  }
}
