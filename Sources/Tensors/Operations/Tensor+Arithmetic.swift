// Elementwise arithmetic. Operands broadcast: shapes are aligned at their last dimensions, and an
// extent of 1 repeats.

private let addTensor = Operator("aten::add.Tensor")
private let addScalar = Operator("aten::add.Scalar")
private let subtractTensor = Operator("aten::sub.Tensor")
private let subtractScalar = Operator("aten::sub.Scalar")
private let subtractFromScalar = Operator("aten::rsub.Scalar")
private let multiplyTensor = Operator("aten::mul.Tensor")
private let multiplyScalar = Operator("aten::mul.Scalar")
private let divideTensor = Operator("aten::div.Tensor")
private let divideScalar = Operator("aten::div.Scalar")
private let reciprocalOf = Operator("aten::reciprocal")
private let negative = Operator("aten::neg")
private let powerTensor = Operator("aten::pow.Tensor_Tensor")
private let powerScalar = Operator("aten::pow.Tensor_Scalar")
private let powerOfScalar = Operator("aten::pow.Scalar")
private let maximumOf = Operator("aten::maximum")
private let minimumOf = Operator("aten::minimum")
private let remainderTensor = Operator("aten::remainder.Tensor")
private let remainderScalar = Operator("aten::remainder.Scalar")
private let divideMode = Operator("aten::div.Tensor_mode")
private let divideScalarMode = Operator("aten::div.Scalar_mode")
private let lerpScalar = Operator("aten::lerp.Scalar")
private let addProduct = Operator("aten::addcmul")
private let addQuotient = Operator("aten::addcdiv")
private let addInto = Operator("aten::add_.Tensor")
private let addScalarInto = Operator("aten::add_.Scalar")
private let multiplyInto = Operator("aten::mul_.Tensor")
private let multiplyScalarInto = Operator("aten::mul_.Scalar")
private let addProductInto = Operator("aten::addcmul_")
private let addQuotientInto = Operator("aten::addcdiv_")
private let lerpInto = Operator("aten::lerp_.Scalar")
private let copyInto = Operator("aten::copy_")

extension Tensor {
  public static func + (left: Tensor, right: Tensor) throws -> Tensor {
    try addTensor(left, right)
  }

  public static func + (left: Tensor, right: some ScalarConvertible) throws -> Tensor {
    try addScalar(left, .scalar(right))
  }

  public static func + (left: some ScalarConvertible, right: Tensor) throws -> Tensor {
    try addScalar(right, .scalar(left))
  }

  public static func - (left: Tensor, right: Tensor) throws -> Tensor {
    try subtractTensor(left, right)
  }

  public static func - (left: Tensor, right: some ScalarConvertible) throws -> Tensor {
    try subtractScalar(left, .scalar(right))
  }

  public static func - (left: some ScalarConvertible, right: Tensor) throws -> Tensor {
    try subtractFromScalar(right, .scalar(left))
  }

  public static func * (left: Tensor, right: Tensor) throws -> Tensor {
    try multiplyTensor(left, right)
  }

  public static func * (left: Tensor, right: some ScalarConvertible) throws -> Tensor {
    try multiplyScalar(left, .scalar(right))
  }

  public static func * (left: some ScalarConvertible, right: Tensor) throws -> Tensor {
    try multiplyScalar(right, .scalar(left))
  }

  /// The quotient, real also for integers.
  public static func / (left: Tensor, right: Tensor) throws -> Tensor {
    try divideTensor(left, right)
  }

  /// The quotient, real also for integers.
  public static func / (left: Tensor, right: some ScalarConvertible) throws -> Tensor {
    try divideScalar(left, .scalar(right))
  }

  /// The quotient, real also for integers.
  public static func / (left: some ScalarConvertible, right: Tensor) throws -> Tensor {
    try multiplyScalar(reciprocalOf(right), .scalar(left))
  }

  public static prefix func - (operand: Tensor) throws -> Tensor { try negative(operand) }

  public static func += (left: inout Tensor, right: Tensor) throws { left = try left + right }

  public static func += (left: inout Tensor, right: some ScalarConvertible) throws {
    left = try left + right
  }

  public static func -= (left: inout Tensor, right: Tensor) throws { left = try left - right }

  public static func -= (left: inout Tensor, right: some ScalarConvertible) throws {
    left = try left - right
  }

  public static func *= (left: inout Tensor, right: Tensor) throws { left = try left * right }

  public static func *= (left: inout Tensor, right: some ScalarConvertible) throws {
    left = try left * right
  }

  public static func /= (left: inout Tensor, right: Tensor) throws { left = try left / right }

  public static func /= (left: inout Tensor, right: some ScalarConvertible) throws {
    left = try left / right
  }

  /// self + factor · other.
  ///
  /// - Throws: ``TensorError`` for shapes that do not broadcast.
  public func adding(_ other: Tensor, times factor: some ScalarConvertible) throws -> Tensor {
    try addTensor(self, other, .scalar(factor))
  }

  /// self + factor · left · right.
  ///
  /// - Throws: ``TensorError`` for shapes that do not broadcast.
  public func addingProduct(
    _ left: Tensor, _ right: Tensor, times factor: some ScalarConvertible = 1
  ) throws -> Tensor {
    try addProduct(.tensor(self), .tensor(left), .tensor(right), .scalar(factor))
  }

  /// self + factor · left / right.
  ///
  /// - Throws: ``TensorError`` for shapes that do not broadcast.
  public func addingQuotient(
    _ left: Tensor, _ right: Tensor, times factor: some ScalarConvertible = 1
  ) throws -> Tensor {
    try addQuotient(.tensor(self), .tensor(left), .tensor(right), .scalar(factor))
  }

  /// self + weight · (other - self).
  ///
  /// - Throws: ``TensorError`` for shapes that do not broadcast.
  public func interpolated(to other: Tensor, weight: Double) throws -> Tensor {
    try lerpScalar(self, other, .real(weight))
  }

  /// Each element to a power.
  ///
  /// - Throws: ``TensorError`` for negative integer powers of integers.
  public func pow(_ exponent: some ScalarConvertible) throws -> Tensor {
    try powerScalar(self, .scalar(exponent))
  }

  /// Each element to the power of its counterpart.
  ///
  /// - Throws: ``TensorError`` for shapes that do not broadcast.
  public func pow(_ exponents: Tensor) throws -> Tensor {
    try powerTensor(self, exponents)
  }

  /// A number to the power of each element.
  ///
  /// - Throws: ``TensorError`` for types that have no powers.
  public static func pow(_ base: some ScalarConvertible, _ exponents: Tensor) throws -> Tensor {
    try powerOfScalar(.scalar(base), .tensor(exponents))
  }

  /// The larger of each pair; not-a-number wins.
  ///
  /// - Throws: ``TensorError`` for shapes that do not broadcast.
  public static func maximum(_ left: Tensor, _ right: Tensor) throws -> Tensor {
    try maximumOf(left, right)
  }

  /// The smaller of each pair; not-a-number wins.
  ///
  /// - Throws: ``TensorError`` for shapes that do not broadcast.
  public static func minimum(_ left: Tensor, _ right: Tensor) throws -> Tensor {
    try minimumOf(left, right)
  }

  /// The quotient, rounded down.
  ///
  /// - Throws: ``TensorError`` for shapes that do not broadcast.
  public func floorDivided(by divisor: Tensor) throws -> Tensor {
    try divideMode(self, divisor, .text("floor"))
  }

  /// The quotient, rounded down.
  ///
  /// - Throws: ``TensorError`` for an integer divided by zero.
  public func floorDivided(by divisor: some ScalarConvertible) throws -> Tensor {
    try divideScalarMode(.tensor(self), .scalar(divisor), .text("floor"))
  }

  /// The remainder, with the sign of the divisor.
  ///
  /// - Throws: ``TensorError`` for shapes that do not broadcast.
  public func remainder(dividingBy divisor: Tensor) throws -> Tensor {
    try remainderTensor(self, divisor)
  }

  /// The remainder, with the sign of the divisor.
  ///
  /// - Throws: ``TensorError`` for an integer divided by zero.
  public func remainder(dividingBy divisor: some ScalarConvertible) throws -> Tensor {
    try remainderScalar(self, .scalar(divisor))
  }

  // MARK: In place

  /// Adds factor · other into this tensor's memory, and so into all that share it.
  ///
  /// - Throws: ``TensorError`` for shapes that do not broadcast into this one, and for a tensor whose
  ///   gradient is asked for, outside of ``withoutGradients(_:)``.
  public func addInPlace(_ other: Tensor, times factor: some ScalarConvertible = 1) throws {
    _ = try addInto(self, other, .scalar(factor))
  }

  /// Adds a number into this tensor's memory, and so into all that share it.
  ///
  /// - Throws: ``TensorError`` for a tensor whose gradient is asked for, outside of
  ///   ``withoutGradients(_:)``.
  public func addInPlace(_ number: some ScalarConvertible) throws {
    _ = try addScalarInto(self, .scalar(number))
  }

  /// Multiplies this tensor's memory, and so all that share it.
  ///
  /// - Throws: ``TensorError`` for shapes that do not broadcast into this one.
  public func multiplyInPlace(by other: Tensor) throws {
    _ = try multiplyInto(self, other)
  }

  /// Multiplies this tensor's memory, and so all that share it.
  ///
  /// - Throws: ``TensorError`` for a tensor whose gradient is asked for.
  public func multiplyInPlace(by number: some ScalarConvertible) throws {
    _ = try multiplyScalarInto(self, .scalar(number))
  }

  /// Adds factor · left · right into this tensor's memory, and so into all that share it.
  ///
  /// - Throws: ``TensorError`` for shapes that do not broadcast into this one.
  public func addProductInPlace(
    _ left: Tensor, _ right: Tensor, times factor: some ScalarConvertible = 1
  ) throws {
    _ = try addProductInto(.tensor(self), .tensor(left), .tensor(right), .scalar(factor))
  }

  /// Adds factor · left / right into this tensor's memory, and so into all that share it.
  ///
  /// - Throws: ``TensorError`` for shapes that do not broadcast into this one.
  public func addQuotientInPlace(
    _ left: Tensor, _ right: Tensor, times factor: some ScalarConvertible = 1
  ) throws {
    _ = try addQuotientInto(.tensor(self), .tensor(left), .tensor(right), .scalar(factor))
  }

  /// Moves this tensor's memory, and so all that share it, by weight · (other - self).
  ///
  /// - Throws: ``TensorError`` for shapes that do not broadcast into this one.
  public func interpolateInPlace(to other: Tensor, weight: Double) throws {
    _ = try lerpInto(self, other, .real(weight))
  }

  /// Writes another tensor's elements, converted, into this tensor's memory, and so into all that
  /// share it.
  ///
  /// - Throws: ``TensorError`` for shapes that do not broadcast into this one.
  public func copyInPlace(from other: Tensor) throws {
    _ = try copyInto(self, other)
  }
}
