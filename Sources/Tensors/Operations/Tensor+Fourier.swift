// Fourier transforms. Complex results come as pairs of real numbers, a last dimension of extent 2.

private let realTransform = Operator("aten::fft_rfft")
private let realInverse = Operator("aten::fft_irfft")
private let asPairs = Operator("aten::view_as_real")
private let fromPairs = Operator("aten::view_as_complex")

extension Tensor {
  /// The discrete Fourier transform of real numbers along a dimension: n numbers give n / 2 + 1
  /// pairs (real, imaginary) of the frequencies from 0.
  ///
  /// - Throws: ``TensorError`` for an empty dimension.
  public func realFourierTransform(along dimension: Int = -1) throws -> Tensor {
    try asPairs(.tensor(realTransform(.tensor(self), .none, .integer(dimension))))
  }

  /// The inverse of ``realFourierTransform(along:)`` to `count` real numbers.
  ///
  /// - Parameters:
  ///   - count: The extent of the result, since pairs for even and odd extents look alike.
  ///   - dimension: As for the transform, not counting the pairs' own.
  /// - Returns: Real numbers.
  /// - Throws: ``TensorError`` where the last extent is not 2.
  public func inverseRealFourierTransform(count: Int, along dimension: Int = -1) throws -> Tensor {
    try realInverse(.tensor(fromPairs(contiguous())), .integer(count), .integer(dimension))
  }
}
