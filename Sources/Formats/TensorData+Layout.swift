extension TensorData {
  /// Takes bytes in another byte order or column-major; their number fits the shape.
  init(type: ElementType, shape: [Int], stored: [UInt8], isFortran: Bool, isBigEndian: Bool) {
    var bytes = isBigEndian ? StridedOrder.swapped(stored, elementSize: type.size) : stored
    if isFortran && shape.count > 1 && !bytes.isEmpty {
      let order = StridedOrder.fortran(shape)
      bytes = bytes.withUnsafeBytes { StridedOrder.gather($0, elementSize: type.size, order) }
    }
    self.init(type: type, shape: shape, bytes: bytes)
  }
}

extension ElementType {
  /// The type that NumPy calls `f8`, `i4`, `b1`, …, without a sign for the byte order.
  init?(numpyCode: String) {
    switch numpyCode {
    case "b1", "?": self = .bool
    case "i1": self = .int8
    case "i2": self = .int16
    case "i4": self = .int32
    case "i8": self = .int64
    case "u1": self = .uint8
    case "u2": self = .uint16
    case "u4": self = .uint32
    case "u8": self = .uint64
    case "f2": self = .float16
    case "f4": self = .float32
    case "f8": self = .float64
    default: return nil
    }
  }

  /// NumPy's code, or nil for `bfloat16`, which NumPy doesn't have.
  var numpyCode: String? {
    switch self {
    case .bool: "b1"
    case .int8: "i1"
    case .int16: "i2"
    case .int32: "i4"
    case .int64: "i8"
    case .uint8: "u1"
    case .uint16: "u2"
    case .uint32: "u4"
    case .uint64: "u8"
    case .float16: "f2"
    case .bfloat16: nil
    case .float32: "f4"
    case .float64: "f8"
    }
  }
}
