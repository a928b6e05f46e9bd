/// Reads what `torch.save` writes: the ZIP container and the older run of pickles.
///
/// Nothing is executed; see `Pickle`. Tensors come out as `PickledValue.array`.
public enum TorchFile {
  private static let magic: [UInt8] = [
    0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19,
  ]

  /// Reads a `.pt` or `.pth` file.
  ///
  /// - Throws: `FormatError` with the member or the offset that is wrong.
  public static func read(path: String) throws(FormatError) -> PickledValue {
    try read(FileContent(path: path))
  }

  /// Reads a `.pt` or `.pth` file's content.
  ///
  /// - Throws: `FormatError` with the member or the offset that is wrong.
  public static func read(_ content: FileContent) throws(FormatError) -> PickledValue {
    content.starts(with: [0x50, 0x4B]) ? try readArchive(content) : try readPickles(content)
  }

  /// Reads the numbers of a `.pt` or `.pth` file that holds no tensors.
  ///
  /// - Returns: Its numbers; nil where it holds something else, which `read` tells.
  /// - Throws: `FormatError` with the member or the offset that is wrong.
  public static func numbers(path: String) throws(FormatError) -> PickledNumbers? {
    let content = try FileContent(path: path)
    guard content.starts(with: [0x50, 0x4B]) else { return nil }
    let (archive, pickle) = try archive(content)
    return try pickleSource(archive, pickle, content).withReader { (reader) throws(FormatError) in
      try Pickle.whole(&reader).numbers
    }
  }

  // MARK: - ZIP

  /// The checked archive with its pickle.
  private static func archive(
    _ content: FileContent
  ) throws(FormatError) -> (ZipArchive, pickle: ZipArchive.Member) {
    let archive = try ZipArchive(content)
    let pickle = archive.members.first { member in
      let parts = member.name.split(separator: "/", omittingEmptySubsequences: false)
      return parts.count == 2 && parts[1] == "data.pkl"
    }
    guard let pickle else {
      throw FormatError(file: content.name, found: "no member 'archive/data.pkl'")
    }
    let folder = pickle.name.dropLast("data.pkl".count)
    for member in archive.members {
      if !member.name.hasPrefix(folder) {
        throw FormatError(
          file: content.name, found: "member '\(member.name)' outside of '\(folder)'")
      }
      if member.isDeflated {
        throw FormatError(
          .unsupported, file: content.name, found: "member '\(member.name)' is deflated",
          expected: "only stored members, as torch.save writes them")
      }
    }
    if let order = archive[folder + "byteorder"],
      try archive.bytes(of: order) != Array("little".utf8)
    {
      throw FormatError(
        .unsupported, file: content.name, found: "big-endian numbers", expected: "little-endian")
    }
    if let version = archive[folder + "version"] { _ = try archive.bytes(of: version) }
    return (archive, pickle)
  }

  private static func pickleSource(
    _ archive: ZipArchive, _ pickle: ZipArchive.Member, _ content: FileContent
  ) throws(FormatError) -> FileContent {
    FileContent(try archive.bytes(of: pickle), name: "\(content.name)!\(pickle.name)")
  }

  private static func readArchive(_ content: FileContent) throws(FormatError) -> PickledValue {
    let (archive, pickle) = try archive(content)
    let folder = pickle.name.dropLast("data.pkl".count)
    let source = try pickleSource(archive, pickle, content)
    let storages = TorchStorages(file: content.name, budget: content.count)
    return try source.withReader { (reader) throws(FormatError) in
      let graph = try Pickle.whole(&reader)
      return try PickleTree.value(graph, file: source.name) { (tensor) throws(FormatError) in
        if storages[tensor.key] == nil {
          guard let member = archive["\(folder)data/\(tensor.key)"] else {
            throw FormatError(
              file: content.name, found: "no member '\(folder)data/\(tensor.key)'")
          }
          storages[tensor.key] = try archive.bytes(of: member)
        }
        return try storages.tensor(tensor)
      }
    }
  }

  // MARK: - Pickles in a row

  /// Magic number, version, system, object, storage keys; then each storage.
  private static func readPickles(_ content: FileContent) throws(FormatError) -> PickledValue {
    try content.withReader { (reader) throws(FormatError) in
      let magic = try value(&reader)
      guard magic == .longInteger(TorchFile.magic) else {
        throw reader.error(
          at: 0, found: "no PyTorch checkpoint", expected: "a ZIP archive or its magic number")
      }
      let start = reader.offset
      guard try value(&reader) == .int(1001) else {
        throw reader.error(.unsupported, at: start, found: "another version than 1001")
      }
      guard try value(&reader)["little_endian"] == .bool(true) else {
        throw reader.error(.unsupported, found: "big-endian numbers", expected: "little-endian")
      }
      let object = try PickleMachine.run(&reader)
      let keysOffset = reader.offset
      guard let list = try value(&reader).list else {
        throw reader.error(at: keysOffset, found: "no list of storages")
      }
      let references = try tensors(object, file: content.name)
      let storages = TorchStorages(file: content.name, budget: content.count)
      for item in list {
        guard let key = item.string, let type = references[key] else {
          throw reader.error(at: keysOffset, found: "a storage that no tensor uses")
        }
        let count = try reader.length("the length of storage '\(key)'")
        guard count <= reader.remaining / type.size else {
          throw reader.error(
            found: "storage '\(key)' of \(count) numbers where \(reader.remaining) bytes are left")
        }
        storages[key] = [UInt8](try reader.take(count * type.size, "storage '\(key)'"))
      }
      guard reader.isAtEnd else {
        throw reader.error(found: "\(reader.remaining) bytes after the last storage")
      }
      return try PickleTree.value(object, file: content.name) { (tensor) throws(FormatError) in
        try storages.tensor(tensor)
      }
    }
  }

  private static func value(_ reader: inout ByteReader) throws(FormatError) -> PickledValue {
    try PickleTree.value(PickleMachine.run(&reader), file: reader.file)
  }

  /// The element types of the storages that an object's tensors use.
  private static func tensors(
    _ graph: PickleGraph, file: String
  ) throws(FormatError) -> [String: ElementType] {
    var types: [String: ElementType] = [:]
    for case .tensor(let tensor) in graph.nodes {
      guard types.updateValue(tensor.type, forKey: tensor.key) ?? tensor.type == tensor.type else {
        throw FormatError(file: file, found: "storage '\(tensor.key)' of two types")
      }
    }
    return types
  }
}

/// The numbers behind a checkpoint's tensors.
private final class TorchStorages {
  private let file: String
  private var storages: [String: [UInt8]] = [:]
  /// Bytes that tensors may still copy: views that share a storage could ask for any amount.
  private var budget: Int

  init(file: String, budget: Int) {
    self.file = file
    self.budget = 1 << 25 + 4 * min(budget, Int.max / 8)
  }

  subscript(key: String) -> [UInt8]? {
    get { storages[key] }
    set { storages[key] = newValue }
  }

  func tensor(_ view: TensorReference) throws(FormatError) -> TensorData {
    func failure(_ found: String) -> FormatError {
      FormatError(file: file, found: "tensor of storage '\(view.key)': " + found)
    }
    guard let storage = storages[view.key] else { throw failure("there is no such storage") }
    let size = view.type.size
    let stored = storage.count / size
    guard view.storageCount == stored, storage.count == stored * size else {
      throw failure("\(view.storageCount) numbers announced, \(storage.count) bytes found")
    }
    guard let byteCount = TensorData.byteCount(view.type, view.shape), byteCount <= storage.count,
      view.shape.count == view.strides.count
    else { throw failure("shape \(view.shape), strides \(view.strides) of \(stored) numbers") }
    budget -= byteCount
    guard budget >= 0 else { throw failure("views that ask for far more than the file holds") }
    if byteCount == 0 { return TensorData(type: view.type, shape: view.shape, bytes: []) }
    guard let last = view.lastPosition, view.offset >= 0, last < stored else {
      throw failure(
        "shape \(view.shape), strides \(view.strides) from \(view.offset) leave its \(stored) "
          + "numbers")
    }
    if view.isRowMajor {
      let start = view.offset * size
      return TensorData(
        type: view.type, shape: view.shape, bytes: Array(storage[start..<start + byteCount]))
    }
    let positions = StridedOrder.positions(view.shape, view.strides, from: view.offset)
    let bytes = storage.withUnsafeBytes {
      StridedOrder.gather($0, elementSize: size, positions)
    }
    return TensorData(type: view.type, shape: view.shape, bytes: bytes)
  }
}

extension TensorReference {
  /// The highest position in storage, or nil for negative strides and overflow.
  fileprivate var lastPosition: Int? {
    var position = offset
    for (extent, stride) in zip(shape, strides) {
      let (reach, overflow) = (extent - 1).multipliedReportingOverflow(by: stride)
      let (sum, carry) = position.addingReportingOverflow(reach)
      guard stride >= 0 && !overflow && !carry else { return nil }
      position = sum
    }
    return position
  }

  fileprivate var isRowMajor: Bool {
    var step = 1
    for (extent, stride) in zip(shape, strides).reversed() {
      if extent != 1 && stride != step { return false }
      step *= extent
    }
    return true
  }
}
