/// A value of a specification, a parameter or a metric: what YAML and JSON have in common.
///
/// Integers and doubles are distinct, so that `1` and `1.0` stay what their author wrote.
public enum Value: Hashable, Sendable {
  case null
  case bool(Bool)
  case int(Int)
  case double(Double)
  case string(String)
  case list([Value])
  case map([String: Value])
}

extension Value {
  public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  public var string: String? { if case .string(let value) = self { value } else { nil } }
  public var list: [Value]? { if case .list(let value) = self { value } else { nil } }
  public var map: [String: Value]? { if case .map(let value) = self { value } else { nil } }

  /// The integer, also where it was written as a double without a fraction.
  public var int: Int? {
    switch self {
    case .int(let value): value
    case .double(let value): Int(exactly: value)
    default: nil
    }
  }

  /// The number as a double; the strings `NaN`, `Infinity` and `-Infinity` count as numbers, since
  /// JSON has no other way to carry them.
  public var double: Double? {
    switch self {
    case .int(let value): Double(value)
    case .double(let value): value
    case .string("NaN"): .nan
    case .string("Infinity"): .infinity
    case .string("-Infinity"): -.infinity
    default: nil
    }
  }

  public var isNull: Bool { self == .null }

  /// The member of a map, or nil where this is no map or has no such member.
  public subscript(key: String) -> Value? { map?[key] }

  /// The value at a dotted path such as `train.lr`, or nil where a step is missing.
  public func value(at path: some StringProtocol) -> Value? {
    var current = self
    for step in path.split(separator: ".", omittingEmptySubsequences: false) {
      guard let next = current[String(step)] else { return nil }
      current = next
    }
    return current
  }

  /// What a person would call this value's type.
  public var typeName: String {
    switch self {
    case .null: "null"
    case .bool: "boolean"
    case .int: "integer"
    case .double: "number"
    case .string: "string"
    case .list: "list"
    case .map: "map"
    }
  }

  /// The value as it reads inside a text: strings bare, everything else as JSON.
  public var text: String { string ?? json() }
}

extension Value: ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByFloatLiteral,
  ExpressibleByStringLiteral, ExpressibleByStringInterpolation, ExpressibleByArrayLiteral,
  ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(integerLiteral value: Int) { self = .int(value) }
  public init(floatLiteral value: Double) { self = .double(value) }
  public init(stringLiteral value: String) { self = .string(value) }
  public init(arrayLiteral elements: Value...) { self = .list(elements) }
  public init(dictionaryLiteral elements: (String, Value)...) {
    self = .map(Dictionary(elements, uniquingKeysWith: { _, last in last }))
  }
  public init(nilLiteral: ()) { self = .null }
}
