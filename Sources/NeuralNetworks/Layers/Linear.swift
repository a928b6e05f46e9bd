public import Tensors

/// x · Wᵀ + b.
///
/// Input [..., inputs], output [..., outputs]. With members: weight [members, outputs, inputs],
/// input [members, n, inputs].
public struct Linear: Module {
  /// [outputs, inputs].
  public var weight: Tensor
  /// [outputs].
  public var bias: Tensor?

  public init(weight: Tensor, bias: Tensor?) {
    self.weight = weight
    self.bias = bias
  }

  /// Draws weight and bias evenly from ±1/√inputs, PyTorch's default.
  ///
  /// - Throws: `TensorError` for a negative extent.
  public init(
    _ inputs: Int, _ outputs: Int, hasBias: Bool = true, dtype: DType = .float32,
    random: RandomStream
  ) throws {
    let bound = 1 / Double(inputs).squareRoot()
    weight = try .symmetric(bound, [outputs, inputs], dtype, random.child("weight"))
    bias = hasBias ? try .symmetric(bound, [outputs], dtype, random.child("bias")) : nil
  }

  public mutating func forward(_ input: Tensor, _ pass: inout Pass) throws -> Tensor {
    guard weight.rank == 3 else { return try input.linear(weight, bias) }
    guard let bias else { return try input.bmm(weight.transposed(1, 2)) }
    return try bias.unsqueezed(1).addingBmm(input, weight.transposed(1, 2))
  }

  public mutating func visit(_ visitor: inout Visitor) throws {
    try visitor.parameter("weight", &weight)
    try visitor.parameter("bias", &bias)
  }
}

extension Tensor {
  /// Numbers drawn evenly from -bound to bound.
  static func symmetric(
    _ bound: Double, _ shape: [Int], _ dtype: DType, _ random: RandomStream
  ) throws -> Tensor {
    var random = random
    return try random.uniform(shape, dtype: dtype) * (2 * bound) - bound
  }
}
