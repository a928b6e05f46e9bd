// Two linear layers with no ReLU between them are one. What is convolved stays a convolution
// where the result is one; else it becomes dense.

extension AffineLayer {
  /// Numbers that a layer made dense may hold, and products that making it may take.
  private static let densestWeights = 1 << 24

  /// The layer that does the work of `first` and then of this one.
  ///
  /// - Returns: Nil where the result is neither a convolution nor small enough to be dense.
  func after(_ first: AffineLayer) -> AffineLayer? {
    precondition(first.outputs == inputs, "\(first.outputs) outputs for \(inputs) inputs")
    let sums = apply(first.biases)
    switch (first.convolution, convolution) {
    case (nil, nil): return AffineLayer(weights: product(first), biases: sums, inputs: first.inputs)
    case (let inner?, let outer?):
      if let joint = outer.after(inner) {
        let joined = outer.kernel(after: inner, weights, first.weights, joint)
        return AffineLayer(joint, weights: joined, biases: sums)
      }
      fallthrough
    default:
      guard first.inputs.multipliedReportingOverflow(by: outputs).overflow == false,
        first.inputs * outputs <= Self.densestWeights
      else { return nil }
      var rows: [Double] = []
      rows.reserveCapacity(first.inputs * outputs)
      var unit = [Double](repeating: 0, count: outputs)
      for row in 0..<outputs {
        unit[row] = 1
        rows += first.applyTransposed(convolution == nil ? self.row(row) : applyTransposed(unit))
        unit[row] = 0
      }
      return AffineLayer(weights: rows, biases: sums, inputs: first.inputs)
    }
  }

  private func row(_ index: Int) -> [Double] {
    Array(weights[index * inputs..<(index + 1) * inputs])
  }

  private func product(_ first: AffineLayer) -> [Double] {
    var product = [Double](repeating: 0, count: outputs * first.inputs)
    for row in 0..<outputs {
      for middle in 0..<inputs where weights[row * inputs + middle] != 0 {
        let weight = weights[row * inputs + middle]
        for column in 0..<first.inputs {
          product[row * first.inputs + column] +=
            weight * first.weights[middle * first.inputs + column]
        }
      }
    }
    return product
  }

  func with(biases: [Double]) -> AffineLayer {
    if let shape = convolution { return AffineLayer(shape, weights: weights, biases: biases) }
    return AffineLayer(weights: weights, biases: biases, inputs: inputs)
  }

  /// The layer with each output times a number.
  ///
  /// - Returns: Nil where the outputs of one channel of a convolution have different factors.
  func scaled(by factors: [Double]) -> AffineLayer? {
    let biases = zip(biases, factors).map(*)
    guard let shape = convolution else {
      let weights = weights.indices.map { self.weights[$0] * factors[$0 / inputs] }
      return AffineLayer(weights: weights, biases: biases, inputs: inputs)
    }
    guard let channels = shape.perOutputChannel(factors) else { return nil }
    let size = weights.count / shape.outChannels
    let weights = weights.indices.map { self.weights[$0] * channels[$0 / size] }
    return AffineLayer(shape, weights: weights, biases: biases)
  }

  /// The layer that takes each of its inputs times a number.
  ///
  /// - Returns: Nil where the inputs of one channel of a convolution have different factors.
  func taking(factors: [Double]) -> AffineLayer? {
    guard let shape = convolution else {
      let weights = weights.indices.map { self.weights[$0] * factors[$0 % inputs] }
      return AffineLayer(weights: weights, biases: biases, inputs: inputs)
    }
    guard let channels = shape.perInputChannel(factors) else { return nil }
    let size = shape.kernelHeight * shape.kernelWidth
    let weights = weights.indices.map { self.weights[$0] * channels[$0 / size % shape.inChannels] }
    return AffineLayer(shape, weights: weights, biases: biases)
  }

  /// The dense layer whose input `i` of this one is at `order[i]`.
  func taking(order: [Int]) -> AffineLayer {
    var weights = weights
    for row in 0..<outputs {
      for column in 0..<inputs {
        weights[row * inputs + order[column]] = self.weights[row * inputs + column]
      }
    }
    return AffineLayer(weights: weights, biases: biases, inputs: inputs)
  }

  /// The layer that takes several blocks of its input, one after the other, where this one takes
  /// their weighted sum.
  func taking(blocks: [Double]) -> AffineLayer {
    guard blocks != [1] else { return self }
    // An output's weights of one input: a number, or a kernel.
    let (rows, columns) =
      convolution.map { ($0.outChannels, $0.inChannels) } ?? (outputs, inputs)
    let size = columns * (weights.count / (rows * columns))
    var spread: [Double] = []
    spread.reserveCapacity(weights.count * blocks.count)
    for row in 0..<rows {
      for block in blocks {
        spread += weights[row * size..<(row + 1) * size].map { $0 * block }
      }
    }
    guard let shape = convolution?.with(inChannels: columns * blocks.count) else {
      return AffineLayer(weights: spread, biases: biases, inputs: inputs * blocks.count)
    }
    return AffineLayer(shape, weights: spread, biases: biases)
  }

  /// The layer whose outputs come in several blocks, each all outputs of this one times its factor
  /// for each output, plus a number.
  ///
  /// - Returns: Nil where `scaled` is.
  func giving(blocks: [(factors: [Double], shift: Double)]) -> AffineLayer? {
    var weights: [Double] = []
    var biases: [Double] = []
    for block in blocks {
      guard let scaled = scaled(by: block.factors) else { return nil }
      weights += scaled.weights
      biases += scaled.biases.map { $0 + block.shift }
    }
    guard let convolution else {
      return AffineLayer(weights: weights, biases: biases, inputs: inputs)
    }
    return convolution.with(outChannels: convolution.outChannels * blocks.count)
      .map { AffineLayer($0, weights: weights, biases: biases) }
  }
}

extension Convolution {
  /// One number a channel where all outputs of a channel have the same, else nil.
  func perOutputChannel(_ numbers: [Double]) -> [Double]? {
    perChannel(numbers, area: outHeight * outWidth)
  }

  /// One number a channel where all inputs of a channel have the same, else nil.
  func perInputChannel(_ numbers: [Double]) -> [Double]? {
    perChannel(numbers, area: inHeight * inWidth)
  }

  private func perChannel(_ numbers: [Double], area: Int) -> [Double]? {
    let channels = Swift.stride(from: 0, to: numbers.count, by: area).map { numbers[$0] }
    return numbers.indices.allSatisfy { numbers[$0] == channels[$0 / area] } ? channels : nil
  }

  /// The convolution with other numbers of channels; nil where they are none.
  func with(inChannels: Int? = nil, outChannels: Int? = nil) -> Convolution? {
    Convolution(
      inChannels: inChannels ?? self.inChannels, inHeight: inHeight, inWidth: inWidth,
      outChannels: outChannels ?? self.outChannels, kernel: (kernelHeight, kernelWidth),
      stride: self.stride, padding: padding)
  }

  /// The shape of this convolution and the one before it in one.
  ///
  /// - Returns: Nil where zeros are put around what lies between the two, unless each of its elements
  ///   comes from one place, or where the joint kernel is too large.
  fileprivate func after(_ first: Convolution) -> Convolution? {
    let isPointwise =
      first.kernelHeight == 1 && first.kernelWidth == 1 && first.stride == (1, 1)
      && first.padding == (0, 0)
    let kernel = (
      first.kernelHeight + (kernelHeight - 1) * first.stride.height,
      first.kernelWidth + (kernelWidth - 1) * first.stride.width
    )
    guard isPointwise || padding == (0, 0),
      Double(first.inChannels) * Double(outChannels) * Double(kernel.0) * Double(kernel.1) <= 0x1p26
    else { return nil }
    return Convolution(
      inChannels: first.inChannels, inHeight: first.inHeight, inWidth: first.inWidth,
      outChannels: outChannels, kernel: kernel,
      stride: (first.stride.height * self.stride.height, first.stride.width * self.stride.width),
      padding: isPointwise ? padding : first.padding)
  }

  /// The weights of the convolution that `after` gives.
  fileprivate func kernel(
    after first: Convolution, _ outer: [Double], _ inner: [Double], _ joint: Convolution
  ) -> [Double] {
    var weights = [Double](repeating: 0, count: joint.weightCount)
    let innerArea = first.kernelHeight * first.kernelWidth
    for (position, weight) in outer.enumerated() where weight != 0 {
      let column = position % kernelWidth
      let row = position / kernelWidth % kernelHeight
      let middle = position / (kernelWidth * kernelHeight) % inChannels
      let channel = position / (kernelWidth * kernelHeight * inChannels)
      for source in 0..<first.inChannels {
        for y in 0..<first.kernelHeight {
          let target =
            ((channel * joint.inChannels + source) * joint.kernelHeight + row * first.stride.height
              + y) * joint.kernelWidth + column * first.stride.width
          let from = (middle * first.inChannels + source) * innerArea + y * first.kernelWidth
          for x in 0..<first.kernelWidth { weights[target + x] += weight * inner[from + x] }
        }
      }
    }
    return weights
  }
}
