/// A number beside a tensor, which keeps its kind: an integer times an integer tensor stays one.
public enum Scalar: Hashable, Sendable {
  case integer(Int)
  case real(Double)
  case boolean(Bool)

  /// The number as a double; a boolean is 0 or 1.
  public var double: Double {
    switch self {
    case .integer(let value): Double(value)
    case .real(let value): value
    case .boolean(let value): value ? 1 : 0
    }
  }
}

/// What can stand beside a tensor in arithmetic: `2 * x`, `x / deviation`.
public protocol ScalarConvertible: Sendable {
  var scalar: Scalar { get }
}

extension Scalar: ScalarConvertible {
  public var scalar: Scalar { self }
}

extension Int: ScalarConvertible {
  public var scalar: Scalar { .integer(self) }
}

extension Double: ScalarConvertible {
  public var scalar: Scalar { .real(self) }
}

extension Float: ScalarConvertible {
  public var scalar: Scalar { .real(Double(self)) }
}

extension Bool: ScalarConvertible {
  public var scalar: Scalar { .boolean(self) }
}
