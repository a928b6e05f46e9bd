public import Tensors

/// A convolution in two dimensions.
///
/// Input [n, inputs, h, w], output [n, outputs, h', w']. With members: weight [members, outputs,
/// inputs / groups, kh, kw], input [members, n, inputs, h, w].
public struct Conv2d: Module {
  /// [outputs, inputs / groups, kh, kw].
  public var weight: Tensor
  /// [outputs].
  public var bias: Tensor?
  public var stride: [Int]
  public var padding: [Int]
  public var dilation: [Int]
  public var groups: Int

  public init(
    weight: Tensor, bias: Tensor?, stride: [Int] = [1, 1], padding: [Int] = [0, 0],
    dilation: [Int] = [1, 1], groups: Int = 1
  ) {
    self.weight = weight
    self.bias = bias
    self.stride = stride
    self.padding = padding
    self.dilation = dilation
    self.groups = groups
  }

  /// Draws weight and bias evenly from ±1/√(inputs / groups · kh · kw), PyTorch's default.
  ///
  /// - Throws: ``ModuleError`` where the groups do not divide the channels.
  public init(
    _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, padding: Int = 0,
    dilation: Int = 1, groups: Int = 1, hasBias: Bool = true, dtype: DType = .float32,
    random: RandomStream
  ) throws {
    guard groups > 0, inputs % groups == 0, outputs % groups == 0 else {
      throw ModuleError(
        .mismatch, "\(groups) groups do not divide \(inputs) inputs and \(outputs) outputs")
    }
    let bound = 1 / Double(inputs / groups * kernel * kernel).squareRoot()
    self.init(
      weight: try .symmetric(
        bound, [outputs, inputs / groups, kernel, kernel], dtype, random.child("weight")),
      bias: hasBias ? try .symmetric(bound, [outputs], dtype, random.child("bias")) : nil,
      stride: [stride, stride], padding: [padding, padding], dilation: [dilation, dilation],
      groups: groups)
  }

  public mutating func forward(_ input: Tensor, _ pass: inout Pass) throws -> Tensor {
    guard weight.rank == 5 else {
      return try input.conv2d(
        weight, bias, stride: stride, padding: padding, dilation: dilation, groups: groups)
    }
    // Members become groups of channels.
    let members = try weight.extent(0)
    return try MemberChannels(input, members).apply { joined in
      try joined.conv2d(
        weight.flattened(from: 0, to: 1), bias?.flattened(), stride: stride, padding: padding,
        dilation: dilation, groups: groups * members)
    }
  }

  public mutating func visit(_ visitor: inout Visitor) throws {
    try visitor.parameter("weight", &weight)
    try visitor.parameter("bias", &bias)
  }
}

/// Members as channels: [members, n, c, ...] seen as [n, members · c, ...], and back.
struct MemberChannels {
  private let joined: Tensor
  private let members: Int

  init(_ input: Tensor, _ members: Int) throws {
    self.members = members
    joined = try input.transposed(0, 1).flattened(from: 1, to: 2)
  }

  func apply(_ layer: (Tensor) throws -> Tensor) throws -> Tensor {
    let output = try layer(joined)
    let shape = output.shape
    return try output.reshaped([shape[0], members, shape[1] / members] + shape.dropFirst(2))
      .transposed(0, 1)
  }
}
