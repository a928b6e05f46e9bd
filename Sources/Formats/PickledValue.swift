/// What a pickle holds, as plain data: nothing in it was ever called or executed.
public enum PickledValue: Hashable, Sendable {
  case none
  case bool(Bool)
  case int(Int)
  /// An integer beyond 64 bits: two's complement, least significant byte first.
  case longInteger([UInt8])
  case double(Double)
  case string(String)
  /// Bytes, or a Python 2 string that isn't UTF-8.
  case bytes([UInt8])
  case list([PickledValue])
  case tuple([PickledValue])
  /// Pairs in the order of insertion; also an `OrderedDict`.
  case dict([PickledPair])
  case scalar(NumpyScalar)
  /// A NumPy array of numbers or, when read through `TorchFile`, a tensor.
  case array(TensorData)
  /// A NumPy array of Python objects, row-major.
  case objectArray(shape: [Int], elements: [PickledValue])
  /// A tensor whose numbers stand elsewhere; `TorchFile` replaces it by `array`.
  case tensor(TensorReference)
  /// A class or function that is named, such as `numpy ndarray`.
  case global(String)
  /// An instance of an allowed class that has no form of its own here, such as a `DataFrame`.
  indirect case object(PickledObject)
}

/// A key of a dictionary with its value.
public struct PickledPair: Hashable, Sendable {
  public var key: PickledValue
  public var value: PickledValue

  public init(_ key: PickledValue, _ value: PickledValue) {
    self.key = key
    self.value = value
  }
}

/// An object that a pickle describes, taken apart.
public struct PickledObject: Hashable, Sendable {
  /// Module and name, such as `pandas.core.frame DataFrame`.
  public var type: String
  public var arguments: [PickledValue]
  public var state: PickledValue?

  public init(type: String, arguments: [PickledValue] = [], state: PickledValue? = nil) {
    self.type = type
    self.arguments = arguments
    self.state = state
  }
}

/// A NumPy number together with its type.
public struct NumpyScalar: Hashable, Sendable {
  public var type: ElementType
  /// The number's own bits, zero-extended.
  public var bits: UInt64

  public init(type: ElementType, bits: UInt64) {
    self.type = type
    self.bits = bits
  }

  public var double: Double {
    withUnsafeBytes(of: bits.littleEndian) {
      ElementType.doubles(type, UnsafeRawBufferPointer(rebasing: $0[..<type.size]))[0]
    }
  }

  /// The number as an integer, or nil where it is fractional or doesn't fit.
  public var int: Int? {
    switch type {
    case .int64: Int(Int64(bitPattern: bits))
    case .uint64: Int(exactly: bits)
    default: Int(exactly: double)
    }
  }
}

/// A PyTorch tensor as its checkpoint describes it: a view of a storage.
public struct TensorReference: Hashable, Sendable {
  public var type: ElementType
  /// The storage's name in the checkpoint.
  public var key: String
  /// The storage's length in elements.
  public var storageCount: Int
  /// The first element, counted in elements.
  public var offset: Int
  public var shape: [Int]
  /// Steps between neighbours along each dimension, in elements.
  public var strides: [Int]

  public init(
    type: ElementType, key: String, storageCount: Int, offset: Int, shape: [Int], strides: [Int]
  ) {
    self.type = type
    self.key = key
    self.storageCount = storageCount
    self.offset = offset
    self.shape = shape
    self.strides = strides
  }
}

extension PickledValue {
  /// The number as a double, from an integer, a double, a boolean or a NumPy scalar.
  public var double: Double? {
    switch self {
    case .double(let number): number
    case .int(let number): Double(number)
    case .bool(let flag): flag ? 1 : 0
    case .scalar(let scalar): scalar.double
    default: nil
    }
  }

  /// The number as an integer, from an integer, a boolean or a whole double or NumPy scalar.
  public var int: Int? {
    switch self {
    case .int(let number): number
    case .double(let number): Int(exactly: number)
    case .bool(let flag): flag ? 1 : 0
    case .scalar(let scalar): scalar.int
    default: nil
    }
  }

  public var string: String? { if case .string(let text) = self { text } else { nil } }

  /// The elements of a list or a tuple.
  public var list: [PickledValue]? {
    switch self {
    case .list(let elements), .tuple(let elements): elements
    default: nil
    }
  }

  public var pairs: [PickledPair]? { if case .dict(let pairs) = self { pairs } else { nil } }

  public var array: TensorData? { if case .array(let array) = self { array } else { nil } }

  public var object: PickledObject? { if case .object(let object) = self { object } else { nil } }

  /// The value of a dictionary's string key; the last one where a key repeats, as in Python.
  public subscript(key: String) -> PickledValue? {
    pairs?.last { $0.key == .string(key) }?.value
  }

  /// The numbers of a list, a tuple or an array, or nil where an element is no number.
  public var doubles: [Double]? {
    if case .array(let array) = self { return array.doubles() }
    guard let list else { return nil }
    var numbers: [Double] = []
    numbers.reserveCapacity(list.count)
    for element in list {
      guard let number = element.double else { return nil }
      numbers.append(number)
    }
    return numbers
  }

  /// What a person would call this value's type.
  public var typeName: String {
    switch self {
    case .none: "None"
    case .bool: "bool"
    case .int, .longInteger: "int"
    case .double: "float"
    case .string: "str"
    case .bytes: "bytes"
    case .list: "list"
    case .tuple: "tuple"
    case .dict: "dict"
    case .scalar(let scalar): "numpy.\(scalar.type)"
    case .array(let array): "array of \(array.type)"
    case .objectArray: "array of objects"
    case .tensor(let tensor): "tensor of \(tensor.type)"
    case .global(let name): "global '\(name)'"
    case .object(let object): "object '\(object.type)'"
    }
  }
}
