/// Executes the harmless part of a pickle: it builds containers and numbers and calls nothing.
struct PickleMachine {
  private var reader: ByteReader
  private var stack: [PickleItem] = []
  private var marks: [Int] = []
  private var memo: [PickleItem?] = []
  private var nodes: [PickleNode] = []
  private var opcodeOffset = 0
  private var opcode = PickleOpcode.proto
  /// Bytes that may still be copied out of strings and arrays: a few references to one long string
  /// could ask for terabytes.
  private var copyBudget: Int
  private var mayBeCut = false
  private var cut: (range: Range<Int>, length: Int)?

  init(_ reader: ByteReader) {
    self.reader = reader
    copyBudget = 1 << 25 + 12 * min(reader.count, Int.max / 16)
  }

  /// Reads one pickle, up to its STOP, and leaves the reader behind it.
  static func run(_ reader: inout ByteReader) throws(FormatError) -> PickleGraph {
    var machine = PickleMachine(reader)
    let root = try machine.run()
    reader = machine.reader
    return PickleGraph(nodes: machine.nodes, root: root)
  }

  /// Reads a pickle up to a Python 2 string that the file's end cuts off.
  ///
  /// - Returns: What lies on the stack before that string, as one list, and the string's bytes with
  ///   the length it should have; nil for both where the pickle is whole.
  static func runToCut(
    _ reader: inout ByteReader
  ) throws(FormatError) -> (graph: PickleGraph, cut: (range: Range<Int>, length: Int)?) {
    var machine = PickleMachine(reader)
    machine.mayBeCut = true
    let root = try machine.run()
    reader = machine.reader
    return (PickleGraph(nodes: machine.nodes, root: root), machine.cut)
  }

  private mutating func run() throws(FormatError) -> PickleItem {
    while true {
      opcodeOffset = reader.offset
      let byte = try reader.byte("the opcode STOP")
      guard let next = PickleOpcode(rawValue: byte) else {
        throw failure(
          .refused, "opcode \(PickleOpcode.name(of: byte)), which no supported table uses")
      }
      opcode = next
      if next == .stop { break }
      if mayBeCut && next == .binString, let length = cutLength {
        cut = (reader.offset + 4..<reader.count, length)
        // The array that the string belongs to will never be complete.
        for index in nodes.indices {
          if case .emptyArray = nodes[index] { nodes[index] = .list([]) }
        }
        nodes.append(.list(stack))
        return .node(nodes.count - 1)
      }
      try execute()
    }
    let item = try pop()
    guard stack.isEmpty && marks.isEmpty else {
      throw failure(.malformed, "STOP with \(stack.count) more objects on the stack")
    }
    return item
  }

  /// The length of the string that comes next, where the file ends before it does.
  private var cutLength: Int? {
    var ahead = reader
    guard let length = try? ahead.little(UInt32.self, "a length"), length > ahead.remaining else {
      return nil
    }
    return Int(length)
  }

  private func failure(_ found: String, expected: String = "") -> FormatError {
    failure(.malformed, found, expected: expected)
  }

  private func failure(
    _ code: FormatError.Code, _ found: String, expected: String = ""
  ) -> FormatError {
    reader.error(code, at: opcodeOffset, found: found, expected: expected)
  }

  // MARK: - Opcodes

  private mutating func execute() throws(FormatError) {
    switch opcode {
    case .proto, .frame: try header()
    case .stop: break
    case .mark: if try !takeNumbers() { marks.append(stack.count) }
    case .emptyList: push(.list([]))
    case .emptyDict: push(.dict([]))
    case .emptyTuple: push(.tuple([]))
    case .tuple: push(.tuple(try popToMark()))
    case .tuple1: push(.tuple(try pop(1)))
    case .tuple2: push(.tuple(try pop(2)))
    case .tuple3: push(.tuple(try pop(3)))
    case .none: stack.append(.none)
    case .newTrue: stack.append(.bool(true))
    case .newFalse: stack.append(.bool(false))
    case .binInt, .binInt1, .binInt2, .long1, .binFloat: try number()
    case .binUnicode, .shortBinUnicode, .binBytes, .shortBinBytes, .binString, .shortBinString:
      try string()
    case .global, .stackGlobal: try global()
    case .reduce: try reduce()
    case .build: try build()
    case .newObj: try newObject()
    case .append: try append([try pop()])
    case .appends: try append(try popToMark())
    case .setItem: try set(try pop(2))
    case .setItems: try set(try popToMark())
    case .binGet, .longBinGet, .binPut, .longBinPut, .memoize: try memory()
    case .binPersID: push(.persistent(try pop()))
    }
  }

  private mutating func header() throws(FormatError) {
    if opcode == .proto {
      let version = try reader.byte("the protocol's number")
      guard (2...5).contains(version) else {
        throw failure(.unsupported, "pickle protocol \(version)", expected: "2 to 5")
      }
    } else {
      let length = try reader.length("the length of a FRAME")
      guard length <= reader.remaining else {
        throw failure(
          "a FRAME of \(length) bytes where \(reader.remaining) are left: the file is cut off")
      }
    }
  }

  private mutating func number() throws(FormatError) {
    switch opcode {
    case .binInt: stack.append(.int(Int(try reader.little(Int32.self, opcode.name))))
    case .binInt1: stack.append(.int(Int(try reader.byte(opcode.name))))
    case .binInt2: stack.append(.int(Int(try reader.little(UInt16.self, opcode.name))))
    case .binFloat:
      stack.append(.double(Double(bitPattern: try reader.big(UInt64.self, opcode.name))))
    default:
      let count = Int(try reader.byte("the length of a LONG1"))
      let bytes = [UInt8](try reader.take(count, "a LONG1"))
      guard count <= 8 else { return stack.append(.longInteger(bytes)) }
      let isNegative = (bytes.last ?? 0) >= 0x80
      let bits = bytes.reversed().reduce(isNegative ? UInt64.max : 0) { $0 << 8 | UInt64($1) }
      stack.append(.int(Int(Int64(bitPattern: bits))))
    }
  }

  private mutating func string() throws(FormatError) {
    let count =
      switch opcode {
      case .shortBinUnicode, .shortBinBytes, .shortBinString:
        Int(try reader.byte("the length of a \(opcode.name)"))
      default: Int(try reader.little(UInt32.self, "the length of a \(opcode.name)"))
      }
    switch opcode {
    case .binUnicode, .shortBinUnicode:
      stack.append(.text(try reader.text(count, "a \(opcode.name)")))
    case .binBytes, .shortBinBytes:
      stack.append(.bytes([UInt8](try reader.take(count, "a \(opcode.name)"))))
    default: stack.append(.rawString([UInt8](try reader.take(count, "a \(opcode.name)"))))
    }
  }

  private mutating func memory() throws(FormatError) {
    switch opcode {
    case .memoize: memo.append(try top())
    case .binPut: try remember(at: Int(try reader.byte("a memo index")))
    case .longBinPut: try remember(at: Int(try reader.little(UInt32.self, "a memo index")))
    case .binGet: try recall(Int(try reader.byte("a memo index")))
    default: try recall(Int(try reader.little(UInt32.self, "a memo index")))
    }
  }

  private mutating func remember(at index: Int) throws(FormatError) {
    // Picklers number on without gaps; one that starts at 1 is known.
    // Each entry takes an opcode that makes an object and one that stores it.
    guard index <= min(memo.count + 1024, reader.offset / 2) else {
      throw failure("\(opcode.name) to memo index \(index)", expected: "at most \(memo.count)")
    }
    while memo.count <= index { memo.append(nil) }
    memo[index] = try top()
  }

  private mutating func recall(_ index: Int) throws(FormatError) {
    guard index < memo.count, let item = memo[index] else {
      throw failure("\(opcode.name) of memo index \(index), which was never set")
    }
    stack.append(item)
  }

  // MARK: - The stack

  private mutating func push(_ node: PickleNode) {
    nodes.append(node)
    stack.append(.node(nodes.count - 1))
  }

  private func underflow() -> FormatError {
    failure("\(opcode.name) needs more objects than are on the stack")
  }

  private func top() throws(FormatError) -> PickleItem {
    guard stack.count > (marks.last ?? 0), let item = stack.last else { throw underflow() }
    return item
  }

  private mutating func pop() throws(FormatError) -> PickleItem {
    let item = try top()
    stack.removeLast()
    return item
  }

  private mutating func pop(_ count: Int) throws(FormatError) -> [PickleItem] {
    guard stack.count - (marks.last ?? 0) >= count else { throw underflow() }
    defer { stack.removeLast(count) }
    return Array(stack.suffix(count))
  }

  private mutating func popToMark() throws(FormatError) -> [PickleItem] {
    guard let mark = marks.popLast() else {
      throw failure("\(opcode.name) without a MARK on the stack")
    }
    defer { stack.removeSubrange(mark...) }
    return Array(stack[mark...])
  }

  // MARK: - Containers

  private mutating func append(_ items: [PickleItem]) throws(FormatError) {
    guard case .node(let index) = try top(), var list = nodes[index].items else {
      throw failure("\(opcode.name) to an object that is no list")
    }
    // The node lets go of its array, or every batch would copy all that came before.
    nodes[index] = .taken
    list.append(contentsOf: items)
    nodes[index] = .list(list)
  }

  /// Takes floats behind a MARK that all go to a list at once, as most tables are written; else
  /// leaves them where they are.
  private mutating func takeNumbers() throws(FormatError) -> Bool {
    let bytes = reader.bytes
    var end = reader.offset
    while end + 9 < bytes.count, bytes[end] == PickleOpcode.binFloat.rawValue { end += 9 }
    guard end > reader.offset, bytes[end] == PickleOpcode.appends.rawValue,
      stack.count > marks.last ?? 0, case .node(let index)? = stack.last
    else { return false }
    var numbers: [Double]
    switch nodes[index] {
    case .list(let items) where items.isEmpty: numbers = []
    case .numbers(let known): numbers = known
    default: return false
    }
    nodes[index] = .taken
    for start in stride(from: reader.offset + 1, to: end, by: 9) {
      let bits = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: start, as: UInt64.self))
      numbers.append(Double(bitPattern: bits))
    }
    nodes[index] = .numbers(numbers)
    _ = try reader.take(end + 1 - reader.offset, "a list")
    return true
  }

  private mutating func set(_ items: [PickleItem]) throws(FormatError) {
    guard case .node(let index) = try top(), case .dict(var pairs) = nodes[index] else {
      throw failure("\(opcode.name) to an object that is no dictionary")
    }
    guard items.count.isMultiple(of: 2) else {
      throw failure("\(opcode.name) with a key that has no value")
    }
    nodes[index] = .taken
    pairs.append(contentsOf: items)
    nodes[index] = .dict(pairs)
  }

  // MARK: - Globals

  private mutating func global() throws(FormatError) {
    let module: String
    let name: String
    if opcode == .global {
      module = try line()
      name = try line()
    } else {
      let parts = try pop(2)
      guard case .text(let first) = parts[0], case .text(let second) = parts[1] else {
        throw failure("STACK_GLOBAL without a module's and an object's name")
      }
      module = first
      name = second
    }
    guard let global = PickleGlobal.named(module: module, name: name) else {
      throw failure(
        .refused,
        "\(opcode.name) asks for '\(module) \(name)', which is not on the list of "
          + "harmless names")
    }
    stack.append(.global(global))
  }

  private mutating func line() throws(FormatError) -> String {
    var length = 0
    let limit = min(reader.remaining, 256)
    while length < limit && reader.bytes[reader.offset + length] != UInt8(ascii: "\n") {
      length += 1
    }
    guard length < limit else { throw failure("GLOBAL with a name that does not end") }
    let text = try reader.text(length, "a GLOBAL")
    _ = try reader.byte("the end of a GLOBAL")
    return text
  }

  private mutating func newObject() throws(FormatError) {
    let parts = try pop(2)
    guard case .global(.opaque(let name)) = parts[0], let arguments = elements(parts[1]) else {
      throw failure(.refused, "NEWOBJ of \(describe(parts[0]))", expected: "a pandas class")
    }
    push(.instance(PickledInstance(type: name, arguments: arguments)))
  }

  /// The elements of a tuple.
  private func elements(_ item: PickleItem) -> [PickleItem]? {
    guard case .node(let index) = item, case .tuple(let items) = nodes[index] else { return nil }
    return items
  }

  private func describe(_ item: PickleItem) -> String {
    if case .global(let global) = item { return "'\(global.name)'" }
    return "an object that is no class or function"
  }

  private mutating func reduce() throws(FormatError) {
    let parts = try pop(2)
    guard case .global(let global) = parts[0] else {
      throw failure(.refused, "REDUCE of \(describe(parts[0]))")
    }
    guard let arguments = elements(parts[1]) else {
      throw failure("REDUCE of '\(global.name)' without a tuple of arguments")
    }
    switch global {
    case .scalar: stack.append(.scalar(try scalar(arguments)))
    case .reconstruct: try reconstruct(arguments)
    case .dtype: push(.type(try dtype(arguments)))
    case .encode: stack.append(.bytes(try encode(arguments)))
    case .orderedDict: try orderedDictionary(arguments)
    case .rebuildTensor: push(.tensor(try tensor(arguments)))
    case .opaque(let name): push(.instance(PickledInstance(type: name, arguments: arguments)))
    case .ndarray, .storage: throw failure(.refused, "REDUCE of '\(global.name)'")
    }
  }

  private func wrong(_ global: PickleGlobal, expected: String) -> FormatError {
    failure("'\(global.name)' with other arguments than usual", expected: expected)
  }

  private mutating func reconstruct(_ arguments: [PickleItem]) throws(FormatError) {
    guard case .global(.ndarray)? = arguments.first else {
      throw wrong(.reconstruct, expected: "(ndarray, (0,), b'b')")
    }
    push(.emptyArray)
  }

  private mutating func orderedDictionary(_ arguments: [PickleItem]) throws(FormatError) {
    guard arguments.isEmpty else { throw wrong(.orderedDict, expected: "none") }
    push(.dict([]))
  }

  /// `_codecs.encode(text, 'latin1')`: how protocol 2 writes bytes, one code point for each.
  private mutating func encode(_ arguments: [PickleItem]) throws(FormatError) -> [UInt8] {
    guard arguments.count == 2, case .text(let text) = arguments[0],
      case .text(let encoding) = arguments[1], encoding == "latin1" || encoding == "latin-1"
    else { throw wrong(.encode, expected: "(text, 'latin1')") }
    try spend(text.utf8.count)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars {
      guard let byte = UInt8(exactly: scalar.value) else {
        throw failure("code point \(scalar.value) in a latin1 string", expected: "0 to 255")
      }
      bytes.append(byte)
    }
    return bytes
  }

  private mutating func spend(_ bytes: Int) throws(FormatError) {
    copyBudget -= bytes
    guard copyBudget >= 0 else {
      throw failure(.limit, "references that ask for far more memory than the file is long")
    }
  }
}

// MARK: - NumPy and PyTorch

extension PickleMachine {
  /// `dtype('f8', False, True)`; Python 2 wrote 0 and 1 for the flags.
  private func dtype(_ arguments: [PickleItem]) throws(FormatError) -> PickledType {
    guard let first = arguments.first, let name = name(first) else {
      throw wrong(.dtype, expected: "('f8', False, True)")
    }
    switch name {
    case "O8", "O4", "O": return PickledType(type: nil)
    default:
      guard let type = ElementType(numpyCode: name) else {
        throw failure(
          .unsupported, "NumPy type '\(name)'", expected: "b1, i1-i8, u1-u8, f2-f8 or O8")
      }
      return PickledType(type: type)
    }
  }

  private func name(_ item: PickleItem) -> String? {
    switch item {
    case .text(let text): text
    case .rawString(let bytes): String(validating: bytes, as: UTF8.self)
    default: nil
    }
  }

  private func content(_ item: PickleItem) -> [UInt8]? {
    switch item {
    case .bytes(let bytes), .rawString(let bytes): bytes
    default: nil
    }
  }

  private func type(_ item: PickleItem) -> PickledType? {
    guard case .node(let index) = item, case .type(let type) = nodes[index] else { return nil }
    return type
  }

  private func scalar(_ arguments: [PickleItem]) throws(FormatError) -> NumpyScalar {
    guard arguments.count == 2, let dtype = type(arguments[0]), let type = dtype.type,
      let bytes = content(arguments[1]), bytes.count == type.size
    else { throw wrong(.scalar, expected: "(dtype, its bytes)") }
    let ordered = dtype.isBigEndian ? bytes : bytes.reversed()
    return NumpyScalar(type: type, bits: ordered.reduce(0) { $0 << 8 | UInt64($1) })
  }

  private mutating func build() throws(FormatError) {
    let state = try pop()
    guard case .node(let index) = try top() else {
      throw failure(.refused, "BUILD of an object that has no state")
    }
    switch nodes[index] {
    case .type(var type):
      // (3, '<', None, None, None, -1, -1, 0)
      guard let parts = elements(state), parts.count >= 2, let order = name(parts[1]),
        ["<", "|", "=", ">"].contains(order)
      else { throw wrong(.dtype, expected: "the state (3, '<', None, None, None, -1, -1, 0)") }
      type.isBigEndian = order == ">"
      nodes[index] = .type(type)
    case .emptyArray: nodes[index] = try array(state)
    case .instance(var instance):
      instance.state = state
      nodes[index] = .instance(instance)
    // Attributes of an OrderedDict, such as a state dict's `_metadata`, carry no values.
    case .dict: break
    default: throw failure(.refused, "BUILD of an object that has no state")
    }
  }

  /// `(1, shape, dtype, isFortran, data)`.
  private mutating func array(_ state: PickleItem) throws(FormatError) -> PickleNode {
    let form = "the state (1, shape, dtype, isFortran, data)"
    guard let parts = elements(state), parts.count == 5, let shape = integers(parts[1]),
      let dtype = type(parts[2])
    else { throw wrong(.reconstruct, expected: form) }
    let isFortran =
      switch parts[3] {
      case .bool(true), .int(1): true
      default: false
      }
    guard let type = dtype.type else {
      return .objectArray(shape: shape, isFortran: isFortran, elements: parts[4])
    }
    guard let data = content(parts[4]) else { throw wrong(.reconstruct, expected: form) }
    guard let count = TensorData.byteCount(type, shape), count == data.count else {
      throw failure("\(data.count) bytes for an array of \(type) with shape \(shape)")
    }
    if isFortran || dtype.isBigEndian { try spend(count * 9) }
    return .array(
      TensorData(
        type: type, shape: shape, stored: data, isFortran: isFortran,
        isBigEndian: dtype.isBigEndian))
  }

  private func integers(_ item: PickleItem) -> [Int]? {
    guard let items = elements(item), items.count <= 32 else { return nil }
    var numbers: [Int] = []
    for case .int(let number) in items { numbers.append(number) }
    return numbers.count == items.count ? numbers : nil
  }

  /// `_rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, hooks)`, where the storage
  /// is the persistent id `('storage', type, key, location, count[, view])`.
  private func tensor(_ arguments: [PickleItem]) throws(FormatError) -> TensorReference {
    guard arguments.count >= 4, case .node(let index) = arguments[0],
      case .persistent(let id) = nodes[index], let storage = elements(id), storage.count >= 5,
      name(storage[0]) == "storage", case .global(.storage(let type)) = storage[1],
      let key = name(storage[2]), case .int(let count) = storage[4],
      case .int(let offset) = arguments[1], let shape = integers(arguments[2]),
      let strides = integers(arguments[3])
    else {
      throw wrong(.rebuildTensor, expected: "(storage, offset, shape, strides, …)")
    }
    return TensorReference(
      type: type, key: key, storageCount: count, offset: offset, shape: shape, strides: strides)
  }
}
