public import ContentHashing
import Foundation
import StructuredValue

/// Content that the store holds: a file's bytes or a folder's tree.
public struct StoredContent: Hashable, Sendable {
  public var digest: Digest
  public var isTree: Bool
  /// Bytes; for a folder the sum of its files.
  public var size: Int

  public init(digest: Digest, isTree: Bool, size: Int) {
    self.digest = digest
    self.isTree = isTree
    self.size = size
  }
}

/// An entry of a folder.
public struct TreeEntry: Hashable, Sendable {
  public var name: String
  public var kind: Kind
  /// Bytes.
  public var size: Int

  public enum Kind: Hashable, Sendable {
    case file(Digest, isExecutable: Bool)
    case folder(Digest)
    /// A relative link that stays inside the artifact.
    case link(String)
  }
}

/// A folder's canonical list, as it lies in `tree/`: a JSON line per entry, sorted by the names'
/// UTF-8 bytes, so that a person can read it and equal folders give equal bytes.
enum TreeListing {
  static func text(_ entries: [TreeEntry]) -> String {
    let sorted = entries.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    var text = "tree/v1\n"
    // The same bytes as `Value.json()` with its sorted keys, without building a map for each line.
    for entry in sorted {
      text += "{"
      switch entry.kind {
      case .file(let digest, let isExecutable):
        if isExecutable { text += "\"executable\":true," }
        text += "\"file\":\"\(digest.hex)\",\"name\":"
        Value.quote(entry.name, to: &text)
      case .folder(let digest):
        text += "\"folder\":\"\(digest.hex)\",\"name\":"
        Value.quote(entry.name, to: &text)
      case .link(let target):
        text += "\"link\":"
        Value.quote(target, to: &text)
        text += ",\"name\":"
        Value.quote(entry.name, to: &text)
      }
      text += ",\"size\":\(entry.size)}\n"
    }
    return text
  }

  static func read(_ bytes: [UInt8]) -> [TreeEntry]? {
    let lines = bytes.split(separator: UInt8(ascii: "\n"))
    guard let first = lines.first, Array(first) == Array("tree/v1".utf8) else { return nil }
    var entries: [TreeEntry] = []
    entries.reserveCapacity(lines.count - 1)
    for line in lines.dropFirst() {
      guard let value = try? Value(json: Array(line)), let name = value["name"]?.string,
        let size = value["size"]?.int, isPlain(name)
      else { return nil }
      if let digest = value["file"]?.string.flatMap({ Digest($0) }) {
        let isExecutable = value["executable"]?.bool ?? false
        entries.append(
          TreeEntry(name: name, kind: .file(digest, isExecutable: isExecutable), size: size))
      } else if let digest = value["folder"]?.string.flatMap({ Digest($0) }) {
        entries.append(TreeEntry(name: name, kind: .folder(digest), size: size))
      } else if let target = value["link"]?.string {
        entries.append(TreeEntry(name: name, kind: .link(target), size: size))
      } else {
        return nil
      }
    }
    return entries
  }

  /// A name that stays in its folder when it is written out again.
  static func isPlain(_ name: String) -> Bool {
    !name.isEmpty && name != "." && name != ".." && !name.contains("/") && !name.contains("\0")
  }
}
