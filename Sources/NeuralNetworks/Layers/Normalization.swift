public import Tensors

/// Batch normalisation of channels, dimension 1 (Ioffe and Szegedy 2015).
///
/// Input [n, c] or [n, c, ...]; with members [members, n, c, ...]. In training the batch's own
/// moments are used and the running ones moved; else the running ones are used.
public struct BatchNorm: Module {
  /// [c].
  public var weight: Tensor
  /// [c].
  public var bias: Tensor
  /// [c].
  public var runningMean: Tensor
  /// [c].
  public var runningVariance: Tensor
  /// How far the running moments move towards the batch's.
  public var momentum: Double
  public var epsilon: Double

  /// Starts at the identity, with PyTorch's momentum and epsilon unless given.
  ///
  /// - Throws: `TensorError` for a negative number of channels.
  public init(
    _ channels: Int, momentum: Double = 0.1, epsilon: Double = 1e-5, dtype: DType = .float32
  ) throws {
    weight = try .ones([channels], dtype: dtype)
    bias = try .zeros([channels], dtype: dtype)
    runningMean = try .zeros([channels], dtype: dtype)
    runningVariance = try .ones([channels], dtype: dtype)
    self.momentum = momentum
    self.epsilon = epsilon
  }

  public mutating func forward(_ input: Tensor, _ pass: inout Pass) throws -> Tensor {
    if pass.isTraining {
      // The operation writes into the running moments, which a copy of this layer may share.
      if !runningMean.isUnshared() { runningMean = try runningMean.copy() }
      if !runningVariance.isUnshared() { runningVariance = try runningVariance.copy() }
    }
    guard weight.rank == 2 else { return try normalized(input, pass) }
    return try MemberChannels(input, weight.extent(0)).apply { try normalized($0, pass) }
  }

  private func normalized(_ input: Tensor, _ pass: Pass) throws -> Tensor {
    try input.batchNorm(
      weight: weight.reshaped(-1), bias: bias.reshaped(-1), runningMean: runningMean.reshaped(-1),
      runningVariance: runningVariance.reshaped(-1), isTraining: pass.isTraining,
      momentum: momentum, epsilon: epsilon)
  }

  public mutating func visit(_ visitor: inout Visitor) throws {
    try visitor.parameter("weight", &weight)
    try visitor.parameter("bias", &bias)
    try visitor.buffer("running_mean", &runningMean)
    try visitor.buffer("running_var", &runningVariance)
  }
}

/// Layer normalisation over the last dimension (Ba, Kiros and Hinton 2016).
public struct LayerNorm: Module {
  /// [features].
  public var weight: Tensor
  /// [features].
  public var bias: Tensor
  public var epsilon: Double

  /// Starts at the identity.
  ///
  /// - Throws: `TensorError` for a negative number of features.
  public init(_ features: Int, epsilon: Double = 1e-5, dtype: DType = .float32) throws {
    weight = try .ones([features], dtype: dtype)
    bias = try .zeros([features], dtype: dtype)
    self.epsilon = epsilon
  }

  public mutating func forward(_ input: Tensor, _ pass: inout Pass) throws -> Tensor {
    let features = try weight.extent(-1)
    guard weight.rank == 2 else {
      return try input.layerNorm([features], weight: weight, bias: bias, epsilon: epsilon)
    }
    let shape = try [weight.extent(0)] + Array(repeating: 1, count: input.rank - 2) + [features]
    return try input.layerNorm([features], epsilon: epsilon) * weight.reshaped(shape)
      + bias.reshaped(shape)
  }

  public mutating func visit(_ visitor: inout Visitor) throws {
    try visitor.parameter("weight", &weight)
    try visitor.parameter("bias", &bias)
  }
}
