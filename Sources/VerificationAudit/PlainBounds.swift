internal import Verification

/// Backward bounds in plain loops, with an account of rounding: what they say holds in real
/// arithmetic.
struct PlainBounds: Sendable {
  let layers: [SparseLayer]
  /// The place of each layer's first ReLU among all.
  let starts: [Int]

  init(_ network: ReLUNetwork) {
    layers = network.layers.map(SparseLayer.init)
    var starts = [0]
    for count in network.reluCounts { starts.append(starts[starts.count - 1] + count) }
    self.starts = starts
  }

  /// Lower slopes of ambiguous ReLUs.
  enum Slopes {
    /// 1 where `u > -l`, else 0.
    case adaptive
    /// One a ReLU, layer by layer.
    case all([Float])
    /// Some, by the ReLU's place among all; the others are adaptive.
    case some([Int: Float])
  }

  /// A split on the way to a part, with its multiplier.
  struct Multiplier {
    var layer: Int
    var neuron: Int
    var isOn: Bool
    var value: Double
  }

  /// A lower bound of `form · zhat_k + offset` on a box, given bounds of the layers before.
  func lower(
    _ form: [Double], offset: Double, of k: Int, box: Box, _ bounds: [LayerBounds],
    _ slopes: Slopes, _ multipliers: [Multiplier] = []
  ) -> Double {
    var a = form
    // The constant, the sum of the sizes of what went into it, and what rounding may have cost
    // elsewhere.
    var constant = offset
    var size = abs(offset)
    var terms = 1
    var lost = 0.0
    func add(_ term: Double) {
      constant += term
      size += abs(term)
      terms += 1
    }
    for j in stride(from: k, through: 0, by: -1) {
      let layer = layers[j]
      var g = [Double](repeating: 0, count: layer.inputCount)
      var sizes = g
      for row in a.indices where a[row] != 0 {
        add(a[row] * layer.biases[row])
        for entry in layer.starts[row]..<layer.starts[row + 1] {
          let product = a[row] * layer.weights[entry]
          g[Int(layer.inputs[entry])] += product
          sizes[Int(layer.inputs[entry])] += abs(product)
        }
      }
      let factor = Rounding.factor(layer.longest)
      guard j > 0 else {
        for input in g.indices {
          let (low, high) = (box.lower[input], box.upper[input])
          add(g[input] * (g[input] > 0 ? low : high))
          lost += factor * sizes[input] * max(abs(low), abs(high))
        }
        break
      }
      let (low, high) = (bounds[j - 1].lower, bounds[j - 1].upper)
      a = g
      for i in g.indices where sizes[i] != 0 {
        let (l, u) = (low[i], high[i])
        // The sum's error, at the largest value that comes out of the ReLU.
        lost += factor * sizes[i] * max(u, 0)
        if l >= 0 { continue }
        if u <= 0 {
          a[i] = 0
        } else if g[i] > 0 {
          a[i] = g[i] * slope(slopes, j - 1, i, l, u)
          lost += Rounding.factor(1) * abs(a[i]) * max(-l, u)
        } else {
          // A line above both ends of the ReLU between l and u, whatever s was rounded to.
          let s = u / (u - l)
          let t = max(-s * l, u - s * u) * (1 + Rounding.factor(4)) + .leastNormalMagnitude
          a[i] = g[i] * s
          add(g[i] * t)
          lost += Rounding.factor(4) * abs(a[i]) * max(-l, u)
        }
      }
      for multiplier in multipliers where multiplier.layer == j - 1 {
        let i = multiplier.neuron
        a[i] += multiplier.isOn ? -multiplier.value : multiplier.value
        lost += Rounding.factor(1) * abs(a[i]) * max(abs(low[i]), abs(high[i]))
      }
    }
    let bound = constant - Rounding.factor(terms) * size - lost * (1 + 1e-6)
    return bound.isNaN ? -.infinity : bound - 1e-290
  }

  private func slope(
    _ slopes: Slopes, _ layer: Int, _ neuron: Int, _ l: Double, _ u: Double
  ) -> Double {
    switch slopes {
    case .adaptive: u > -l ? 1 : 0
    case .all(let values): Double(values[starts[layer] + neuron])
    case .some(let values): values[starts[layer] + neuron].map { Double($0) } ?? (u > -l ? 1 : 0)
    }
  }

  /// Interval bounds of one layer from bounds of its inputs.
  func interval(_ k: Int, lower: [Double], upper: [Double]) -> LayerBounds {
    let layer = layers[k]
    var result = LayerBounds(lower: layer.biases, upper: layer.biases)
    let factor = Rounding.factor(layer.longest)
    for row in 0..<layer.outputCount {
      var (low, high, size) = (layer.biases[row], layer.biases[row], abs(layer.biases[row]))
      for entry in layer.starts[row]..<layer.starts[row + 1] {
        let (weight, input) = (layer.weights[entry], Int(layer.inputs[entry]))
        let (first, second) = (weight * lower[input], weight * upper[input])
        low += min(first, second)
        high += max(first, second)
        size += max(abs(first), abs(second))
      }
      result.lower[row] = low - factor * size
      result.upper[row] = high + factor * size
    }
    return result
  }

  /// Bounds both sides of ambiguous ReLUs of a layer and keeps what is tighter.
  func tighten(
    _ next: inout LayerBounds, _ k: Int, box: Box, _ bounds: [LayerBounds],
    slopes: (_ neuron: Int, _ isUpper: Bool) -> Slopes
  ) {
    var unit = [Double](repeating: 0, count: layers[k].outputCount)
    for neuron in next.ambiguous {
      unit[neuron] = 1
      let low = lower(unit, offset: 0, of: k, box: box, bounds, slopes(neuron, false))
      unit[neuron] = -1
      let high = -lower(unit, offset: 0, of: k, box: box, bounds, slopes(neuron, true))
      unit[neuron] = 0
      next.lower[neuron] = max(next.lower[neuron], low)
      next.upper[neuron] = min(next.upper[neuron], high)
    }
  }
}
