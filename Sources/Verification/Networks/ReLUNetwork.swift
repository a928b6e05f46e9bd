/// A chain of linear layers with a ReLU between every two.
///
/// Layer `k` (from 0) computes `zhat_k = W_k z_{k-1} + b_k` and, unless it is the last,
/// `z_k = max(zhat_k, 0)`. ReLU layer `k` is thus the one that follows linear layer `k`; there are
/// `layers.count - 1` of them.
public struct ReLUNetwork: Hashable, Sendable {
  /// Without the batch: (channels, height, width), or (features).
  public let inputShape: [Int]
  public let layers: [AffineLayer]
  /// For each input of `layers[0]`, its position in the file's own input, row-major.
  ///
  /// Nil where both are the same; a file in (height, width, channels) order differs.
  public let inputOrder: [Int]?

  /// Takes layers that fit.
  ///
  /// - Throws: `VerificationError` that names both shapes where two layers do not fit, there is
  ///   none, or a number is not finite.
  public init(
    inputShape: [Int], layers: [AffineLayer], inputOrder: [Int]? = nil
  ) throws(VerificationError) {
    guard let first = layers.first else {
      throw VerificationError(.unsupportedNetwork, "the network has no linear layer")
    }
    guard inputShape.reduce(1, *) == first.inputs else {
      throw VerificationError(
        .unsupportedNetwork,
        "the input of shape \(inputShape) does not fit the first layer's \(first.inputs) inputs")
    }
    for (index, pair) in zip(layers, layers.dropFirst()).enumerated()
    where pair.0.outputs != pair.1.inputs {
      throw VerificationError(
        .unsupportedNetwork,
        "layer \(index + 1) gives \(pair.0.outputs) numbers, layer \(index + 2) takes "
          + "\(pair.1.inputs)")
    }
    for (index, layer) in layers.enumerated()
    where !layer.weights.allSatisfy(\.isFinite) || !layer.biases.allSatisfy(\.isFinite) {
      throw VerificationError(
        .unsupportedNetwork,
        "layer \(index + 1) has a weight or bias that is infinite or not a number")
    }
    self.inputShape = inputShape
    self.layers = layers
    self.inputOrder = inputOrder
  }

  public var inputCount: Int { layers[0].inputs }
  public var outputCount: Int { layers[layers.count - 1].outputs }
  /// ReLUs of each ReLU layer.
  public var reluCounts: [Int] { layers.dropLast().map(\.outputs) }

  /// The outputs at an input in the order of `layers[0]`, in plain loops of the wanted precision.
  public func evaluate<Number: BinaryFloatingPoint>(_ input: [Number]) -> [Number] {
    var values = input
    for (index, layer) in layers.enumerated() {
      values = layer.apply(values)
      if index + 1 < layers.count { for i in values.indices { values[i] = max(values[i], 0) } }
    }
    return values
  }

  /// Brings numbers in the order of the file's input into that of `layers[0]`.
  public func reordered(_ input: [Double]) -> [Double] {
    guard let inputOrder else { return input }
    return inputOrder.map { input[$0] }
  }

  /// Brings numbers in the order of `layers[0]` into that of the file's input.
  public func fileOrder(_ input: [Double]) -> [Double] {
    guard let inputOrder else { return input }
    var result = input
    for (index, position) in inputOrder.enumerated() { result[position] = input[index] }
    return result
  }
}
