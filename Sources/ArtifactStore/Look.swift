import ContentHashing
import Foundation

/// A file or folder as the file system shows it, with nothing read.
struct Look: Sendable {
  struct File: Sendable {
    var path: String
    var facts: FileFacts
  }

  struct Folder: Sendable {
    var path: String
    var facts: FileFacts
    /// Sorted by the names' UTF-8 bytes.
    var entries: [Entry]
    /// The digest of all that the file system says about what is in it, at any depth: equal stamps
    /// mean that nothing changed.
    var stamp: Digest
  }

  struct Entry: Sendable {
    var name: String
    var kind: Kind
    /// Bytes.
    var size: Int

    indirect enum Kind: Sendable {
      /// An index of `files`.
      case file(Int, isExecutable: Bool)
      case folder(Folder)
      /// The target.
      case link(String)
    }
  }

  /// All files, in the order of the walk.
  private(set) var files: [File] = []
  /// Nil for a single file.
  private(set) var folder: Folder?
  /// Bytes.
  private(set) var size = 0
  /// When the youngest file or link changed, in nanoseconds since 1970.
  private(set) var newest = Int64.min
  private let root: String

  init(at path: String) throws(StoreError) {
    root = path
    let facts = try FileFacts(of: path, followingLinks: true)
    switch facts.type {
    case .file:
      files = [File(path: path, facts: facts)]
      size = facts.size
      newest = max(facts.modified, facts.changed)
    case .folder: folder = try look(into: path, facts)
    default: throw Look.noContent(path)
    }
  }

  private static func noContent(_ path: String) -> StoreError {
    StoreError(
      .input, "'\(path)' is neither a file nor a folder, so it can be neither artifact nor input")
  }

  private mutating func look(into path: String, _ facts: FileFacts) throws(StoreError) -> Folder {
    guard let handle = opendir(path) else { throw .system("reading", path) }
    defer { closedir(handle) }
    let names = try Look.names(in: handle, path)
    let descriptor = dirfd(handle)
    var entries: [Entry] = []
    entries.reserveCapacity(names.count)
    var stamp: [UInt8] = []
    stamp.reserveCapacity(names.count * 80)
    for name in names {
      var info = stat()
      let entryPath = "\(path)/\(name)"
      guard fstatat(descriptor, name, &info, AT_SYMLINK_NOFOLLOW) == 0 else {
        throw .system("reading", entryPath)
      }
      let facts = FileFacts(info)
      if facts.type != .folder { newest = max(newest, facts.modified, facts.changed) }
      var entry = Entry(name: name, kind: .link(""), size: 0)
      switch facts.type {
      case .file:
        entry.kind = .file(files.count, isExecutable: facts.isExecutable)
        entry.size = facts.size
        size += facts.size
        files.append(File(path: entryPath, facts: facts))
      case .folder:
        let inner = try look(into: entryPath, facts)
        entry.kind = .folder(inner)
        entry.size = inner.entries.reduce(0) { $0 + $1.size }
        stamp += inner.stamp.bytes
      case .link: entry.kind = .link(try linkTarget(entryPath, inside: root))
      default: throw Look.noContent(entryPath)
      }
      facts.append(to: &stamp)
      stamp.append(contentsOf: name.utf8)
      stamp.append(0)
      entries.append(entry)
    }
    return Folder(path: path, facts: facts, entries: entries, stamp: .of(stamp))
  }

  /// The names in a folder, sorted by their bytes.
  private static func names(in folder: OpaquePointer, _ path: String) throws(StoreError) -> [String]
  {
    var names: [String] = []
    var isASCII = true
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(validatingCString: $0) }
      }
      guard let name else {
        throw StoreError(.input, "the folder '\(path)' holds a name that is not valid UTF-8")
      }
      if name == "." || name == ".." { continue }
      isASCII = isASCII && name.utf8.allSatisfy { $0 < 0x80 }
      names.append(name)
    }
    // For ASCII the order of texts is that of bytes, and much the faster one.
    return isASCII
      ? names.sorted() : names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }
}

extension FileFacts {
  /// Appends all that must be equal for a file to count as unchanged.
  fileprivate func append(to bytes: inout [UInt8]) {
    let kind: UInt64 =
      switch type {
      case .file: isExecutable ? 1 : 0
      case .folder: 2
      case .link: 3
      case .other: 4
      }
    var numbers: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (kind, 0, 0, 0, 0, 0)
    // A folder's own times say nothing about its content: a file may have come and gone again.
    if type != .folder {
      numbers = (
        kind, device, inode, UInt64(size), UInt64(bitPattern: modified), UInt64(bitPattern: changed)
      )
    }
    withUnsafeBytes(of: numbers) { bytes.append(contentsOf: $0) }
  }
}

/// A link's target, which must stay inside the artifact.
private func linkTarget(_ path: String, inside root: String) throws(StoreError) -> String {
  guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: path) else {
    throw .system("reading the link", path)
  }
  var depth = path.dropFirst(root.count).split(separator: "/").count - 1
  var leaves = target.hasPrefix("/")
  for step in target.split(separator: "/") where step != "." {
    depth += step == ".." ? -1 : 1
    if depth < 0 { leaves = true }
  }
  guard !leaves else {
    throw StoreError(
      .input, "the link '\(path)' leaves its folder (to '\(target)'); copy the file instead")
  }
  return target
}
