import CDenseKernels

/// Runs a network forwards and backwards over blocks of rows, in buffers of its own.
///
/// One per thread: it isn't safe to share. Blocks are feature-major (see `dense_kernels.h`).
final class NetworkPass {
  /// The most rows of a block.
  static let blockRows = 256

  let network: Network
  /// What each layer gives, units × rows.
  private let activations: [UnsafeMutablePointer<Double>]
  private let derivatives: [UnsafeMutablePointer<Double>]
  /// What each hidden unit is multiplied by, as dropout does; 1 where `usesMasks` is false.
  let masks: [UnsafeMutablePointer<Double>]
  var usesMasks = false
  /// What ``tangent`` adds up from two products; made when it is first needed.
  private lazy var scratch = [Double](
    repeating: 0,
    count: (network.layers.map(\.outputs).max() ?? 0) * NetworkPass.blockRows)

  init(_ network: Network) {
    self.network = network
    let buffers = { (layers: ArraySlice<Network.Layer>) in
      layers.map { layer in
        let buffer = UnsafeMutablePointer<Double>.allocate(
          capacity: layer.outputs * NetworkPass.blockRows)
        buffer.initialize(repeating: 0, count: layer.outputs * NetworkPass.blockRows)
        return buffer
      }
    }
    activations = buffers(network.layers[...])
    derivatives = buffers(network.layers[...])
    masks = buffers(network.layers.dropLast())
  }

  deinit {
    for buffer in activations + derivatives + masks { buffer.deallocate() }
  }

  /// Where the loss's derivatives by the outputs go before ``backward``, outputs × rows.
  var outputDerivatives: UnsafeMutablePointer<Double> { derivatives[derivatives.count - 1] }

  /// The last hidden layer's values after ``forward``, units × rows; nil for a linear network.
  var features: UnsafePointer<Double>? {
    activations.count > 1 ? UnsafePointer(activations[activations.count - 2]) : nil
  }

  /// Computes outputs × rows from inputs × rows.
  func forward(
    _ parameters: UnsafePointer<Double>, _ inputs: UnsafePointer<Double>, rows: Int
  ) -> UnsafePointer<Double> {
    var x = inputs
    for (index, layer) in network.layers.enumerated() {
      let y = activations[index]
      dense_forward_f64(
        layer.inputs, layer.outputs, rows, x, parameters + layer.weights,
        parameters + layer.biases, y)
      if index + 1 < network.layers.count {
        let count = layer.outputs * rows
        switch network.activation {
        case .tanh: dense_tanh_f64(count, y)
        case .relu: dense_relu_f64(count, y)
        }
      }
      x = UnsafePointer(y)
      if usesMasks, index + 1 < network.layers.count {
        // The unmasked values are needed again for the activation's derivative, so the masked ones
        // stand in the buffer of derivatives, which is free until the way back.
        let (mask, masked) = (masks[index], derivatives[index])
        for i in 0..<layer.outputs * rows { masked[i] = y[i] * mask[i] }
        x = UnsafePointer(masked)
      }
    }
    return x
  }

  /// Adds the loss's derivatives by the parameters to `gradient`, after ``forward`` on the same rows.
  func backward(
    _ parameters: UnsafePointer<Double>, _ inputs: UnsafePointer<Double>, rows: Int,
    gradient: UnsafeMutablePointer<Double>
  ) {
    for index in network.layers.indices.reversed() {
      let layer = network.layers[index]
      let d = derivatives[index]
      let x = index == 0 ? inputs : below(index, rows: rows)
      dense_weight_gradient_f64(
        layer.inputs, layer.outputs, rows, x, d, gradient + layer.weights,
        gradient + layer.biases)
      guard index > 0 else { return }
      let (y, dx) = (activations[index - 1], derivatives[index - 1])
      dense_input_gradient_f64(
        layer.inputs, layer.outputs, rows, parameters + layer.weights, d, dx)
      let count = layer.inputs * rows
      if usesMasks {
        let mask = masks[index - 1]
        for i in 0..<count { dx[i] *= mask[i] }
      }
      switch network.activation {
      case .tanh: dense_tanh_gradient_f64(count, y, dx)
      case .relu: dense_relu_gradient_f64(count, y, dx)
      }
    }
  }

  /// Sets ``layerDerivatives`` to the loss's derivatives by what each layer gives before its activation,
  /// after ``forward`` on the same rows.
  func backward(_ parameters: UnsafePointer<Double>, rows: Int) {
    for index in network.layers.indices.dropFirst().reversed() {
      let layer = network.layers[index]
      let (y, dx) = (activations[index - 1], derivatives[index - 1])
      dense_input_gradient_f64(
        layer.inputs, layer.outputs, rows, parameters + layer.weights, derivatives[index], dx)
      switch network.activation {
      case .tanh: dense_tanh_gradient_f64(layer.inputs * rows, y, dx)
      case .relu: dense_relu_gradient_f64(layer.inputs * rows, y, dx)
      }
    }
  }

  /// Of a layer, outputs × rows, after ``backward(_:rows:)``.
  func layerDerivatives(_ layer: Int) -> UnsafePointer<Double> {
    UnsafePointer(derivatives[layer])
  }

  /// What a layer above the first takes, inputs × rows, after ``forward``.
  func layerInputs(_ layer: Int) -> UnsafePointer<Double> {
    UnsafePointer(activations[layer - 1])
  }

  /// How much the outputs change, outputs × rows, to first order in a change of the parameters, after
  /// ``forward`` on the same rows: a product of the Jacobian without the Jacobian.
  func tangent(
    _ parameters: UnsafePointer<Double>, _ change: UnsafePointer<Double>,
    _ inputs: UnsafePointer<Double>, rows: Int
  ) -> UnsafePointer<Double> {
    for (index, layer) in network.layers.enumerated() {
      let (dy, count) = (derivatives[index], layer.outputs * rows)
      dense_forward_f64(
        layer.inputs, layer.outputs, rows, index == 0 ? inputs : layerInputs(index),
        change + layer.weights, change + layer.biases, dy)
      if index > 0 {
        scratch.withUnsafeMutableBufferPointer { scratch in
          guard let other = scratch.baseAddress else { return }
          dense_forward_f64(
            layer.inputs, layer.outputs, rows, derivatives[index - 1], parameters + layer.weights,
            nil, other)
          for i in 0..<count { dy[i] += other[i] }
        }
      }
      if index + 1 < network.layers.count {
        switch network.activation {
        case .tanh: dense_tanh_gradient_f64(count, activations[index], dy)
        case .relu: dense_relu_gradient_f64(count, activations[index], dy)
        }
      }
    }
    return UnsafePointer(derivatives[derivatives.count - 1])
  }

  /// The input of a layer above the first, as ``forward`` left it.
  private func below(_ index: Int, rows: Int) -> UnsafePointer<Double> {
    UnsafePointer(usesMasks ? derivatives[index - 1] : activations[index - 1])
  }
}

/// Rows as blocks for ``NetworkPass``: feature-major, padded with zeros.
struct RowBlocks: Sendable {
  struct Block: Sendable {
    /// Where the block's inputs begin among the values.
    let start: Int
    /// The number of its first row.
    let first: Int
    let count: Int
    /// `count` rounded up to what the kernels take.
    let stride: Int
  }

  let blocks: [Block]
  let values: [Double]

  init(_ rows: Rows) {
    var blocks: [Block] = []
    var values: [Double] = []
    var first = 0
    while first < rows.count {
      let count = min(NetworkPass.blockRows, rows.count - first)
      let stride = RowBlocks.padded(count)
      blocks.append(Block(start: values.count, first: first, count: count, stride: stride))
      for feature in 0..<rows.width {
        for row in first..<first + count { values.append(rows.values[row * rows.width + feature]) }
        for _ in count..<stride { values.append(0) }
      }
      first += count
    }
    self.blocks = blocks
    self.values = values
  }

  static func padded(_ count: Int) -> Int {
    (count + Int(DENSE_ROW_MULTIPLE) - 1) / Int(DENSE_ROW_MULTIPLE) * Int(DENSE_ROW_MULTIPLE)
  }
}
