/// Which ReLU: its layer, from 0, and its place in that layer, row-major.
public struct ReLUIndex: Hashable, Sendable, Comparable {
  public var layer: Int
  public var neuron: Int

  public init(layer: Int, neuron: Int) {
    self.layer = layer
    self.neuron = neuron
  }

  public static func < (first: ReLUIndex, second: ReLUIndex) -> Bool {
    (first.layer, first.neuron) < (second.layer, second.neuron)
  }
}

/// Bounds `lower <= zhat <= upper` of what goes into one layer's ReLUs.
public struct LayerBounds: Hashable, Sendable {
  public var lower: [Double]
  public var upper: [Double]

  public init(lower: [Double], upper: [Double]) {
    self.lower = lower
    self.upper = upper
  }

  /// Whether a ReLU may be on and off: `lower < 0 < upper`.
  public func isAmbiguous(_ neuron: Int) -> Bool { lower[neuron] < 0 && upper[neuron] > 0 }

  public var ambiguous: [Int] { lower.indices.filter { isAmbiguous($0) } }

  /// Whether the bounds contradict each other somewhere by more than rounding: nothing is left.
  public var isEmpty: Bool {
    lower.indices.contains { lower[$0] > upper[$0] + 1e-9 * max(1, abs(lower[$0])) }
  }
}
