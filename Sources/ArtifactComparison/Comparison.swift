public import StructuredValue

/// An artifact's content on disk.
public enum ArtifactContent: Hashable, Sendable {
  case file(path: String)
  case folder(path: String)

  public var path: String {
    switch self {
    case .file(let path), .folder(let path): path
    }
  }
}

/// What the reader of a comparison may choose.
public struct ComparisonOptions: Hashable, Sendable {
  /// The columns that name a table's rows; empty takes the first column if its cells are unique,
  /// and otherwise compares rows as a multiset.
  public var keyColumns: [String]
  /// Numbers that differ by no more than this share of the larger one count as equal.
  public var tolerance: Double
  /// How many of the largest changes are listed, from 1 to a million; all are counted.
  public var limit: Int { didSet { limit = ComparisonOptions.clamp(limit) } }

  public init(keyColumns: [String] = [], tolerance: Double = 0, limit: Int = 10) {
    self.keyColumns = keyColumns
    self.tolerance = tolerance
    self.limit = ComparisonOptions.clamp(limit)
  }

  private static func clamp(_ limit: Int) -> Int { min(max(limit, 1), 1_000_000) }

  /// Whether two numbers count as equal; NaN equals NaN.
  func areEqual(_ old: Double, _ new: Double) -> Bool {
    if old == new || old.isNaN && new.isNaN { return true }
    guard old.isFinite && new.isFinite else { return false }
    return abs(new - old) <= tolerance * max(abs(old), abs(new))
  }
}

/// How two artifacts of one kind differ, in a form that both people and programs can read.
public struct Comparison: Hashable, Sendable {
  /// The artifacts' kind, such as `table/csv`.
  public var kind: String
  public var difference: Difference
  /// Why they were compared as mere bytes, where their kind promised more.
  public var fallbackReason: String?

  /// What was found, by kind.
  public enum Difference: Hashable, Sendable {
    case none
    case added(ContentSize)
    case removed(ContentSize)
    case metrics(MetricsDifference)
    case table(TableDifference)
    case figure(FigureDifference)
    case tensors(TensorsDifference)
    case text(TextDifference)
    case json(JSONDifference)
    case folder(FolderDifference)
    case bytes(ByteDifference)
  }

  public init(kind: String, difference: Difference, fallbackReason: String? = nil) {
    self.kind = kind
    self.difference = difference
    self.fallbackReason = fallbackReason
  }

  /// Of artifacts whose content is not at hand.
  public static func unreadable(kind: String, _ reason: String) -> Comparison {
    Comparison(kind: kind, difference: .bytes(ByteDifference(unreadable: reason)))
  }

  /// Whether nothing differs that the options count as a difference.
  public var isEqual: Bool { difference == .none }

  /// The comparison for a terminal, without colours.
  public var lines: [String] {
    let reason = fallbackReason.map { ["compared as bytes: \($0)"] } ?? []
    return reason
      + {
        switch difference {
        case .none: ["no difference"]
        case .added(let size): ["added: \(size)"]
        case .removed(let size): ["removed: \(size)"]
        case .metrics(let difference): difference.lines
        case .table(let difference): difference.lines
        case .figure(let difference): difference.lines
        case .tensors(let difference): difference.lines
        case .text(let difference): difference.lines
        case .json(let difference): difference.lines
        case .folder(let difference): difference.lines
        case .bytes(let difference): difference.lines
        }
      }()
  }

  /// The comparison for programs.
  public var value: Value {
    let (name, content): (String, Value) =
      switch difference {
      case .none: ("none", [:])
      case .added(let size): ("added", size.value)
      case .removed(let size): ("removed", size.value)
      case .metrics(let difference): ("metrics", difference.value)
      case .table(let difference): ("table", difference.value)
      case .figure(let difference): ("figure", difference.value)
      case .tensors(let difference): ("tensors", difference.value)
      case .text(let difference): ("text", difference.value)
      case .json(let difference): ("json", difference.value)
      case .folder(let difference): ("folder", difference.value)
      case .bytes(let difference): ("bytes", difference.value)
      }
    var value: [String: Value] = [
      "kind": .string(kind), "equal": .bool(isEqual), "difference": .string(name),
      "content": content,
    ]
    if let fallbackReason { value["fallback"] = .string(fallbackReason) }
    return .map(value)
  }

  /// The first place at which the artifacts differ; nil where they don't.
  public var first: FirstDifference? {
    switch difference {
    case .none: nil
    case .added: FirstDifference(place: "artifact", old: "missing", new: "present")
    case .removed: FirstDifference(place: "artifact", old: "present", new: "missing")
    case .metrics(let difference): difference.first
    case .table(let difference): difference.first
    case .figure(let difference): difference.first
    case .tensors(let difference): difference.first
    case .text(let difference): difference.first
    case .json(let difference): difference.first
    case .folder(let difference): difference.first
    case .bytes(let difference): difference.first
    }
  }
}

/// The size of what was added or removed.
public struct ContentSize: Hashable, Sendable, CustomStringConvertible {
  public var bytes: Int
  /// 1 for a file.
  public var files: Int
  public var isFolder: Bool

  public init(bytes: Int, files: Int, isFolder: Bool) {
    self.bytes = bytes
    self.files = files
    self.isFolder = isFolder
  }

  public var description: String {
    isFolder ? "folder of \(files) files, \(bytes) bytes" : "\(bytes) bytes"
  }

  var value: Value { ["bytes": .int(bytes), "files": .int(files), "folder": .bool(isFolder)] }
}

/// A place where two artifacts differ, and what stands there.
public struct FirstDifference: Hashable, Sendable, CustomStringConvertible {
  /// A byte, metric, cell, tensor's element, line or member, such as `row 3, column 'latency'`.
  public var place: String
  public var old: String
  public var new: String

  public init(place: String, old: String, new: String) {
    self.place = place
    self.old = old
    self.new = new
  }

  public var description: String { "\(place): \(old) → \(new)" }

  /// Compares two artifacts exactly and names the first difference.
  ///
  /// - Returns: Nil where their bytes are equal.
  public static func find(
    kind: String, old: ArtifactContent, new: ArtifactContent
  ) -> FirstDifference? {
    compare(kind: kind, old: old, new: new).first
  }
}
