internal import CTorchInterface
import Foundation

/// An argument for ``Tensor/call(_:_:keywords:)``.
public enum OperatorArgument: Sendable {
  /// The schema's default.
  case absent
  case tensor(Tensor)
  /// A list of tensors, some of which may be absent.
  case tensors([Tensor?])
  case integer(Int)
  case integers([Int])
  case real(Double)
  case reals([Double])
  case boolean(Bool)
  case booleans([Bool])
  case text(String)
  case dtype(DType)
  case device(Device)
  case generator(TorchGenerator)

  var value: CTorchValue {
    switch self {
    case .absent: .none
    case .tensor(let value): .tensor(value)
    case .tensors(let values): .tensors(values)
    case .integer(let value): .integer(value)
    case .integers(let values): .integers(values)
    case .real(let value): .real(value)
    case .reals(let values): .reals(values)
    case .boolean(let value): .boolean(value)
    case .booleans(let values): .booleans(values)
    case .text(let value): .text(value)
    case .dtype(let value): .dtype(value)
    case .device(let value): .device(value)
    case .generator(let value): .generator(value)
    }
  }
}

/// What can be passed to ``Tensor/call(_:_:keywords:)`` as it is.
public protocol OperatorArgumentConvertible {
  var operatorArgument: OperatorArgument { get }
}

extension OperatorArgument: OperatorArgumentConvertible {
  public var operatorArgument: OperatorArgument { self }
}

extension Tensor: OperatorArgumentConvertible {
  public var operatorArgument: OperatorArgument { .tensor(self) }
}

extension Int: OperatorArgumentConvertible {
  public var operatorArgument: OperatorArgument { .integer(self) }
}

extension Double: OperatorArgumentConvertible {
  public var operatorArgument: OperatorArgument { .real(self) }
}

extension Bool: OperatorArgumentConvertible {
  public var operatorArgument: OperatorArgument { .boolean(self) }
}

extension String: OperatorArgumentConvertible {
  public var operatorArgument: OperatorArgument { .text(self) }
}

extension DType: OperatorArgumentConvertible {
  public var operatorArgument: OperatorArgument { .dtype(self) }
}

extension Device: OperatorArgumentConvertible {
  public var operatorArgument: OperatorArgument { .device(self) }
}

extension Optional: OperatorArgumentConvertible where Wrapped: OperatorArgumentConvertible {
  public var operatorArgument: OperatorArgument { self?.operatorArgument ?? .absent }
}

extension Array: OperatorArgumentConvertible where Element: OperatorArgumentConvertible {
  /// An empty list counts as one of integers, the only kind that operators take empty.
  public var operatorArgument: OperatorArgument {
    switch self {
    case let values as [Int]: .integers(values)
    case let values as [Double]: .reals(values)
    case let values as [Bool]: .booleans(values)
    case let values as [Tensor]: .tensors(values)
    case let values as [Tensor?]: .tensors(values)
    default: .absent
    }
  }
}

/// A result of ``Tensor/call(_:_:keywords:)``.
public enum OperatorResult: Sendable {
  /// No tensor, where an operator gives one only at times.
  case absent
  case tensor(Tensor)
  case tensors([Tensor])
  case integer(Int)
  case integers([Int])
  case real(Double)
  case reals([Double])
  case boolean(Bool)
  case text(String)
  case device(Device)

  init(taking value: CTorchValue) throws {
    switch value.kind {
    case CTORCH_NONE.kind: self = .absent
    case CTORCH_TENSOR.kind: self = .tensor(Tensor(taking: value.tensor))
    case CTORCH_TENSORS.kind: self = .tensors(value.takenTensors)
    case CTORCH_INTEGER.kind: self = .integer(Int(value.integer))
    case CTORCH_REAL.kind: self = .real(value.real)
    case CTORCH_BOOLEAN.kind: self = .boolean(value.integer != 0)
    case CTORCH_TEXT.kind: self = .text(taken(value.text))
    case CTORCH_DEVICE.kind: self = .device(Device(number: Int32(value.integer)))
    case CTORCH_INTEGERS.kind:
      defer { free(value.integers) }
      self = .integers((0..<Int(value.count)).map { Int(value.integers[$0]) })
    case CTORCH_REALS.kind:
      defer { free(value.reals) }
      self = .reals((0..<Int(value.count)).map { value.reals[$0] })
    default: throw TensorError(.unsupported, "the operator gave a result of an unknown kind")
    }
  }

  /// The tensors of the result: none, one or many.
  public var tensors: [Tensor] {
    switch self {
    case .tensor(let value): [value]
    case .tensors(let values): values
    default: []
    }
  }
}

extension Tensor {
  /// Calls any operator of LibTorch by its schema's name, overload included:
  /// `try Tensor.call("aten::logcumsumexp", x, 0)`.
  ///
  /// Arguments that are left out take the schema's defaults; ``schema(of:)`` shows them.
  ///
  /// - Parameters:
  ///   - name: As in LibTorch's `native_functions.yaml`, after `aten::`.
  ///   - arguments: By position.
  ///   - keywords: By name.
  /// - Returns: As many results as the schema has.
  /// - Throws: ``TensorError`` for a name that does not exist (with the overloads that do), for
  ///   arguments of wrong number or type, and for what the operator itself refuses.
  @discardableResult
  public static func call(
    _ name: String, _ arguments: any OperatorArgumentConvertible...,
    keywords: KeyValuePairs<String, any OperatorArgumentConvertible> = [:]
  ) throws -> [OperatorResult] {
    let found = Operator(name)
    // Positions first: nothing may throw once a value owns something.
    let positions = try keywords.map { keyword, _ in
      guard let position = try found.position(of: keyword) else {
        throw TensorError(
          .computation, "\(name) has no argument '\(keyword)': \(try found.schema)")
      }
      guard position >= arguments.count else {
        throw TensorError(.computation, "\(name) got its argument '\(keyword)' twice")
      }
      return position
    }
    var values = arguments.map { $0.operatorArgument.value }
    for (position, keyword) in zip(positions, keywords) {
      while values.count <= position { values.append(.none) }
      values[position] = keyword.value.operatorArgument.value
    }
    return try found.results(values).map { try OperatorResult(taking: $0) }
  }

  /// The schema of an operator: its arguments with types and defaults, and its results.
  ///
  /// - Parameter name: As for ``call(_:_:keywords:)``.
  /// - Returns: Such as `aten::relu(Tensor self) -> Tensor`.
  /// - Throws: ``TensorError`` for a name that does not exist.
  public static func schema(of name: String) throws -> String { try Operator(name).schema }
}
