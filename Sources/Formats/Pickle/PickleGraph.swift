/// What lies on a pickle's stack: small things by value, everything that is mutable, shared or
/// nested by its number in the graph, so that no depth of nesting can exhaust the call stack.
enum PickleItem {
  case none
  case bool(Bool)
  case int(Int)
  case longInteger([UInt8])
  case double(Double)
  case text(String)
  case bytes([UInt8])
  /// A Python 2 string: bytes or text, as its use will show.
  case rawString([UInt8])
  case scalar(NumpyScalar)
  case global(PickleGlobal)
  case node(Int)
}

/// A NumPy type as a pickle describes it; the byte order comes later than the rest.
struct PickledType {
  /// Nil for Python objects.
  var type: ElementType?
  var isBigEndian = false
}

struct PickledInstance {
  var type: String
  var arguments: [PickleItem]
  var state: PickleItem?
}

enum PickleNode {
  case list([PickleItem])
  /// A list of floats that was written at once.
  case numbers([Double])
  case tuple([PickleItem])
  /// Keys and values in turn.
  case dict([PickleItem])
  case type(PickledType)
  case emptyArray
  case array(TensorData)
  case objectArray(shape: [Int], isFortran: Bool, elements: PickleItem)
  /// The arguments of a persistent id.
  case persistent(PickleItem)
  case tensor(TensorReference)
  case instance(PickledInstance)
  /// Stands in for a node while its content is being changed in place.
  case taken
}

extension PickleNode {
  /// The elements of a list.
  var items: [PickleItem]? {
    switch self {
    case .list(let items): items
    case .numbers(let numbers): numbers.map { .double($0) }
    default: nil
    }
  }
}

/// What a pickle built: numbered objects, one of which is the result.
struct PickleGraph {
  var nodes: [PickleNode]
  var root: PickleItem
}

/// Turns the graph that a pickle built into a tree of values.
struct PickleTree {
  /// Gives a tensor's numbers.
  typealias Tensors = (TensorReference) throws(FormatError) -> TensorData

  private let nodes: [PickleNode]
  private let file: String
  private let tensors: Tensors?
  private var done: [PickledValue?]
  /// How many values each node holds when written out as a tree.
  private var sizes: [Int]
  private var isOpen: [Bool]

  private static let depthLimit = 200
  // A few shared references can describe exponentially many values; no real table comes near.
  private static let sizeLimit = 50_000_000

  private init(_ nodes: [PickleNode], file: String, tensors: Tensors?) {
    self.nodes = nodes
    self.file = file
    self.tensors = tensors
    done = Array(repeating: nil, count: nodes.count)
    sizes = Array(repeating: 1, count: nodes.count)
    isOpen = Array(repeating: false, count: nodes.count)
  }

  /// The result as a tree; tensors stay references where nothing gives their numbers.
  static func value(
    _ graph: PickleGraph, file: String, tensors: Tensors? = nil
  ) throws(FormatError) -> PickledValue {
    var tree = PickleTree(graph.nodes, file: file, tensors: tensors)
    return try tree.value(graph.root, depth: 0)
  }

  private mutating func value(_ item: PickleItem, depth: Int) throws(FormatError) -> PickledValue {
    switch item {
    case .none: .none
    case .bool(let flag): .bool(flag)
    case .int(let number): .int(number)
    case .longInteger(let bytes): .longInteger(bytes)
    case .double(let number): .double(number)
    case .text(let text): .string(text)
    case .bytes(let bytes): .bytes(bytes)
    case .rawString(let bytes):
      String(validating: bytes, as: UTF8.self).map { .string($0) } ?? .bytes(bytes)
    case .scalar(let scalar): .scalar(scalar)
    case .global(let global): .global(global.name)
    case .node(let index): try node(index, depth: depth)
    }
  }

  private mutating func node(_ index: Int, depth: Int) throws(FormatError) -> PickledValue {
    if let value = done[index] { return value }
    guard !isOpen[index] else {
      throw FormatError(.unsupported, file: file, found: "an object that contains itself")
    }
    guard depth < PickleTree.depthLimit else {
      throw FormatError(
        .limit, file: file, found: "objects nested deeper than \(PickleTree.depthLimit) levels")
    }
    isOpen[index] = true
    defer { isOpen[index] = false }
    let value = try convert(index, depth: depth + 1)
    done[index] = value
    return value
  }

  private mutating func convert(_ index: Int, depth: Int) throws(FormatError) -> PickledValue {
    switch nodes[index] {
    case .list(let items): return .list(try values(items, of: index, depth: depth))
    case .numbers(let numbers):
      return .list(try values(numbers.map { .double($0) }, of: index, depth: depth))
    case .tuple(let items): return .tuple(try values(items, of: index, depth: depth))
    case .dict(let items):
      let flat = try values(items, of: index, depth: depth)
      return .dict(
        stride(from: 0, to: flat.count - 1, by: 2).map { PickledPair(flat[$0], flat[$0 + 1]) })
    case .array(let array): return .array(array)
    case .tensor(let tensor):
      guard let tensors else { return .tensor(tensor) }
      return .array(try tensors(tensor))
    case .objectArray(let shape, let isFortran, let elements):
      return try objects(shape, isFortran, elements, of: index, depth: depth)
    case .instance(let instance):
      let parts = instance.arguments + (instance.state.map { [$0] } ?? [])
      let flat = try values(parts, of: index, depth: depth)
      return .object(
        PickledObject(
          type: instance.type, arguments: Array(flat.prefix(instance.arguments.count)),
          state: instance.state == nil ? nil : flat.last))
    case .type: return .global("numpy dtype")
    case .emptyArray: throw malformed("a NumPy array without its content")
    case .persistent: throw malformed("a storage outside of a tensor")
    case .taken: throw malformed("an object that is used while it is built")
    }
  }

  private func malformed(_ found: String) -> FormatError { FormatError(file: file, found: found) }

  private mutating func values(
    _ items: [PickleItem], of index: Int, depth: Int
  ) throws(FormatError) -> [PickledValue] {
    var values: [PickledValue] = []
    values.reserveCapacity(items.count)
    var size = 1
    for item in items {
      values.append(try value(item, depth: depth))
      if case .node(let child) = item { size += sizes[child] } else { size += 1 }
      guard size <= PickleTree.sizeLimit else {
        throw FormatError(
          .limit, file: file,
          found: "shared references that stand for over "
            + "\(PickleTree.sizeLimit) values")
      }
    }
    sizes[index] = size
    return values
  }

  private mutating func objects(
    _ shape: [Int], _ isFortran: Bool, _ item: PickleItem, of index: Int, depth: Int
  ) throws(FormatError) -> PickledValue {
    guard case .node(let list) = item, let items = nodes[list].items else {
      throw malformed("an array of objects without a list of them")
    }
    // The element size is irrelevant: one byte each counts the elements.
    guard TensorData.byteCount(.uint8, shape) == items.count else {
      throw malformed("\(items.count) objects for an array of shape \(shape)")
    }
    let elements = try values(items, of: index, depth: depth)
    guard isFortran && shape.count > 1 else {
      return .objectArray(shape: shape, elements: elements)
    }
    let order = StridedOrder.fortran(shape)
    return .objectArray(shape: shape, elements: order.map { elements[$0] })
  }
}
