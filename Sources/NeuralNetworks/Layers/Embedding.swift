public import Tensors

/// A row of numbers for each of so many symbols.
///
/// Input [...] of int64, output [..., features].
public struct Embedding: Module {
  /// [symbols, features].
  public var weight: Tensor

  /// Draws the rows from the standard normal distribution.
  ///
  /// - Throws: `TensorError` for a negative extent.
  public init(
    _ symbols: Int, _ features: Int, dtype: DType = .float32, random: RandomStream
  ) throws {
    var random = random.child("weight")
    weight = try random.normal([symbols, features], dtype: dtype)
  }

  public mutating func forward(_ input: Tensor, _ pass: inout Pass) throws -> Tensor {
    guard weight.rank == 2 else {
      throw ModuleError(.unsupported, "embeddings do not run many members at once")
    }
    return try input.embedding(weight)
  }

  public mutating func visit(_ visitor: inout Visitor) throws {
    try visitor.parameter("weight", &weight)
  }
}
