internal import CTorchInterface
public import Formats
import Foundation

// Numbers that go in and come out.

private let toType = Operator("aten::to.dtype")
private let toDevice = Operator("aten::to.device")
private let contiguous = Operator("aten::contiguous")
private let cloned = Operator("aten::clone")
private let equal = Operator("aten::equal")
private let closeTo = Operator("aten::allclose")

extension Tensor {
  /// A new tensor whose memory `fill` writes.
  static func filled(
    _ shape: [Int], _ dtype: DType, _ fill: (UnsafeMutableRawBufferPointer) -> Void
  ) throws -> Tensor {
    let functions = try TorchLibrary.functions()
    guard let type = dtype.elementType else {
      throw TensorError(.unsupported, "no numbers here are of type \(dtype)")
    }
    guard let byteCount = TensorData.byteCount(type, shape) else {
      throw TensorError(.mismatch, "\(shape) is no shape: an extent is negative or too large")
    }
    var bytes: UnsafeMutableRawPointer?
    let sizes = shape.map { Int64($0) }
    let made = try checked { message in
      functions.pointee.make(
        sizes, Int64(sizes.count), dtype.rawValue, Device.cpu.number, &bytes, message)
    }
    if byteCount > 0 { fill(UnsafeMutableRawBufferPointer(start: bytes, count: byteCount)) }
    return Tensor(taking: made)
  }

  private static func holding<Element>(
    _ values: [Element], _ shape: [Int]?, _ dtype: DType
  ) throws -> Tensor {
    let shape = shape ?? [values.count]
    guard let type = dtype.elementType,
      TensorData.byteCount(type, shape) == values.count * type.size
    else {
      throw TensorError(.mismatch, "\(values.count) numbers do not fill the shape \(shape)")
    }
    return try values.withUnsafeBytes { source in
      try filled(shape, dtype) { $0.copyMemory(from: source) }
    }
  }

  /// Takes numbers in row-major order.
  ///
  /// - Parameters:
  ///   - values: As many as the shape has elements.
  ///   - shape: One dimension unless given.
  /// - Throws: ``TensorError`` where the count does not fit the shape.
  public init(_ values: [Float], shape: [Int]? = nil) throws {
    self = try .holding(values, shape, .float32)
  }

  /// Takes numbers in row-major order, as float64 unless another type is named.
  ///
  /// - Parameters:
  ///   - values: As many as the shape has elements.
  ///   - shape: One dimension unless given.
  ///   - dtype: What to round them to.
  /// - Throws: ``TensorError`` where the count does not fit the shape.
  public init(_ values: [Double], shape: [Int]? = nil, dtype: DType = .float64) throws {
    self = try .holding(values, shape, .float64).to(dtype)
  }

  /// Takes integers in row-major order, as int64 unless another type is named.
  ///
  /// - Parameters:
  ///   - values: As many as the shape has elements.
  ///   - shape: One dimension unless given.
  ///   - dtype: What to convert them to.
  /// - Throws: ``TensorError`` where the count does not fit the shape.
  public init(_ values: [Int], shape: [Int]? = nil, dtype: DType = .int64) throws {
    self = try .holding(values, shape, .int64).to(dtype)
  }

  /// Takes truth values in row-major order.
  ///
  /// - Parameters:
  ///   - values: As many as the shape has elements.
  ///   - shape: One dimension unless given.
  /// - Throws: ``TensorError`` where the count does not fit the shape.
  public init(_ values: [Bool], shape: [Int]? = nil) throws {
    self = try .holding(values, shape, .bool)
  }

  /// Takes bytes in row-major order.
  ///
  /// - Parameters:
  ///   - values: As many as the shape has elements.
  ///   - shape: One dimension unless given.
  /// - Throws: ``TensorError`` where the count does not fit the shape.
  public init(_ values: [UInt8], shape: [Int]? = nil) throws {
    self = try .holding(values, shape, .uint8)
  }

  /// A tensor of no dimensions: float64 for a real number, int64 for an integer, bool for a boolean,
  /// unless another type is named.
  ///
  /// - Throws: ``TensorError`` where LibTorch cannot be opened.
  public init(_ number: some ScalarConvertible, dtype: DType? = nil) throws {
    switch number.scalar {
    case .integer(let value): self = try Tensor([value], shape: [], dtype: dtype ?? .int64)
    case .real(let value): self = try Tensor([value], shape: [], dtype: dtype ?? .float64)
    case .boolean(let value): self = try Tensor([value], shape: []).to(dtype ?? .bool)
    }
  }

  /// Takes what a file holds, bit by bit.
  ///
  /// - Throws: ``TensorError`` for types that LibTorch lacks.
  public init(_ data: TensorData) throws {
    self = try Tensor.filled(data.shape, DType(data.type)) { $0.copyBytes(from: data.bytes) }
  }

  // MARK: Out

  /// The elements as they would stand in a file, bit by bit.
  ///
  /// - Throws: ``TensorError`` for complex numbers and other types that files here do not hold.
  public func data() throws -> TensorData {
    let dtype = dtype
    guard let type = dtype.elementType else {
      throw TensorError(.unsupported, "numbers of type \(dtype) have no place in files")
    }
    return try withBytes { TensorData(type: type, shape: shape, bytes: Array($0)) }
  }

  /// Lends the elements' memory: row-major, on the CPU, copied first where they lie otherwise.
  func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result {
    let dense = try (device == .cpu ? self : to(.cpu)).contiguous()
    return try withExtendedLifetime(dense.handle) {
      let size = dense.dtype.elementType?.size ?? 0
      return try body(
        UnsafeRawBufferPointer(
          start: TorchLibrary.opened.pointee.bytes(dense.handle.pointer), count: dense.count * size)
      )
    }
  }

  private func elements<Element>(_ dtype: DType, _: Element.Type) throws -> [Element] {
    // LibTorch would convert complex numbers by leaving out their imaginary parts.
    guard self.dtype.elementType != nil else {
      throw TensorError(.unsupported, "numbers of type \(self.dtype) are no real numbers")
    }
    return try to(dtype).withBytes { bytes in Array(bytes.bindMemory(to: Element.self)) }
  }

  /// The elements in row-major order, rounded where they are wider.
  ///
  /// - Throws: ``TensorError`` for complex numbers.
  public func floats() throws -> [Float] { try elements(.float32, Float.self) }

  /// The elements in row-major order.
  ///
  /// - Throws: ``TensorError`` for complex numbers.
  public func doubles() throws -> [Double] { try elements(.float64, Double.self) }

  /// The elements in row-major order, cut off where they are real.
  ///
  /// - Throws: ``TensorError`` for complex numbers.
  public func integers() throws -> [Int] { try elements(.int64, Int.self) }

  /// The elements in row-major order; all but zero is true.
  ///
  /// - Throws: ``TensorError`` for complex numbers.
  public func booleans() throws -> [Bool] { try elements(.bool, UInt8.self).map { $0 != 0 } }

  private func one<Element>(_ elements: [Element]) throws -> Element {
    guard let element = elements.first, elements.count == 1 else {
      throw TensorError(.mismatch, "\(dtype)\(shape) is not one number")
    }
    return element
  }

  /// The only element.
  ///
  /// - Throws: ``TensorError`` where there is not exactly one.
  public func double() throws -> Double { try one(try doubles()) }

  /// The only element, cut off where it is real.
  ///
  /// - Throws: ``TensorError`` where there is not exactly one.
  public func integer() throws -> Int { try one(try integers()) }

  /// The only element; all but zero is true.
  ///
  /// - Throws: ``TensorError`` where there is not exactly one.
  public func boolean() throws -> Bool { try one(try booleans()) }

  // MARK: Types, devices, copies

  /// The elements converted, or the same tensor where they are of that type.
  ///
  /// - Throws: ``TensorError`` for types that LibTorch does not convert.
  public func to(_ dtype: DType) throws -> Tensor {
    self.dtype == dtype ? self : try toType(self, .dtype(dtype))
  }

  /// The same elements on a device.
  ///
  /// - Throws: ``TensorError`` where the device is not there.
  public func to(_ device: Device) throws -> Tensor {
    guard self.device != device else { return self }
    return try toDevice(.tensor(self), .device(device), .dtype(dtype))
  }

  /// The same elements one after the other in memory, or the same tensor where they are so.
  ///
  /// - Throws: ``TensorError`` where memory does not suffice.
  public func contiguous() throws -> Tensor {
    isContiguous ? self : try Tensors.contiguous(self)
  }

  /// The same elements in memory of their own.
  ///
  /// - Throws: ``TensorError`` where memory does not suffice.
  public func copy() throws -> Tensor { try cloned(self) }

  // MARK: Comparison as a whole

  /// Whether shapes and elements are equal; not-a-number equals nothing.
  ///
  /// - Throws: ``TensorError`` for tensors of different types or devices.
  public func isEqual(to other: Tensor) throws -> Bool {
    guard shape == other.shape else { return false }
    return try equal.results([.tensor(self), .tensor(other)])[0].integer != 0
  }

  /// Whether |self - other| ≤ absolute + relative · |other| holds for every element.
  ///
  /// - Throws: ``TensorError`` for shapes that do not fit each other.
  public func isClose(
    to other: Tensor, relative: Double = 1e-5, absolute: Double = 1e-8
  ) throws -> Bool {
    try closeTo.results([.tensor(self), .tensor(other), .real(relative), .real(absolute)])[0]
      .integer != 0
  }
}
