internal import CBoundKernels

/// A network with its weights laid out as the kernels read them.
final class KernelNetwork: Sendable {
  /// One linear layer.
  struct Layer: Sendable {
    let input: bound_shape
    let output: bound_shape
    let inputs: Int
    let outputs: Int
    let convolution: bound_convolution?
    /// Dense: (outputs, inputs); convolution: (kernel row, column, out channel, in channel).
    let backward: [Double]
    /// Dense: (inputs, outputs); convolution: (kernel row, column, in channel, out channel).
    let forward: [Double]
    let biases: [Double]
  }

  let network: ReLUNetwork
  let layers: [Layer]

  init(_ network: ReLUNetwork) {
    self.network = network
    layers = network.layers.map(Layer.init)
  }

  /// The windows that a start at layer `k` within `window` reaches, one per linear layer's output
  /// up to `k`, and the input's.
  func windows(from k: Int, _ window: bound_window) -> (layers: [bound_window], input: bound_window)
  {
    var result = [bound_window](repeating: window, count: k + 1)
    var current = window
    for layer in stride(from: k, through: 0, by: -1) {
      result[layer] = current
      current = layers[layer].inputWindow(of: current)
      if layer > 0, layers[layer].convolution == nil { current = layers[layer - 1].output.whole }
    }
    return (result, current)
  }
}

extension KernelNetwork.Layer {
  init(_ layer: AffineLayer) {
    inputs = layer.inputs
    outputs = layer.outputs
    biases = layer.biases
    let weights = layer.weights
    guard let shape = layer.convolution else {
      input = bound_shape(channels: 1, height: 1, width: Int32(layer.inputs))
      output = bound_shape(channels: 1, height: 1, width: Int32(layer.outputs))
      convolution = nil
      backward = weights
      let (rows, columns) = (layer.outputs, layer.inputs)
      forward = [Double](unsafeUninitializedCapacity: weights.count) { buffer, count in
        for column in 0..<columns {
          for row in 0..<rows { buffer[column * rows + row] = weights[row * columns + column] }
        }
        count = weights.count
      }
      return
    }
    input = bound_shape(
      channels: Int32(shape.inChannels), height: Int32(shape.inHeight),
      width: Int32(shape.inWidth))
    output = bound_shape(
      channels: Int32(shape.outChannels), height: Int32(shape.outHeight),
      width: Int32(shape.outWidth))
    convolution = bound_convolution(
      input: input, output: output, kernel_height: Int32(shape.kernelHeight),
      kernel_width: Int32(shape.kernelWidth), stride_height: Int32(shape.stride.height),
      stride_width: Int32(shape.stride.width), padding_height: Int32(shape.padding.height),
      padding_width: Int32(shape.padding.width))
    let (outs, ins) = (shape.outChannels, shape.inChannels)
    let area = shape.kernelHeight * shape.kernelWidth
    var backward = [Double](repeating: 0, count: weights.count)
    var forward = backward
    for out in 0..<outs {
      for source in 0..<ins {
        for place in 0..<area {
          let weight = weights[(out * ins + source) * area + place]
          backward[(place * outs + out) * ins + source] = weight
          forward[(place * ins + source) * outs + out] = weight
        }
      }
    }
    self.backward = backward
    self.forward = forward
  }

  /// The input elements that a window of outputs depends on.
  func inputWindow(of window: bound_window) -> bound_window {
    guard let shape = convolution else { return input.whole }
    return bound_window(
      top: max(0, window.top * shape.stride_height - shape.padding_height),
      bottom: min(
        input.height,
        (window.bottom - 1) * shape.stride_height - shape.padding_height + shape.kernel_height),
      left: max(0, window.left * shape.stride_width - shape.padding_width),
      right: min(
        input.width,
        (window.right - 1) * shape.stride_width - shape.padding_width + shape.kernel_width))
  }
}

extension bound_shape {
  var count: Int { Int(channels) * Int(height) * Int(width) }
  var whole: bound_window { bound_window(top: 0, bottom: height, left: 0, right: width) }

  /// The window of one element.
  func window(of element: Int) -> bound_window {
    let place = Int32(element % (Int(height) * Int(width)))
    let (row, column) = (place / width, place % width)
    return bound_window(top: row, bottom: row + 1, left: column, right: column + 1)
  }

  func contains(_ window: bound_window, _ element: Int) -> Bool {
    let place = Int32(element % (Int(height) * Int(width)))
    let (row, column) = (place / width, place % width)
    return row >= window.top && row < window.bottom && column >= window.left
      && column < window.right
  }
}

extension bound_window {
  func union(_ other: bound_window) -> bound_window {
    bound_window(
      top: min(top, other.top), bottom: max(bottom, other.bottom), left: min(left, other.left),
      right: max(right, other.right))
  }
}
