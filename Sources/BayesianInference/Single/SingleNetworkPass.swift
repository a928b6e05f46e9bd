import CDenseKernels

/// Runs a network forwards and backwards over blocks of rows in float32, in buffers of its own.
///
/// One per thread: it isn't safe to share. Blocks are row-major (see `single_kernels.h`).
final class SingleNetworkPass {
  /// The most rows of a block: what leaves a narrow network's values in the innermost cache, and makes
  /// whole tiles.
  static let blockRows = 132

  let network: Network
  let layout: SingleLayout
  /// What each layer gives, rows × stride.
  private let activations: [UnsafeMutablePointer<Float>]
  private let derivatives: [UnsafeMutablePointer<Float>]
  /// What each hidden unit is multiplied by, as dropout does; not used where `usesMasks` is false.
  let masks: [UnsafeMutablePointer<Float>]
  /// The weights of each layer but the first turned, outputs × padded inputs, for the way back.
  private let turned: [UnsafeMutablePointer<Float>]
  var usesMasks = false

  init(_ network: Network) {
    self.network = network
    let layout = SingleLayout(network)
    self.layout = layout
    let buffer = { (count: Int) in
      let buffer = UnsafeMutablePointer<Float>.allocate(capacity: max(count, 1))
      buffer.initialize(repeating: 0, count: max(count, 1))
      return buffer
    }
    let rows = { (layers: ArraySlice<SingleLayout.Layer>) in
      layers.map { buffer($0.stride * SingleNetworkPass.blockRows) }
    }
    activations = rows(layout.layers[...])
    derivatives = rows(layout.layers[...])
    masks = rows(layout.layers.dropLast())
    turned = layout.layers.enumerated().map { index, layer in
      buffer(index > 0 && !layer.isNarrow ? layer.outputs * layer.inputStride : 0)
    }
  }

  deinit {
    for buffer in activations + derivatives + masks + turned { buffer.deallocate() }
  }

  /// Where the loss's derivatives by the outputs go before ``backward``, rows × stride.
  var outputDerivatives: UnsafeMutablePointer<Float> { derivatives[derivatives.count - 1] }
  /// Numbers from one row of the outputs to the next.
  var outputStride: Int { layout.layers[layout.layers.count - 1].stride }

  /// Computes rows × output stride from rows × padded inputs.
  func forward(
    _ parameters: UnsafePointer<Float>, _ inputs: UnsafePointer<Float>, rows: Int
  ) -> UnsafePointer<Float> {
    var x = inputs
    for (index, layer) in layout.layers.enumerated() {
      let y = activations[index]
      let isHidden = index + 1 < layout.layers.count
      if layer.isNarrow {
        single_dot_rows(
          rows, layer.inputStride, x, parameters + layer.weights, parameters[layer.biases], y)
      } else {
        single_matmul(
          rows, layer.inputs, layer.stride, x, layer.inputStride, 1, parameters + layer.weights,
          layer.stride, parameters + layer.biases, y, layer.stride,
          isHidden && network.activation == .relu ? Int32(SINGLE_RELU) : 0)
      }
      if isHidden, network.activation == .tanh { single_tanh(layer.stride * rows, y) }
      x = UnsafePointer(y)
      if usesMasks, isHidden {
        // As in ``NetworkPass``: the unmasked values are needed again on the way back.
        single_multiply(layer.stride * rows, y, masks[index], derivatives[index])
        x = UnsafePointer(derivatives[index])
      }
    }
    return x
  }

  /// Prepares ``backward`` for these parameters.
  func turn(_ parameters: UnsafePointer<Float>) {
    for (index, layer) in layout.layers.enumerated() where index > 0 && !layer.isNarrow {
      single_transpose(
        layer.inputs, layer.outputs, parameters + layer.weights, layer.stride, turned[index],
        layer.inputStride)
    }
  }

  /// Adds the loss's derivatives by the parameters to `gradient`, after ``forward`` on the same rows
  /// and ``turn`` on the same parameters.
  func backward(
    _ parameters: UnsafePointer<Float>, _ inputs: UnsafePointer<Float>, rows: Int,
    gradient: UnsafeMutablePointer<Float>
  ) {
    let accumulates = Int32(SINGLE_ACCUMULATE)
    var hasBias = false
    for index in layout.layers.indices.reversed() {
      let layer = layout.layers[index]
      let d = derivatives[index]
      // With masks the buffer of the layer below holds its masked values until it is overwritten.
      let x =
        index == 0
        ? inputs : UnsafePointer(usesMasks ? derivatives[index - 1] : activations[index - 1])
      let dx = index > 0 ? derivatives[index - 1] : nil
      if layer.isNarrow {
        for row in 0..<rows { gradient[layer.biases] += d[row] }
        if index > 0, network.activation == .relu, !usesMasks {
          single_dot_rows_relu_gradient(
            rows, layer.inputStride, x, parameters + layer.weights, d, gradient + layer.weights, dx,
            gradient + layout.layers[index - 1].biases)
          hasBias = true
          continue
        }
        single_dot_rows_gradient(
          rows, layer.inputStride, x, parameters + layer.weights, d, gradient + layer.weights, dx)
      } else {
        single_matmul(
          layer.inputs, rows, layer.stride, x, 1, layer.inputStride, d, layer.stride, nil,
          gradient + layer.weights, layer.stride, accumulates)
        if !hasBias { single_column_sums(rows, layer.stride, d, gradient + layer.biases) }
        if let dx {
          single_matmul(
            rows, layer.outputs, layer.inputStride, d, layer.stride, 1, turned[index],
            layer.inputStride, nil, dx, layer.inputStride, 0)
        }
      }
      hasBias = false
      guard let dx else { return }
      let count = layout.layers[index - 1].stride * rows
      if usesMasks { single_multiply(count, dx, masks[index - 1], dx) }
      switch network.activation {
      case .tanh: single_tanh_gradient(count, activations[index - 1], dx)
      case .relu: single_relu_gradient(count, activations[index - 1], dx)
      }
    }
  }
}
