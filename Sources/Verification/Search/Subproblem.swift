/// A decision about one ReLU: that what goes into it is at least 0, or at most 0.
public struct Split: Hashable, Sendable {
  public var relu: ReLUIndex
  /// `zhat >= 0` where true, `zhat <= 0` where false; both closed, so that the two cover all.
  public var isOn: Bool

  public init(_ relu: ReLUIndex, isOn: Bool) {
    self.relu = relu
    self.isOn = isOn
  }
}

/// One part of the input box: the points at which some ReLUs are decided.
///
/// Arrays are shared with the parent where the layer's bounds did not change.
public struct Subproblem: Hashable, Sendable {
  /// In the order in which they were made.
  public var splits: [Split]
  /// Valid on this part, a layer of ReLUs each.
  public var bounds: [LayerBounds]
  /// A lower bound of the clause's row on this part; `+inf` where nothing is left of it.
  public var lowerBound: Double
  /// The slopes and multipliers that gave `lowerBound`.
  public var dual: DualPoint

  public init(splits: [Split], bounds: [LayerBounds], lowerBound: Double, dual: DualPoint) {
    self.splits = splits
    self.bounds = bounds
    self.lowerBound = lowerBound
    self.dual = dual
  }

  /// The ReLUs that may still be split, layer by layer.
  public var ambiguous: [ReLUIndex] {
    bounds.indices.flatMap { layer in
      bounds[layer].ambiguous.map { ReLUIndex(layer: layer, neuron: $0) }
    }
  }

  /// The first of them, without a list of all; nil where nothing is left to split.
  public var firstAmbiguous: ReLUIndex? {
    for (layer, bounds) in bounds.enumerated() {
      if let neuron = bounds.lower.indices.first(where: bounds.isAmbiguous) {
        return ReLUIndex(layer: layer, neuron: neuron)
      }
    }
    return nil
  }
}

/// Where dual ascent stands: any values in range give a valid bound.
public struct DualPoint: Hashable, Sendable {
  /// The slope of each ReLU's lower relaxation, in [0, 1]; a layer each, as long as the layer.
  ///
  /// Numbers of ReLUs that are not ambiguous are not read.
  public var alpha: [[Float]]
  /// The multiplier of each split, at least 0, in the order of the splits.
  public var beta: [Double]

  public init(alpha: [[Float]], beta: [Double]) {
    self.alpha = alpha
    self.beta = beta
  }
}
