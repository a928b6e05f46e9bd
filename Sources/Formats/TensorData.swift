/// The type of a tensor's elements.
public enum ElementType: String, Hashable, Sendable, CaseIterable {
  case bool, int8, int16, int32, int64, uint8, uint16, uint32, uint64
  case float16, bfloat16, float32, float64

  /// Bytes per element.
  public var size: Int {
    switch self {
    case .bool, .int8, .uint8: 1
    case .int16, .uint16, .float16, .bfloat16: 2
    case .int32, .uint32, .float32: 4
    case .int64, .uint64, .float64: 8
    }
  }

  public var isFloatingPoint: Bool {
    switch self {
    case .float16, .bfloat16, .float32, .float64: true
    default: false
    }
  }
}

/// A dense array as files hold it: row-major, little-endian bytes with a type and a shape.
///
/// The bytes are in memory, or stay in a file and are read when they are asked for.
public struct TensorData: Hashable, Sendable {
  public let type: ElementType
  /// Extents, outermost first; empty for a single number.
  public let shape: [Int]
  private let content: Content

  private enum Content: Sendable {
    case memory([UInt8])
    case file(FileContent, Range<Int>)
  }

  /// Takes row-major, little-endian bytes, whose number must fit the shape.
  public init(type: ElementType, shape: [Int], bytes: [UInt8]) {
    precondition(
      TensorData.byteCount(type, shape) == bytes.count,
      "\(bytes.count) bytes for shape \(shape) of \(type)")
    self.type = type
    self.shape = shape
    content = .memory(bytes)
  }

  /// Takes row-major, little-endian bytes that stay in a file; their number must fit the shape.
  public init(type: ElementType, shape: [Int], in file: FileContent, at place: Range<Int>) {
    precondition(
      TensorData.byteCount(type, shape) == place.count && place.lowerBound >= 0
        && place.upperBound <= file.count,
      "bytes \(place) of \(file.count) for shape \(shape) of \(type)")
    self.type = type
    self.shape = shape
    content = .file(file, place)
  }

  /// `count * type.size` bytes; those of a file are copied each time.
  public var bytes: [UInt8] {
    switch content {
    case .memory(let bytes): bytes
    case .file: withBytes { [UInt8]($0) }
    }
  }

  /// Lends the bytes to a closure; they must not escape from it.
  public func withBytes<Value, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    switch content {
    case .memory(let bytes):
      let result = bytes.withUnsafeBytes { (bytes) -> Result<Value, Failure> in
        do throws(Failure) {
          return .success(try body(bytes))
        } catch {
          return .failure(error)
        }
      }
      return try result.get()
    case .file(let file, let place):
      return try file.withBytes { (bytes) throws(Failure) in
        try body(UnsafeRawBufferPointer(rebasing: bytes[place]))
      }
    }
  }

  /// Where the bytes are in their file; nil where they are in memory.
  public var place: Range<Int>? {
    guard case .file(_, let place) = content else { return nil }
    return place
  }

  /// Gives back the memory that reading from a file took; the bytes are read again when they are asked
  /// for.
  public func release() {
    if case .file(let file, let place) = content { file.release(place) }
  }

  public static func == (first: TensorData, second: TensorData) -> Bool {
    first.type == second.type && first.shape == second.shape
      && first.withBytes { first in second.withBytes { first.elementsEqual($0) } }
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(type)
    hasher.combine(shape)
    withBytes { hasher.combine(bytes: $0) }
  }

  /// Takes numbers, whose count must fit the shape.
  public init(_ floats: [Float], shape: [Int]) {
    self.init(type: .float32, shape: shape, bytes: floats.withUnsafeBytes { Array($0) })
  }

  /// Takes numbers, whose count must fit the shape.
  public init(_ doubles: [Double], shape: [Int]) {
    self.init(type: .float64, shape: shape, bytes: doubles.withUnsafeBytes { Array($0) })
  }

  /// Takes numbers, whose count must fit the shape.
  public init(_ integers: [Int], shape: [Int]) {
    self.init(type: .int64, shape: shape, bytes: integers.withUnsafeBytes { Array($0) })
  }

  /// The number of elements.
  public var count: Int { shape.reduce(1, *) }

  /// The bytes that a shape needs, or nil where an extent is negative or the product overflows.
  public static func byteCount(_ type: ElementType, _ shape: [Int]) -> Int? {
    var product = type.size
    // A zero extent hides no overflow of the others, as strides are computed from those too.
    for extent in shape where extent != 0 {
      let (next, overflow) = product.multipliedReportingOverflow(by: extent)
      guard extent > 0 && !overflow else { return nil }
      product = next
    }
    return shape.contains(0) ? 0 : product
  }

  /// The elements as doubles, row-major; integers beyond 2^53 are rounded.
  public func doubles() -> [Double] { withBytes { ElementType.doubles(type, $0) } }

  /// The elements as floats, row-major, rounded where they are wider.
  public func floats() -> [Float] {
    withBytes { buffer in
      switch type {
      case .float32: map(buffer, UInt32.self) { Float(bitPattern: $0) }
      case .float64: map(buffer, UInt64.self) { Float(Double(bitPattern: $0)) }
      case .uint8: buffer.map { Float($0) }
      case .float16: map(buffer, UInt16.self) { Float(halfBits: $0) }
      case .bfloat16: map(buffer, UInt16.self) { Float(bitPattern: UInt32($0) << 16) }
      default: ElementType.doubles(type, buffer).map { Float($0) }
      }
    }
  }

  /// The elements as integers, row-major, or nil where one is fractional or doesn't fit.
  public func integers() -> [Int]? {
    withBytes { buffer in
      switch type {
      case .bool, .uint8: buffer.map { Int($0) }
      case .int8: map(buffer, Int8.self) { Int($0) }
      case .int16: map(buffer, Int16.self) { Int($0) }
      case .int32: map(buffer, Int32.self) { Int($0) }
      case .int64: map(buffer, Int64.self) { Int($0) }
      case .uint16: map(buffer, UInt16.self) { Int($0) }
      case .uint32: map(buffer, UInt32.self) { Int($0) }
      case .uint64: exact(map(buffer, UInt64.self) { Int(exactly: $0) })
      case .float16, .bfloat16, .float32, .float64:
        exact(ElementType.doubles(type, buffer).map { Int(exactly: $0) })
      }
    }
  }

  private func exact(_ numbers: [Int?]) -> [Int]? {
    let found = numbers.compactMap { $0 }
    return found.count == numbers.count ? found : nil
  }
}

extension ElementType {
  /// The numbers that row-major, little-endian bytes hold; a rest shorter than an element is
  /// ignored.
  public static func doubles(_ type: ElementType, _ buffer: UnsafeRawBufferPointer) -> [Double] {
    switch type {
    case .bool, .uint8: buffer.map { Double($0) }
    case .int8: map(buffer, Int8.self) { Double($0) }
    case .int16: map(buffer, Int16.self) { Double($0) }
    case .int32: map(buffer, Int32.self) { Double($0) }
    case .int64: map(buffer, Int64.self) { Double($0) }
    case .uint16: map(buffer, UInt16.self) { Double($0) }
    case .uint32: map(buffer, UInt32.self) { Double($0) }
    case .uint64: map(buffer, UInt64.self) { Double($0) }
    case .float16: map(buffer, UInt16.self) { Double(Float(halfBits: $0)) }
    case .bfloat16: map(buffer, UInt16.self) { Double(Float(bitPattern: UInt32($0) << 16)) }
    case .float32: map(buffer, UInt32.self) { Double(Float(bitPattern: $0)) }
    case .float64: map(buffer, UInt64.self) { Double(bitPattern: $0) }
    }
  }
}

@inline(__always)
private func map<Bits: FixedWidthInteger, Number>(
  _ buffer: UnsafeRawBufferPointer, _ type: Bits.Type, _ convert: (Bits) -> Number
) -> [Number] {
  let size = MemoryLayout<Bits>.size
  let count = buffer.count / size
  return [Number](unsafeUninitializedCapacity: count) { numbers, initialized in
    for index in 0..<count {
      let bits = buffer.loadUnaligned(fromByteOffset: index * size, as: Bits.self)
      numbers.initializeElement(at: index, to: convert(Bits(littleEndian: bits)))
    }
    initialized = count
  }
}

extension Float {
  /// Widens an IEEE 754 binary16, without the type `Float16`, which not all platforms have.
  init(halfBits bits: UInt16) {
    let sign = UInt32(bits & 0x8000) << 16
    let exponent = UInt32(bits >> 10 & 0x1F)
    let fraction = UInt32(bits & 0x3FF)
    switch exponent {
    case 0:
      let magnitude = Float(fraction) * 0x1p-24
      self = sign == 0 ? magnitude : -magnitude
    case 31: self = Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
    default: self = Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
    }
  }
}
