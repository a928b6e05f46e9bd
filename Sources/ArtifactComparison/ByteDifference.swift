public import ContentHashing
public import Formats
import StructuredValue

#if canImport(Glibc)
  import Glibc
#endif

/// How two files differ as mere bytes.
public struct ByteDifference: Hashable, Sendable {
  public var oldSize: ContentSize?
  public var newSize: ContentSize?
  /// Nil for folders and for what can't be read.
  public var oldDigest: Digest?
  public var newDigest: Digest?
  /// The first offset at which the bytes differ: the shorter file's length where it is a prefix.
  public var firstOffset: Int?
  private var oldByte: String = ""
  private var newByte: String = ""
  private var problem: String?

  /// Compares two files in pieces of memory-mapped pages; nil where they are equal.
  public init?(old: FileContent, new: FileContent) {
    guard let offset = ByteDifference.firstOffset(old, new) else { return nil }
    self.init(old: old, new: new, firstOffset: offset)
  }

  init(old: FileContent, new: FileContent, firstOffset offset: Int) {
    firstOffset = offset
    oldSize = ContentSize(bytes: old.count, files: 1, isFolder: false)
    newSize = ContentSize(bytes: new.count, files: 1, isFolder: false)
    oldDigest = old.withBytes { Digest.of($0) }
    newDigest = new.withBytes { Digest.of($0) }
    oldByte = ByteDifference.byte(old, at: offset)
    newByte = ByteDifference.byte(new, at: offset)
  }

  /// A file on one side and a folder on the other.
  init(oldSize: ContentSize, newSize: ContentSize) {
    self.oldSize = oldSize
    self.newSize = newSize
  }

  init(unreadable reason: String) { problem = reason }

  static func firstOffset(_ old: FileContent, _ new: FileContent) -> Int? {
    let count = min(old.count, new.count)
    let step = 1 << 20
    return old.withBytes { old in
      new.withBytes { new in
        for start in stride(from: 0, to: count, by: step) {
          let length = min(step, count - start)
          guard let one = old.baseAddress, let two = new.baseAddress,
            memcmp(one + start, two + start, length) != 0
          else { continue }
          return (start..<start + length).first { old[$0] != new[$0] }
        }
        return old.count == new.count ? nil : count
      }
    }
  }

  private static func byte(_ content: FileContent, at offset: Int) -> String {
    content.withBytes { bytes in
      guard offset < bytes.count else { return "the end" }
      let hex = String(bytes[offset], radix: 16)
      return "0x" + (hex.count < 2 ? "0" : "") + hex
    }
  }

  var lines: [String] {
    if let problem { return [problem] }
    var lines: [String] = []
    if let oldSize, let newSize { lines.append("size: \(oldSize) → \(newSize)") }
    if let oldDigest, let newDigest {
      lines.append("sha256: \(oldDigest.short) → \(newDigest.short)")
    }
    if let first { lines.append("first difference: \(first)") }
    return lines
  }

  var value: Value {
    var value: [String: Value] = [:]
    if let oldSize { value["oldSize"] = oldSize.value }
    if let newSize { value["newSize"] = newSize.value }
    if let oldDigest { value["oldSHA256"] = .string(oldDigest.hex) }
    if let newDigest { value["newSHA256"] = .string(newDigest.hex) }
    if let firstOffset { value["firstOffset"] = .int(firstOffset) }
    if let problem { value["problem"] = .string(problem) }
    return .map(value)
  }

  var first: FirstDifference? {
    if let problem { return FirstDifference(place: "artifact", old: "?", new: problem) }
    guard let firstOffset else {
      return FirstDifference(
        place: "artifact", old: oldSize?.description ?? "?", new: newSize?.description ?? "?")
    }
    return FirstDifference(place: "byte \(firstOffset)", old: oldByte, new: newByte)
  }
}
