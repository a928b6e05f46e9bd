public import Verification

/// What the branching network is told about a subproblem.
public struct SubproblemFeatures: Hashable, Sendable {
  /// One layer of ReLUs; all arrays as long as the layer.
  public struct Layer: Hashable, Sendable {
    /// Bounds of what goes in.
    public var lower: [Float]
    public var upper: [Float]
    /// The dual of `z >= zhat`, at least 0.
    public var lowerDual: [Float]
    /// The dual of `z <= s zhat + t`, at most 0.
    public var upperDual: [Float]
    /// The relaxation's values of what goes in and what comes out.
    public var zhat: [Float]
    public var z: [Float]

    public init(
      lower: [Float], upper: [Float], lowerDual: [Float], upperDual: [Float], zhat: [Float],
      z: [Float]
    ) {
      self.lower = lower
      self.upper = upper
      self.lowerDual = lowerDual
      self.upperDual = upperDual
      self.zhat = zhat
      self.z = z
    }
  }

  /// The box of inputs, and the relaxation's minimising input.
  public var inputLower: [Float]
  public var inputUpper: [Float]
  public var input: [Float]
  public var layers: [Layer]
  /// Bounds of the output, and the relaxation's value of it.
  public var outputLower: Float
  public var outputUpper: Float
  public var output: Float

  public init(
    inputLower: [Float], inputUpper: [Float], input: [Float], layers: [Layer], outputLower: Float,
    outputUpper: Float, output: Float
  ) {
    self.inputLower = inputLower
    self.inputUpper = inputUpper
    self.input = input
    self.layers = layers
    self.outputLower = outputLower
    self.outputUpper = outputUpper
    self.output = output
  }
}

extension SubproblemFeatures {
  /// The features at a subproblem's own dual point.
  ///
  /// The relaxation's value of the output is the lower bound, as at an LP's optimum; its upper bound
  /// is Wong and Kolter's.
  public init(
    _ subproblem: Subproblem, _ state: RelaxationState, box: Box, graph: BranchingGraph
  ) {
    func floats(_ numbers: [Double]) -> [Float] {
      // Pointers, since the compiler turns these into eight conversions at a time.
      [Float](unsafeUninitializedCapacity: numbers.count) { buffer, count in
        count = numbers.count
        guard let target = buffer.baseAddress else { return }
        numbers.withUnsafeBufferPointer { source in
          for index in source.indices { target[index] = Float(source[index]) }
        }
      }
    }
    inputLower = floats(box.lower)
    inputUpper = floats(box.upper)
    input = floats(state.input)
    layers = subproblem.bounds.indices.map { layer in
      Layer(
        lower: floats(subproblem.bounds[layer].lower),
        upper: floats(subproblem.bounds[layer].upper),
        lowerDual: floats(state.lowerDual[layer]), upperDual: floats(state.upperDual[layer]),
        zhat: floats(state.zhat[layer]), z: floats(state.z[layer]))
    }
    outputLower = Float(state.lowerBound)
    output = Float(state.lowerBound)
    outputUpper = 0
    outputUpper = graph.outputUpperBound(of: self)
  }
}
