/// A fully connected network's form: sizes and activation, no weights.
///
/// Its parameters are one vector: for each layer the weights [inputs × outputs], each input's side
/// by side, then the biases [outputs].
public struct Network: Hashable, Sendable {
  /// What follows each layer but the last.
  public enum Activation: String, Hashable, Sendable, CaseIterable, Codable { case relu, tanh }

  /// A layer's place among the parameters.
  public struct Layer: Hashable, Sendable {
    public let inputs: Int
    public let outputs: Int
    /// Where its weights begin.
    public let weights: Int
    /// Where its biases begin.
    public let biases: Int
    /// Where the next layer begins.
    public var end: Int { biases + outputs }
  }

  public let activation: Activation
  public let layers: [Layer]

  public var inputs: Int { layers[0].inputs }
  public var outputs: Int { layers[layers.count - 1].outputs }
  /// Inputs, hidden widths, outputs.
  public var sizes: [Int] { [inputs] + layers.map(\.outputs) }
  public var parameterCount: Int { layers[layers.count - 1].end }

  /// - `hidden`: Widths of the hidden layers; none makes a linear model.
  /// - Throws: ``InferenceError`` for a width below 1, or more than 10⁸ parameters.
  public init(inputs: Int, hidden: [Int], outputs: Int, activation: Activation) throws {
    let sizes = [inputs] + hidden + [outputs]
    if let size = sizes.first(where: { $0 < 1 || $0 > 1_000_000 }) {
      throw InferenceError(.badOption, "a layer of \(size) units; 1 to 1000000 are possible")
    }
    var start = 0
    var layers: [Layer] = []
    for (inputs, outputs) in zip(sizes, sizes.dropFirst()) {
      let weights = inputs * outputs
      guard start + weights + outputs <= 100_000_000 else {
        throw InferenceError(
          .badOption, "a network of the sizes \(sizes) has more than 100 million parameters")
      }
      layers.append(
        Layer(inputs: inputs, outputs: outputs, weights: start, biases: start + weights))
      start += weights + outputs
    }
    self.layers = layers
    self.activation = activation
  }
}

/// Independent normal priors of mean 0 over a network's parameters.
public enum Prior: Hashable, Sendable {
  /// A factor a layer: weights have the deviation factor / √inputs, biases their own.
  case scaledByWidth(weights: [Double], biases: [Double])
  /// One deviation for all.
  case isotropic(Double)

  /// The deviation of each parameter.
  ///
  /// - Throws: ``InferenceError`` where the factors don't fit the layers, or one isn't positive.
  public func deviations(of network: Network) throws -> [Double] {
    switch self {
    case .isotropic(let deviation):
      guard deviation > 0, deviation.isFinite else {
        throw InferenceError(.badOption, "a prior deviation of \(deviation); above 0 is possible")
      }
      return [Double](repeating: deviation, count: network.parameterCount)
    case .scaledByWidth(let weights, let biases):
      guard weights.count == network.layers.count, biases.count == weights.count else {
        throw InferenceError(
          .badOption,
          "prior factors for \(weights.count) layers' weights and \(biases.count) layers' biases; "
            + "the network has \(network.layers.count) layers")
      }
      if let bad = (weights + biases).first(where: { !($0 > 0 && $0.isFinite) }) {
        throw InferenceError(.badOption, "a prior factor of \(bad); above 0 is possible")
      }
      return zip(network.layers, zip(weights, biases)).flatMap { layer, factors in
        [Double](
          repeating: factors.0 / Double(layer.inputs).squareRoot(),
          count: layer.inputs * layer.outputs)
          + [Double](repeating: factors.1, count: layer.outputs)
      }
    }
  }
}
