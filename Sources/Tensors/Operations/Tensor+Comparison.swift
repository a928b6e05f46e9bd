// Comparisons and choices, elementwise and broadcast. The operators start with a dot, so that `==`
// keeps its meaning of a single truth value.

private let equalsTensor = Operator("aten::eq.Tensor")
private let equalsScalar = Operator("aten::eq.Scalar")
private let differsTensor = Operator("aten::ne.Tensor")
private let differsScalar = Operator("aten::ne.Scalar")
private let lessTensor = Operator("aten::lt.Tensor")
private let lessScalar = Operator("aten::lt.Scalar")
private let lessOrEqualTensor = Operator("aten::le.Tensor")
private let lessOrEqualScalar = Operator("aten::le.Scalar")
private let greaterTensor = Operator("aten::gt.Tensor")
private let greaterScalar = Operator("aten::gt.Scalar")
private let greaterOrEqualTensor = Operator("aten::ge.Tensor")
private let greaterOrEqualScalar = Operator("aten::ge.Scalar")
private let both = Operator("aten::logical_and")
private let either = Operator("aten::logical_or")
private let chosen = Operator("aten::where.self")
private let masked = Operator("aten::masked_fill.Scalar")
private let picked = Operator("aten::masked_select")
private let positions = Operator("aten::nonzero")

extension Tensor {
  /// Where elements are equal.
  public static func .== (left: Tensor, right: Tensor) throws -> Tensor {
    try equalsTensor(left, right)
  }

  /// Where elements are equal.
  public static func .== (left: Tensor, right: some ScalarConvertible) throws -> Tensor {
    try equalsScalar(left, .scalar(right))
  }

  /// Where elements are different.
  public static func .!= (left: Tensor, right: Tensor) throws -> Tensor {
    try differsTensor(left, right)
  }

  /// Where elements are different.
  public static func .!= (left: Tensor, right: some ScalarConvertible) throws -> Tensor {
    try differsScalar(left, .scalar(right))
  }

  /// Where elements are less.
  public static func .< (left: Tensor, right: Tensor) throws -> Tensor {
    try lessTensor(left, right)
  }

  /// Where elements are less.
  public static func .< (left: Tensor, right: some ScalarConvertible) throws -> Tensor {
    try lessScalar(left, .scalar(right))
  }

  /// Where elements are less or equal.
  public static func .<= (left: Tensor, right: Tensor) throws -> Tensor {
    try lessOrEqualTensor(left, right)
  }

  /// Where elements are less or equal.
  public static func .<= (left: Tensor, right: some ScalarConvertible) throws -> Tensor {
    try lessOrEqualScalar(left, .scalar(right))
  }

  /// Where elements are greater.
  public static func .> (left: Tensor, right: Tensor) throws -> Tensor {
    try greaterTensor(left, right)
  }

  /// Where elements are greater.
  public static func .> (left: Tensor, right: some ScalarConvertible) throws -> Tensor {
    try greaterScalar(left, .scalar(right))
  }

  /// Where elements are greater or equal.
  public static func .>= (left: Tensor, right: Tensor) throws -> Tensor {
    try greaterOrEqualTensor(left, right)
  }

  /// Where elements are greater or equal.
  public static func .>= (left: Tensor, right: some ScalarConvertible) throws -> Tensor {
    try greaterOrEqualScalar(left, .scalar(right))
  }

  /// Where both are true.
  ///
  /// - Throws: ``TensorError`` for shapes that do not broadcast.
  public func and(_ other: Tensor) throws -> Tensor { try both(self, other) }

  /// Where one or both are true.
  ///
  /// - Throws: ``TensorError`` for shapes that do not broadcast.
  public func or(_ other: Tensor) throws -> Tensor { try either(self, other) }

  /// `self` where `condition` is true, `other` elsewhere.
  ///
  /// - Throws: ``TensorError`` for shapes that do not broadcast, or a condition that is not boolean.
  public func selected(where condition: Tensor, otherwise other: Tensor) throws -> Tensor {
    try chosen(.tensor(condition), .tensor(self), .tensor(other))
  }

  /// `value` where `mask` is true, `self` elsewhere.
  ///
  /// - Throws: ``TensorError`` for a mask that is not boolean or does not broadcast.
  public func filled(where mask: Tensor, with value: some ScalarConvertible) throws -> Tensor {
    try masked(self, mask, .scalar(value))
  }

  /// The elements where `mask` is true, in row-major order, along one dimension.
  ///
  /// - Throws: ``TensorError`` for a mask that is not boolean or does not broadcast.
  public func elements(where mask: Tensor) throws -> Tensor {
    try picked(self, mask)
  }

  /// The indices of what is not zero, one row each: [count, rank], int64.
  ///
  /// - Throws: ``TensorError`` where memory does not suffice.
  public func nonzero() throws -> Tensor { try positions(self) }
}
