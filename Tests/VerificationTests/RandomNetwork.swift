import Statistics
import Verification

/// A small network with random weights, a box and a row.
struct RandomNetwork {
  var network: ReLUNetwork
  var box: Box
  var row: [Double]

  /// One to three hidden layers; every second seed, or all where asked, begins with convolutions.
  init(seed: UInt64, hasConvolution: Bool = false) throws {
    var generator = SplitMix64(seed: seed &* 77 &+ 1)
    func number() -> Double { Double(generator.next() >> 11) * 0x1p-52 - 1 }
    func numbers(_ count: Int) -> [Double] { (0..<count).map { _ in number() } }
    var layers: [AffineLayer] = []
    var shape = [2, 5, 4]
    if hasConvolution || seed % 2 == 0 {
      for (channels, kernel, stride, padding) in [(3, 3, 1, 1), (4, 2, 2, 0)] {
        if let convolution = Convolution(
          inChannels: shape[0], inHeight: shape[1], inWidth: shape[2], outChannels: channels,
          kernel: (kernel, kernel), stride: (stride, stride), padding: (padding, padding))
        {
          layers.append(
            AffineLayer(
              convolution, weights: numbers(channels * shape[0] * kernel * kernel).map { $0 / 2 },
              biases: numbers(channels)))
          shape = [channels, convolution.outHeight, convolution.outWidth]
        }
      }
    } else {
      shape = [4]
    }
    let inputs = layers.first?.inputs ?? 4
    var width = layers.last?.outputs ?? inputs
    for next in [6 + Int(seed % 3), 5, 2] {
      layers.append(
        AffineLayer(
          weights: numbers(width * next).map { $0 / Double(width).squareRoot() },
          biases: numbers(next).map { $0 / 2 }, inputs: width))
      width = next
    }
    network = try ReLUNetwork(
      inputShape: hasConvolution || seed % 2 == 0 ? [2, 5, 4] : [4], layers: layers)
    let centre = numbers(inputs)
    box = Box(around: centre, radius: inputs > 4 ? 0.3 : 0.8)
    row = [1, -0.5]
  }
}

extension RandomNetwork {
  /// The smallest value of the row that signed gradient steps meet at points with a part's pattern.
  func descend(from start: [Double], in node: Subproblem) -> Double {
    let row = OutputRow(coefficients: row)
    var (point, smallest) = (start, Double.infinity)
    for step in 0..<20 {
      let trace = network.trace(point)
      if node.holds(trace) { smallest = min(smallest, row.value(network.evaluate(point))) }
      var slopes = self.row
      for (index, layer) in network.layers.enumerated().reversed() {
        slopes = layer.applyTransposed(slopes)
        guard index > 0 else { continue }
        for neuron in slopes.indices where trace[index - 1][neuron] <= 0 { slopes[neuron] = 0 }
      }
      let share = 0.1 / Double(1 + step / 5)
      for index in point.indices where slopes[index] != 0 {
        let width = box.upper[index] - box.lower[index]
        point[index] += slopes[index] > 0 ? -share * width : share * width
      }
      point = box.clamp(point)
    }
    return smallest
  }
}

extension Box {
  func random(_ generator: inout SplitMix64) -> [Double] {
    lower.indices.map {
      lower[$0] + Double(generator.next() >> 11) * 0x1p-53 * (upper[$0] - lower[$0])
    }
  }
}

extension ReLUNetwork {
  /// What goes into the ReLUs at a point, a layer each.
  func trace(_ point: [Double]) -> [[Double]] {
    var values = point
    return layers.dropLast().map { layer in
      let zhat = layer.apply(values)
      values = zhat.map { max($0, 0) }
      return zhat
    }
  }

  /// The same network with each convolution as a dense matrix.
  func asDense() throws -> ReLUNetwork {
    try ReLUNetwork(
      inputShape: inputShape,
      layers: layers.map { layer in
        guard layer.convolution != nil else { return layer }
        var weights = [Double](repeating: 0, count: layer.inputs * layer.outputs)
        for output in 0..<layer.outputs {
          var unit = [Double](repeating: 0, count: layer.outputs)
          unit[output] = 1
          for (input, weight) in layer.applyTransposed(unit).enumerated() {
            weights[output * layer.inputs + input] = weight
          }
        }
        return AffineLayer(weights: weights, biases: layer.biases, inputs: layer.inputs)
      })
  }
}

extension Subproblem {
  /// Whether a point's trace keeps to the splits.
  func holds(_ trace: [[Double]]) -> Bool {
    splits.allSatisfy { split in
      let zhat = trace[split.relu.layer][split.relu.neuron]
      return split.isOn ? zhat >= 0 : zhat <= 0
    }
  }
}
