public import Tensors

extension ApproximatePosterior {
  /// Whether ``classMixture(_:count:smoothing:random:)`` can predict with it.
  public var predictsMixtures: Bool {
    likelihood.classes != nil && (rule == .draws || rule == .dropout)
  }

  /// The mixture of the draws' class probabilities, in float32 and in memory that doesn't depend on
  /// how many draws there are.
  ///
  /// - Parameters:
  ///   - rows: Scaled already.
  ///   - count: The most draws, evenly thinned; fresh ones where dropout draws afresh, 100 where nil.
  ///   - smoothing: The share of probability spread over all classes before logarithms.
  ///   - random: For fresh draws.
  /// - Returns: The sums over all draws.
  /// - Throws: ``InferenceError`` for rows of another width, or a posterior that has no draws of
  ///   classes.
  public func classMixture(
    _ rows: SingleRows, count: Int? = nil, smoothing: Double = 0, random: RandomStream
  ) throws -> ClassMixture {
    guard rows.width == network.inputs else {
      throw InferenceError(
        .badData, "the rows have \(rows.width) features, the network \(network.inputs) inputs")
    }
    guard let classes = likelihood.classes, predictsMixtures else {
      throw InferenceError(
        .badData, "\(method) predicts as '\(rule.rawValue)'; draws of classes are needed")
    }
    var mixture = try ClassMixture(rows: rows.count, classes: classes, smoothing: smoothing)
    let pass = SingleNetworkPass(network)
    let isMasked = rule == .dropout && dropoutRate > 0
    pass.usesMasks = isMasked
    let used =
      rule == .dropout
      ? [Int](repeating: 0, count: count ?? 100) : thinned(from: 0, count)
    var parameters: [Float] = []
    var block = [Float](repeating: 0, count: SingleNetworkPass.blockRows * rows.stride)
    var scratch = [Double](repeating: 0, count: classes)
    for (position, draw) in used.enumerated() {
      var random = random.child(position)
      if position == 0 || draw != used[position - 1] {
        parameters = pass.layout.packed(self.parameters(draw))
      }
      parameters.withUnsafeBufferPointer { parameters in
        rows.values.withUnsafeBufferPointer { values in
          block.withUnsafeMutableBufferPointer { block in
            guard let parameters = parameters.baseAddress, let values = values.baseAddress,
              let masked = block.baseAddress
            else { return }
            var first = 0
            while first < rows.count {
              let size = min(SingleNetworkPass.blockRows, rows.count - first)
              var inputs = values + first * rows.stride
              if isMasked {
                masked.update(from: inputs, count: size * rows.stride)
                DropoutMasks.apply(
                  rate: dropoutRate, to: masked, pass, rows: size, random: &random)
                inputs = UnsafePointer(masked)
              }
              let outputs = pass.forward(parameters, inputs, rows: size)
              mixture.add(
                logits: outputs, first: first, count: size, stride: pass.outputStride,
                isSingle: network.outputs == 1, &scratch)
              first += size
            }
          }
        }
      }
      mixture.finishMember()
    }
    return mixture
  }
}
