public import StructuredValue

/// The members of two JSON values that differ, by path.
public struct JSONDifference: Hashable, Sendable {
  /// One value that was added, removed or changed.
  public struct Change: Hashable, Sendable {
    /// Such as `layers[2].size`; empty for the whole value.
    public var path: String
    public var old: Value?
    public var new: Value?

    var line: String {
      if let old = old?.number, let new = new?.number {
        return "\(path): \(NumberFormat.change(old, new))"
      }
      let texts = [old, new].map { $0.map { NumberFormat.clip($0.json()) } ?? "missing" }
      return "\(path): \(texts[0]) → \(texts[1])"
    }

    var value: Value {
      var value: [String: Value] = ["path": .string(path)]
      if let old { value["old"] = old }
      if let new { value["new"] = new }
      return .map(value)
    }
  }

  /// The first changes in the order of the paths.
  public var changes: [Change] = []
  /// The number of all changes.
  public var count = 0

  /// Compares two values; nil where they are equal within the tolerance.
  public init?(old: Value, new: Value, options: ComparisonOptions = ComparisonOptions()) {
    add(old, new, path: "", options)
    if count == 0 { return nil }
  }

  private mutating func add(
    _ old: Value?, _ new: Value?, path: String, _ options: ComparisonOptions
  ) {
    switch (old, new) {
    case (.map(let before)?, .map(let after)?):
      let names = Set(before.keys).union(after.keys).sorted()
      for name in names {
        let isPlain = !name.isEmpty && !name.utf8.contains { [0x2E, 0x5B, 0x22].contains($0) }
        let step = isPlain ? (path.isEmpty ? name : ".\(name)") : "[\(Value.string(name).json())]"
        add(before[name], after[name], path: path + step, options)
      }
    case (.list(let before)?, .list(let after)?):
      for index in 0..<max(before.count, after.count) {
        // Not a mere `nil`, which would be the value null.
        let pair = [before, after].map { index < $0.count ? Value?.some($0[index]) : Value?.none }
        add(pair[0], pair[1], path: "\(path)[\(index)]", options)
      }
    default:
      if old == new { return }
      if let one = old?.number, let two = new?.number, options.areEqual(one, two),
        options.tolerance > 0
      {
        return
      }
      count += 1
      if changes.count < options.limit {
        changes.append(Change(path: path.isEmpty ? "value" : path, old: old, new: new))
      }
    }
  }

  var lines: [String] {
    let rest = count - changes.count
    return changes.map(\.line) + (rest > 0 ? ["and \(rest) more changes"] : [])
  }

  var value: Value { ["count": .int(count), "changes": .list(changes.map(\.value))] }

  var first: FirstDifference? {
    changes.first.map { change in
      FirstDifference(
        place: change.path, old: change.old.map { NumberFormat.clip($0.json()) } ?? "missing",
        new: change.new.map { NumberFormat.clip($0.json()) } ?? "missing")
    }
  }
}

extension Value {
  /// A number that is written as one, not the string `NaN`.
  var number: Double? {
    switch self {
    case .int(let number): Double(number)
    case .double(let number): number
    default: nil
    }
  }
}
