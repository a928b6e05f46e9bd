import ContentHashing
public import Formats
import Foundation
import StructuredValue

/// How two folders differ, file by file.
public struct FolderDifference: Hashable, Sendable {
  /// A file that only one folder has.
  public struct Entry: Hashable, Sendable {
    public var path: String
    public var bytes: Int
  }

  /// A file under one path before and another after, with equal content.
  public struct Rename: Hashable, Sendable {
    public var old: String
    public var new: String
  }

  /// A file that both folders have, with other content.
  public struct Change: Hashable, Sendable {
    public var path: String
    public var comparison: Comparison
  }

  public var added: [Entry] = []
  public var removed: [Entry] = []
  public var renamed: [Rename] = []
  public var changed: [Change] = []
  public var equalCount = 0

  /// Compares two folders recursively, by relative path; nil where no file differs.
  ///
  /// - Throws: `FormatError` where a folder can't be listed.
  public init?(
    old: String, new: String, options: ComparisonOptions = ComparisonOptions()
  ) throws(FormatError) {
    let before = try FolderListing(old)
    let after = try FolderListing(new)
    removed = before.files.filter { after.sizes[$0.path] == nil }
    added = after.files.filter { before.sizes[$0.path] == nil }
    findRenames(old, new)
    for file in after.files where before.sizes[file.path] != nil {
      let comparison = compare(
        kind: FolderListing.kind(of: file.path), old: .file(path: "\(old)/\(file.path)"),
        new: .file(path: "\(new)/\(file.path)"), options: options)
      if comparison.isEqual {
        equalCount += 1
      } else {
        changed.append(Change(path: file.path, comparison: comparison))
      }
    }
    if added.isEmpty && removed.isEmpty && renamed.isEmpty && changed.isEmpty { return nil }
  }

  /// Pairs removed and added files of equal content; only those of equal size are hashed.
  private mutating func findRenames(_ old: String, _ new: String) {
    let sizes = Set(removed.map(\.bytes)).intersection(added.map(\.bytes))
    func digest(_ folder: String, _ entry: Entry) -> Digest? {
      guard sizes.contains(entry.bytes),
        let content = try? FileContent(path: "\(folder)/\(entry.path)")
      else { return nil }
      return content.withBytes { Digest.of($0) }
    }
    var sources: [Digest: [Entry]] = [:]
    for entry in removed.reversed() {
      if let digest = digest(old, entry) { sources[digest, default: []].append(entry) }
    }
    for entry in added {
      guard let digest = digest(new, entry), let source = sources[digest]?.popLast() else {
        continue
      }
      renamed.append(Rename(old: source.path, new: entry.path))
    }
    let gone = Set(renamed.map(\.old))
    let come = Set(renamed.map(\.new))
    removed.removeAll { gone.contains($0.path) }
    added.removeAll { come.contains($0.path) }
  }

  var lines: [String] {
    var lines = [
      "\(changed.count) changed, \(added.count) added, \(removed.count) removed, "
        + "\(renamed.count) renamed, \(equalCount) equal"
    ]
    lines += removed.map { "- \($0.path) (\($0.bytes) bytes)" }
    lines += added.map { "+ \($0.path) (\($0.bytes) bytes)" }
    lines += renamed.map { "\($0.old) → \($0.new)" }
    for change in changed {
      lines.append("\(change.path) (\(change.comparison.kind))")
      lines += change.comparison.lines.map { "  " + $0 }
    }
    return lines
  }

  var value: Value {
    func entries(_ entries: [Entry]) -> Value {
      .list(entries.map { ["path": .string($0.path), "bytes": .int($0.bytes)] })
    }
    return [
      "added": entries(added), "removed": entries(removed), "equal": .int(equalCount),
      "renamed": .list(renamed.map { ["old": .string($0.old), "new": .string($0.new)] }),
      "changed": .list(
        changed.map { ["path": .string($0.path), "comparison": $0.comparison.value] }),
    ]
  }

  var first: FirstDifference? {
    if let change = changed.first, let inner = change.comparison.first {
      return FirstDifference(
        place: "\(change.path), \(inner.place)", old: inner.old, new: inner.new)
    }
    if let entry = removed.first {
      return FirstDifference(place: entry.path, old: "present", new: "missing")
    }
    if let entry = added.first {
      return FirstDifference(place: entry.path, old: "missing", new: "present")
    }
    return renamed.first.map { FirstDifference(place: "path", old: $0.old, new: $0.new) }
  }
}

/// The regular files below a folder, with their sizes, by relative path.
struct FolderListing {
  private(set) var files: [FolderDifference.Entry] = []
  private(set) var sizes: [String: Int] = [:]

  init(_ root: String) throws(FormatError) {
    try add(root, below: "", depth: 0)
    files.sort { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
    sizes = Dictionary(files.map { ($0.path, $0.bytes) }) { first, _ in first }
  }

  private mutating func add(
    _ folder: String, below path: String, depth: Int
  ) throws(FormatError) {
    guard depth < 256 else {
      throw FormatError(.limit, file: folder, found: "folders deeper than 256 levels")
    }
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: folder)
    } catch {
      throw FormatError(.unreadable, file: folder, found: "a folder that can't be listed")
    }
    for name in names {
      // Links are not followed: they may lead out of the folder or back into it.
      let attributes = try? FileManager.default.attributesOfItem(atPath: "\(folder)/\(name)")
      switch attributes?[.type] as? FileAttributeType {
      case .typeDirectory: try add("\(folder)/\(name)", below: "\(path)\(name)/", depth: depth + 1)
      case .typeRegular:
        let size = (attributes?[.size] as? NSNumber)?.intValue ?? 0
        files.append(FolderDifference.Entry(path: path + name, bytes: size))
      default: break
      }
    }
  }

  /// The kind that a file's extension promises.
  static func kind(of path: String) -> String {
    let name = path.split(separator: "/").last ?? ""
    guard let dot = name.lastIndex(of: ".") else { return "file" }
    switch name[dot...].lowercased() {
    case ".csv": return "table/csv"
    case ".json", ".geojson", ".ipynb":
      return name == "metrics.json"
        ? "metrics" : name.hasSuffix(".vl.json") ? "figure/vega-lite" : "json"
    case ".vl": return "figure/vega-lite"
    case ".npy", ".npz": return "tensor"
    case ".safetensors", ".pt", ".pth": return "model"
    case ".txt", ".md", ".yaml", ".yml", ".log", ".tex", ".svg", ".html", ".vnnlib", ".py",
      ".swift":
      return "text"
    default: return "file"
    }
  }
}

extension ContentSize {
  init(_ content: ArtifactContent) throws(FormatError) {
    switch content {
    case .file(let path):
      self.init(bytes: try FileContent(path: path).count, files: 1, isFolder: false)
    case .folder(let path):
      let files = try FolderListing(path).files
      self.init(
        bytes: files.reduce(0) { $0 + $1.bytes }, files: files.count, isFolder: true)
    }
  }
}
