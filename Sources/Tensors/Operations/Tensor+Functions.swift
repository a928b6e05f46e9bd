// Functions of each element.

private let expOperator = Operator("aten::exp")
private let expm1Operator = Operator("aten::expm1")
private let logOperator = Operator("aten::log")
private let log1pOperator = Operator("aten::log1p")
private let log2Operator = Operator("aten::log2")
private let log10Operator = Operator("aten::log10")
private let sqrtOperator = Operator("aten::sqrt")
private let rsqrtOperator = Operator("aten::rsqrt")
private let squareOperator = Operator("aten::square")
private let reciprocalOperator = Operator("aten::reciprocal")
private let absOperator = Operator("aten::abs")
private let signOperator = Operator("aten::sign")
private let sinOperator = Operator("aten::sin")
private let cosOperator = Operator("aten::cos")
private let tanOperator = Operator("aten::tan")
private let asinOperator = Operator("aten::asin")
private let acosOperator = Operator("aten::acos")
private let atanOperator = Operator("aten::atan")
private let sinhOperator = Operator("aten::sinh")
private let coshOperator = Operator("aten::cosh")
private let tanhOperator = Operator("aten::tanh")
private let atanhOperator = Operator("aten::atanh")
private let erfOperator = Operator("aten::erf")
private let erfcOperator = Operator("aten::erfc")
private let erfinvOperator = Operator("aten::erfinv")
private let lgammaOperator = Operator("aten::lgamma")
private let digammaOperator = Operator("aten::digamma")
private let normalCDFOperator = Operator("aten::special_ndtr")
private let logNormalCDFOperator = Operator("aten::special_log_ndtr")
private let normalQuantileOperator = Operator("aten::special_ndtri")
private let floorOperator = Operator("aten::floor")
private let ceilOperator = Operator("aten::ceil")
private let roundedOperator = Operator("aten::round")
private let truncatedOperator = Operator("aten::trunc")
private let isNaNOperator = Operator("aten::isnan")
private let isFiniteOperator = Operator("aten::isfinite")
private let isInfiniteOperator = Operator("aten::isinf")
private let logicalNotOperator = Operator("aten::logical_not")
private let clampOperator = Operator("aten::clamp")
private let clampTensors = Operator("aten::clamp.Tensor")
private let arcTangent = Operator("aten::atan2")
private let logarithmOfSum = Operator("aten::logaddexp")

extension Tensor {
  /// e to the power of each element.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func exp() throws -> Tensor { try expOperator(self) }

  /// e to the power of each element, less 1, exact near 0.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func expm1() throws -> Tensor { try expm1Operator(self) }

  /// The natural logarithm.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func log() throws -> Tensor { try logOperator(self) }

  /// The natural logarithm of 1 + each element, exact near 0.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func log1p() throws -> Tensor { try log1pOperator(self) }

  /// The logarithm to base 2.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func log2() throws -> Tensor { try log2Operator(self) }

  /// The logarithm to base 10.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func log10() throws -> Tensor { try log10Operator(self) }

  /// The square root.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func sqrt() throws -> Tensor { try sqrtOperator(self) }

  /// One over the square root.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func rsqrt() throws -> Tensor { try rsqrtOperator(self) }

  /// The square.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func square() throws -> Tensor { try squareOperator(self) }

  /// One over each element.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func reciprocal() throws -> Tensor { try reciprocalOperator(self) }

  /// The absolute value.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func abs() throws -> Tensor { try absOperator(self) }

  /// -1, 0 or 1.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func sign() throws -> Tensor { try signOperator(self) }

  /// The sine.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func sin() throws -> Tensor { try sinOperator(self) }

  /// The cosine.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func cos() throws -> Tensor { try cosOperator(self) }

  /// The tangent.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func tan() throws -> Tensor { try tanOperator(self) }

  /// The inverse sine.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func asin() throws -> Tensor { try asinOperator(self) }

  /// The inverse cosine.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func acos() throws -> Tensor { try acosOperator(self) }

  /// The inverse tangent.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func atan() throws -> Tensor { try atanOperator(self) }

  /// The hyperbolic sine.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func sinh() throws -> Tensor { try sinhOperator(self) }

  /// The hyperbolic cosine.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func cosh() throws -> Tensor { try coshOperator(self) }

  /// The hyperbolic tangent.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func tanh() throws -> Tensor { try tanhOperator(self) }

  /// The inverse hyperbolic tangent.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func atanh() throws -> Tensor { try atanhOperator(self) }

  /// The error function.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func erf() throws -> Tensor { try erfOperator(self) }

  /// One less the error function.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func erfc() throws -> Tensor { try erfcOperator(self) }

  /// The inverse error function.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func erfinv() throws -> Tensor { try erfinvOperator(self) }

  /// The logarithm of the absolute value of the gamma function.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func lgamma() throws -> Tensor { try lgammaOperator(self) }

  /// The derivative of ``lgamma()``.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func digamma() throws -> Tensor { try digammaOperator(self) }

  /// The distribution function of the standard normal distribution.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func normalCDF() throws -> Tensor { try normalCDFOperator(self) }

  /// The logarithm of ``normalCDF()``, exact in the lower tail.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func logNormalCDF() throws -> Tensor { try logNormalCDFOperator(self) }

  /// The inverse of ``normalCDF()``.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func normalQuantile() throws -> Tensor { try normalQuantileOperator(self) }

  /// The next integer below.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func floor() throws -> Tensor { try floorOperator(self) }

  /// The next integer above.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func ceil() throws -> Tensor { try ceilOperator(self) }

  /// The nearest integer, ties to even.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func rounded() throws -> Tensor { try roundedOperator(self) }

  /// The next integer towards zero.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func truncated() throws -> Tensor { try truncatedOperator(self) }

  /// Where elements are not-a-number.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func isNaN() throws -> Tensor { try isNaNOperator(self) }

  /// Where elements are neither infinite nor not-a-number.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func isFinite() throws -> Tensor { try isFiniteOperator(self) }

  /// Where elements are infinite.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func isInfinite() throws -> Tensor { try isInfiniteOperator(self) }

  /// Where elements are zero.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func logicalNot() throws -> Tensor { try logicalNotOperator(self) }

  /// Each element kept between two bounds, either of which may be absent.
  ///
  /// - Throws: ``TensorError`` where both are absent.
  public func clamp(
    min lower: (any ScalarConvertible)? = nil, max upper: (any ScalarConvertible)? = nil
  ) throws -> Tensor {
    try clampOperator(.tensor(self), .scalar(lower), .scalar(upper))
  }

  /// Each element kept between those of two tensors, either of which may be absent.
  ///
  /// - Throws: ``TensorError`` where both are absent, or do not broadcast.
  public func clamp(min lower: Tensor?, max upper: Tensor?) throws -> Tensor {
    try clampTensors(.tensor(self), .tensor(lower), .tensor(upper))
  }

  /// The angle of the point (x, self), between -π and π.
  ///
  /// - Throws: ``TensorError`` for shapes that do not broadcast.
  public func atan2(_ x: Tensor) throws -> Tensor {
    try arcTangent(self, x)
  }

  /// log(exp(left) + exp(right)), without overflow.
  ///
  /// - Throws: ``TensorError`` for shapes that do not broadcast.
  public static func logAddExp(_ left: Tensor, _ right: Tensor) throws -> Tensor {
    try logarithmOfSum(left, right)
  }
}
