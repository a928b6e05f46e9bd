import Formats
import LearnedBranching
import Verification

/// The branching network as the paper writes it, map by map and number by number in float64: what the
/// library merges, leaves out and vectorises is here done for every node.
struct PlainNetwork {
  private typealias Row = [Double]
  private let maps: [String: (weights: [Row], biases: Row)]
  private let rounds: Int

  init(_ network: BranchingNetwork) {
    rounds = network.rounds
    var maps: [String: (weights: [Row], biases: Row)] = [:]
    let tensors = network.parameters.safetensors().tensors
    let numbers = Dictionary(tensors.map { ($0.name, $0.data) }) { first, _ in first }
    for (name, data) in numbers where name.hasSuffix(".weight") {
      let values = data.doubles() ?? []
      let rows = stride(from: 0, to: values.count, by: data.shape[1]).map {
        Array(values[$0..<$0 + data.shape[1]])
      }
      let path = name.dropLast(".weight".count)
      maps[path.split(separator: ".").last.map(String.init) ?? ""] = (
        rows, numbers["\(path).bias"]?.doubles() ?? []
      )
    }
    self.maps = maps
  }

  private func linear(_ name: String, _ x: Row) -> Row {
    guard let map = maps[name] else { return [] }
    return zip(map.weights, map.biases).map { row, bias in
      zip(row, x).reduce(bias) { $0 + $1.0 * $1.1 }
    }
  }

  private func relu(_ x: Row) -> Row { x.map { max($0, 0) } }

  private func twice(_ first: String, _ second: String, _ x: Row) -> Row {
    linear(second, relu(linear(first, x)))
  }

  /// A layer's linear map without biases on each channel of the embeddings.
  private func channels(_ rows: [Row], _ map: ([Double]) -> [Double]) -> [Row] {
    let columns = (0..<64).map { channel in map(rows.map { $0[channel] }) }
    return columns[0].indices.map { node in columns.map { $0[node] } }
  }

  /// How many windows of a convolution cover each input.
  private func coverage(_ layer: AffineLayer) -> [Double] {
    guard let shape = layer.convolution,
      let plane = Convolution(
        inChannels: 1, inHeight: shape.inHeight, inWidth: shape.inWidth, outChannels: 1,
        kernel: (shape.kernelHeight, shape.kernelWidth), stride: shape.stride,
        padding: shape.padding)
    else { return [Double](repeating: 1, count: layer.inputs) }
    let ones = AffineLayer(
      plane, weights: [Double](repeating: 1, count: shape.kernelHeight * shape.kernelWidth),
      biases: [0])
    let counts = ones.applyTransposed([Double](repeating: 1, count: plane.outputCount))
    return (0..<shape.inChannels).flatMap { _ in counts.map { max($0, 1) } }
  }

  /// Scores of the ambiguous ReLUs, layer by layer.
  func scores(_ features: SubproblemFeatures, on chain: [AffineLayer]) -> [Double] {
    let zero = Row(repeating: 0, count: 64)
    let unbiased = chain.map { layer in
      let none = [Double](repeating: 0, count: layer.outputs)
      return layer.convolution.map { AffineLayer($0, weights: layer.weights, biases: none) }
        ?? AffineLayer(weights: layer.weights, biases: none, inputs: layer.inputs)
    }
    let layers = features.layers
    func state(_ k: Int, _ i: Int) -> (s0: Double, s1: Double, beta: Double) {
      let (l, u) = (Double(layers[k].lower[i]), Double(layers[k].upper[i]))
      guard u > 0 else { return (0, 0, 0) }
      let s0 = u / (u - min(l, 0))
      let beta = -min(l, 0) * s0
      return (s0, beta > 0 ? 1 - s0 : s0, beta)
    }
    var input = features.input.indices.map { i -> Row in
      let numbers = [features.inputLower[i], features.input[i], features.inputUpper[i]]
      return twice("inp_f", "inp_f_1", numbers.map(Double.init))
    }
    var mu = layers.map { [Row](repeating: zero, count: $0.lower.count) }
    for _ in 0..<rounds {
      for k in layers.indices {
        let sums = channels(k == 0 ? input : mu[k - 1], unbiased[k].apply)
        mu[k] = sums.indices.map { i in
          let (s0, s1, beta) = state(k, i)
          guard s0 != 0 else { return zero }
          let own = numbers(layers[k], i, chain[k].biases[i])
          let r = twice(
            "fc1", "fc1_1", [beta, own.l, own.u, own.pi1 - own.pi2, own.zhat, own.z, own.b])
          let n = twice("fc3", "fc3_2", sums[i].map { s0 * $0 } + sums[i].map { s1 * $0 })
          return twice("fc4", "fc4_2", (beta > 0 ? r : zero) + n)
        }
      }
      let last = chain[chain.count - 1]
      let sum = channels(mu[layers.count - 1], unbiased[chain.count - 1].apply)[0]
      let own = relu(
        linear(
          "out1",
          [features.outputLower, features.outputUpper, features.output].map(Double.init)
            + [last.biases[0]]))
      var next = [twice("out2", "out3", own + sum)]
      for k in layers.indices.reversed() {
        let cover = coverage(chain[k + 1])
        let sums = channels(next, unbiased[k + 1].applyTransposed)
        mu[k] = sums.indices.map { i in
          let (s0, s1, beta) = state(k, i)
          guard s0 != 0 else { return zero }
          let own = numbers(layers[k], i, chain[k].biases[i])
          let first = relu(
            linear("bc1", [own.l, own.u, beta, own.pi1 - own.pi2, own.z, own.zhat, own.b]))
          let a = twice("bc1_1", "bc1_2", first)
          let r = twice(
            "bc2", "bc2_1", a + a.map { -own.pi2 * $0 } + a.map { own.pi1 * $0 })
          let e = sums[i].map { $0 / cover[i] }
          let n = twice("bc3", "bc3_1", e.map { s0 * $0 } + e.map { s1 * $0 })
          return twice("bc4", "bc4_1", (beta > 0 ? r : zero) + n)
        }
        next = mu[k]
      }
      let sums = channels(mu[0], unbiased[0].applyTransposed)
      input = sums.indices.map { i in
        let box = [Double(features.inputLower[i]), Double(features.inputUpper[i])]
        return twice("inp_b2", "inp_b2_2", twice("inp_b", "inp_b_1", box) + sums[i])
      }
    }
    return layers.indices.flatMap { k in
      mu[k].indices.filter { state(k, $0).beta > 0 }
        .map { twice("fnode", "fscore", mu[k][$0])[0] }
    }
  }

  private func numbers(
    _ layer: SubproblemFeatures.Layer, _ i: Int, _ bias: Double
  ) -> (l: Double, u: Double, pi1: Double, pi2: Double, zhat: Double, z: Double, b: Double) {
    (
      Double(layer.lower[i]), Double(layer.upper[i]), Double(layer.lowerDual[i]),
      Double(layer.upperDual[i]), Double(layer.zhat[i]), Double(layer.z[i]), bias
    )
  }
}
