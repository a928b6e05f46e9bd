/// Interval arithmetic: `W c + b ± |W| r`.
package enum IntervalBounds {
  /// Bounds of a layer's outputs for inputs between two bounds.
  package static func propagate(_ layer: AffineLayer, lower: [Double], upper: [Double])
    -> LayerBounds
  {
    let centre = zip(lower, upper).map { ($0 + $1) / 2 }
    let radius = zip(lower, upper).map { ($1 - $0) / 2 }
    let middle = layer.apply(centre)
    var reach = [Double](repeating: 0, count: layer.outputs)
    if let shape = layer.convolution {
      shape.forEachProduct { output, input, weight in
        reach[output] += abs(layer.weights[weight]) * radius[input]
      }
    } else {
      for output in 0..<layer.outputs {
        var sum = 0.0
        for input in 0..<layer.inputs {
          sum += abs(layer.weights[output * layer.inputs + input]) * radius[input]
        }
        reach[output] = sum
      }
    }
    return LayerBounds(
      lower: zip(middle, reach).map { $0 - $1 }, upper: zip(middle, reach).map { $0 + $1 })
  }

  /// Bounds of all layers' outputs, the last included, from the box alone.
  package static func all(_ network: ReLUNetwork, _ box: Box) -> [LayerBounds] {
    var bounds: [LayerBounds] = []
    var (lower, upper) = (box.lower, box.upper)
    for layer in network.layers {
      let next = propagate(layer, lower: lower, upper: upper)
      bounds.append(next)
      (lower, upper) = (next.lower.map { max($0, 0) }, next.upper.map { max($0, 0) })
    }
    return bounds
  }
}
