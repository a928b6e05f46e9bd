internal import CTorchInterface
import Foundation

// Arguments as the library takes them over. None of these can throw, so that nothing is lost between
// the making of an argument and the call.

extension CTorchKind {
  @inline(__always)
  var kind: Int32 { Int32(rawValue) }
}

extension CTorchValue {
  static var none: CTorchValue { CTorchValue() }

  @inline(__always)
  private init(_ kind: CTorchKind, _ integer: Int64) {
    self.init()
    self.kind = kind.kind
    self.integer = integer
  }

  @inline(__always)
  static func tensor(_ value: Tensor) -> CTorchValue {
    var box = CTorchValue()
    box.kind = CTORCH_TENSOR.kind
    box.tensor = value.retained
    return box
  }

  /// Valid only while the tensor lives.
  @inline(__always)
  static func lent(_ value: Tensor) -> CTorchValue {
    var box = CTorchValue()
    box.kind = CTORCH_LENT_TENSOR.kind
    box.tensor = value.handle.pointer
    return box
  }

  @inline(__always)
  static func tensor(_ value: Tensor?) -> CTorchValue { value.map { .tensor($0) } ?? .none }

  @inline(__always)
  static func integer(_ value: Int) -> CTorchValue { CTorchValue(CTORCH_INTEGER, Int64(value)) }

  @inline(__always)
  static func integer(_ value: Int?) -> CTorchValue { value.map { .integer($0) } ?? .none }

  @inline(__always)
  static func boolean(_ value: Bool) -> CTorchValue { CTorchValue(CTORCH_BOOLEAN, value ? 1 : 0) }

  @inline(__always)
  static func real(_ value: Double) -> CTorchValue {
    var box = CTorchValue()
    box.kind = CTORCH_REAL.kind
    box.real = value
    return box
  }

  @inline(__always)
  static func scalar(_ value: some ScalarConvertible) -> CTorchValue {
    switch value.scalar {
    case .integer(let value): .integer(value)
    case .real(let value): .real(value)
    case .boolean(let value): .boolean(value)
    }
  }

  @inline(__always)
  static func scalar(_ value: (any ScalarConvertible)?) -> CTorchValue {
    value.map { .scalar($0.scalar) } ?? .none
  }

  static func dtype(_ value: DType) -> CTorchValue {
    CTorchValue(CTORCH_ELEMENT_TYPE, Int64(value.rawValue))
  }

  static func dtype(_ value: DType?) -> CTorchValue { value.map { .dtype($0) } ?? .none }

  static func device(_ value: Device) -> CTorchValue {
    CTorchValue(CTORCH_DEVICE, Int64(value.number))
  }

  static func generator(_ value: TorchGenerator) -> CTorchValue {
    var box = CTorchValue()
    box.kind = CTORCH_GENERATOR.kind
    box.generator = TorchLibrary.opened.pointee.retain_generator(value.pointer)
    return box
  }

  static func text(_ value: String) -> CTorchValue {
    var box = CTorchValue()
    box.kind = CTORCH_TEXT.kind
    box.text = strdup(value)
    return box
  }

  @inline(__always)
  static func integers(_ values: [Int]) -> CTorchValue {
    var box = CTorchValue()
    box.kind = CTORCH_INTEGERS.kind
    box.count = Int64(values.count)
    box.integers = allocated(values) { Int64($0) }
    return box
  }

  static func integers(_ values: [Int]?) -> CTorchValue { values.map { .integers($0) } ?? .none }

  static func reals(_ values: [Double]) -> CTorchValue {
    var box = CTorchValue()
    box.kind = CTORCH_REALS.kind
    box.count = Int64(values.count)
    box.reals = allocated(values) { $0 }
    return box
  }

  static func booleans(_ values: [Bool]) -> CTorchValue {
    var box = CTorchValue()
    box.kind = CTORCH_BOOLEANS.kind
    box.count = Int64(values.count)
    box.booleans = allocated(values) { $0 }
    return box
  }

  static func tensors(_ values: [Tensor?]) -> CTorchValue {
    var box = CTorchValue()
    box.kind = CTORCH_TENSORS.kind
    box.count = Int64(values.count)
    box.tensors = allocated(values) { $0?.retained }
    return box
  }

  /// The tensors of a result, whose list is freed.
  var takenTensors: [Tensor] {
    let list = UnsafeMutableBufferPointer(start: tensors, count: Int(count))
    defer { free(tensors) }
    return list.compactMap { $0.map { Tensor(taking: $0) } }
  }
}

/// Memory from malloc, which the library frees.
@inline(__always)
private func allocated<Value, Element>(
  _ values: [Value], _ element: (Value) -> Element
) -> UnsafeMutablePointer<Element>? {
  guard !values.isEmpty else { return nil }
  let size = values.count * MemoryLayout<Element>.stride
  let memory = malloc(size).unsafelyUnwrapped.bindMemory(to: Element.self, capacity: values.count)
  for (index, value) in values.enumerated() { (memory + index).initialize(to: element(value)) }
  return memory
}
