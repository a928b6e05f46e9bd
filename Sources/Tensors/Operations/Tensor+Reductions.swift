// Sums, means and the like. Without dimensions they run over all elements and give a tensor of no
// dimensions; dimensions count from the end where negative.

private let sumAll = Operator("aten::sum")
private let sumAlong = Operator("aten::sum.dim_IntList")
private let meanAll = Operator("aten::mean")
private let meanAlong = Operator("aten::mean.dim")
private let varianceAlong = Operator("aten::var.correction")
private let deviationAlong = Operator("aten::std.correction")
private let productAll = Operator("aten::prod")
private let productAlong = Operator("aten::prod.dim_int")
private let maximaAlong = Operator("aten::amax")
private let minimaAlong = Operator("aten::amin")
private let largestIndex = Operator("aten::argmax")
private let smallestIndex = Operator("aten::argmin")
private let logSumExpAlong = Operator("aten::logsumexp")
private let allOf = Operator("aten::all")
private let allAlong = Operator("aten::all.dim")
private let anyOf = Operator("aten::any")
private let anyAlong = Operator("aten::any.dim")
private let normAlong = Operator("aten::linalg_vector_norm")
private let sumUp = Operator("aten::cumsum")
private let multiplyUp = Operator("aten::cumprod")
private let quantileAlong = Operator("aten::quantile.scalar")
private let medianAll = Operator("aten::median")

extension Tensor {
  /// The sum of all elements; of integers, in int64.
  ///
  /// - Throws: ``TensorError`` where memory does not suffice.
  public func sum() throws -> Tensor { try sumAll(self) }

  /// The sum along dimensions; of integers, in int64.
  ///
  /// - Throws: ``TensorError`` for a dimension that is not there.
  public func sum(along dimensions: Int..., keeping: Bool = false) throws -> Tensor {
    try sumAlong(.tensor(self), .integers(dimensions), .boolean(keeping))
  }

  /// The mean of all elements.
  ///
  /// - Throws: ``TensorError`` for integers.
  public func mean() throws -> Tensor { try meanAll(self) }

  /// The mean along dimensions.
  ///
  /// - Throws: ``TensorError`` for integers, or a dimension that is not there.
  public func mean(along dimensions: Int..., keeping: Bool = false) throws -> Tensor {
    try meanAlong(.tensor(self), .integers(dimensions), .boolean(keeping))
  }

  /// The variance along dimensions, or of all elements: the sum of squares over n - correction.
  ///
  /// - Throws: ``TensorError`` for integers, or a dimension that is not there.
  public func variance(
    along dimensions: Int..., correction: Int = 1, keeping: Bool = false
  ) throws -> Tensor {
    try varianceAlong(
      .tensor(self), .integers(dimensions.isEmpty ? nil : dimensions), .integer(correction),
      .boolean(keeping))
  }

  /// The square root of ``variance(along:correction:keeping:)``.
  ///
  /// - Throws: ``TensorError`` for integers, or a dimension that is not there.
  public func standardDeviation(
    along dimensions: Int..., correction: Int = 1, keeping: Bool = false
  ) throws -> Tensor {
    try deviationAlong(
      .tensor(self), .integers(dimensions.isEmpty ? nil : dimensions), .integer(correction),
      .boolean(keeping))
  }

  /// The product of all elements.
  ///
  /// - Throws: ``TensorError`` where memory does not suffice.
  public func product() throws -> Tensor { try productAll(self) }

  /// The product along a dimension.
  ///
  /// - Throws: ``TensorError`` for a dimension that is not there.
  public func product(along dimension: Int, keeping: Bool = false) throws -> Tensor {
    try productAlong(.tensor(self), .integer(dimension), .boolean(keeping))
  }

  /// The largest element along dimensions, or of all; not-a-number wins.
  ///
  /// - Throws: ``TensorError`` for an empty dimension, or one that is not there.
  public func max(along dimensions: Int..., keeping: Bool = false) throws -> Tensor {
    try maximaAlong(.tensor(self), .integers(dimensions), .boolean(keeping))
  }

  /// The smallest element along dimensions, or of all; not-a-number wins.
  ///
  /// - Throws: ``TensorError`` for an empty dimension, or one that is not there.
  public func min(along dimensions: Int..., keeping: Bool = false) throws -> Tensor {
    try minimaAlong(.tensor(self), .integers(dimensions), .boolean(keeping))
  }

  /// The index of the largest element along a dimension, or in row-major order of all.
  ///
  /// - Throws: ``TensorError`` for an empty dimension, or one that is not there.
  public func argmax(along dimension: Int? = nil, keeping: Bool = false) throws -> Tensor {
    try largestIndex(.tensor(self), .integer(dimension), .boolean(keeping))
  }

  /// The index of the smallest element along a dimension, or in row-major order of all.
  ///
  /// - Throws: ``TensorError`` for an empty dimension, or one that is not there.
  public func argmin(along dimension: Int? = nil, keeping: Bool = false) throws -> Tensor {
    try smallestIndex(.tensor(self), .integer(dimension), .boolean(keeping))
  }

  /// log Σ exp along dimensions, without overflow.
  ///
  /// - Throws: ``TensorError`` for integers, or a dimension that is not there.
  public func logSumExp(along dimensions: Int..., keeping: Bool = false) throws -> Tensor {
    let all = dimensions.isEmpty ? Array(0..<rank) : dimensions
    return try logSumExpAlong(.tensor(self), .integers(all), .boolean(keeping))
  }

  /// Whether all elements are other than zero.
  ///
  /// - Throws: ``TensorError`` where memory does not suffice.
  public func all() throws -> Tensor { try allOf(self) }

  /// Whether all elements along a dimension are other than zero.
  ///
  /// - Throws: ``TensorError`` for a dimension that is not there.
  public func all(along dimension: Int, keeping: Bool = false) throws -> Tensor {
    try allAlong(.tensor(self), .integer(dimension), .boolean(keeping))
  }

  /// Whether any element is other than zero.
  ///
  /// - Throws: ``TensorError`` where memory does not suffice.
  public func any() throws -> Tensor { try anyOf(self) }

  /// Whether any element along a dimension is other than zero.
  ///
  /// - Throws: ``TensorError`` for a dimension that is not there.
  public func any(along dimension: Int, keeping: Bool = false) throws -> Tensor {
    try anyAlong(.tensor(self), .integer(dimension), .boolean(keeping))
  }

  /// The vector norm of an order (2, 1, `.infinity`, …) along dimensions, or of all elements.
  ///
  /// - Throws: ``TensorError`` for integers, or a dimension that is not there.
  public func norm(
    _ order: Double = 2, along dimensions: Int..., keeping: Bool = false
  ) throws -> Tensor {
    try normAlong(
      .tensor(self), .real(order), .integers(dimensions.isEmpty ? nil : dimensions),
      .boolean(keeping))
  }

  /// The running sum along a dimension.
  ///
  /// - Throws: ``TensorError`` for a dimension that is not there.
  public func cumulativeSum(along dimension: Int) throws -> Tensor {
    try sumUp(self, .integer(dimension))
  }

  /// The running product along a dimension.
  ///
  /// - Throws: ``TensorError`` for a dimension that is not there.
  public func cumulativeProduct(along dimension: Int) throws -> Tensor {
    try multiplyUp(self, .integer(dimension))
  }

  /// The quantile, interpolated linearly, along a dimension, or of all elements.
  ///
  /// - Throws: ``TensorError`` for a fraction outside of 0…1, or integers.
  public func quantile(
    _ fraction: Double, along dimension: Int? = nil, keeping: Bool = false
  ) throws -> Tensor {
    try quantileAlong(.tensor(self), .real(fraction), .integer(dimension), .boolean(keeping))
  }

  /// The median of all elements; the lower of two.
  ///
  /// - Throws: ``TensorError`` for booleans.
  public func median() throws -> Tensor { try medianAll(self) }
}
