public import Formats

/// The type of a tensor's elements.
public enum DType: Int32, Hashable, Sendable, CaseIterable, CustomStringConvertible {
  // The raw values are the library's own numbers (c10/core/ScalarType.h).
  case uint8 = 0
  case int8 = 1
  case int16 = 2
  case int32 = 3
  case int64 = 4
  case float16 = 5
  case float32 = 6
  case float64 = 7
  case complex64 = 9
  case complex128 = 10
  case bool = 11
  case bfloat16 = 15
  /// A type that only ``Tensor/call(_:_:keywords:)`` makes, such as a quantised one.
  case other = -1

  /// Takes the type of numbers in a file.
  ///
  /// - Throws: ``TensorError`` for unsigned numbers of 16 bits and more, which LibTorch lacks.
  public init(_ type: ElementType) throws {
    switch type {
    case .bool: self = .bool
    case .int8: self = .int8
    case .int16: self = .int16
    case .int32: self = .int32
    case .int64: self = .int64
    case .uint8: self = .uint8
    case .float16: self = .float16
    case .bfloat16: self = .bfloat16
    case .float32: self = .float32
    case .float64: self = .float64
    case .uint16, .uint32, .uint64:
      throw TensorError(.unsupported, "LibTorch has no type \(type); convert to int64 first")
    }
  }

  /// The counterpart in files, where there is one.
  public var elementType: ElementType? {
    switch self {
    case .bool: .bool
    case .int8: .int8
    case .int16: .int16
    case .int32: .int32
    case .int64: .int64
    case .uint8: .uint8
    case .float16: .float16
    case .bfloat16: .bfloat16
    case .float32: .float32
    case .float64: .float64
    case .complex64, .complex128, .other: nil
    }
  }

  public var isFloatingPoint: Bool {
    switch self {
    case .float16, .bfloat16, .float32, .float64: true
    default: false
    }
  }

  public var description: String {
    elementType?.rawValue
      ?? (self == .complex64 ? "complex64" : self == .complex128 ? "complex128" : "other")
  }
}
