public import Formats
import StructuredValue

/// A measured number, with what is needed to judge a change of it.
public struct Metric: Hashable, Sendable {
  /// Which way is better.
  public enum Direction: String, Hashable, Sendable {
    case higher, lower

    /// Reads `higher`, `max`, `maximize`, `lower`, `min` or `minimize`.
    public init?(name: String) {
      switch name {
      case "higher", "max", "maximize": self = .higher
      case "lower", "min", "minimize": self = .lower
      default: return nil
      }
    }
  }

  public var value: Double
  public var unit: String?
  public var direction: Direction?

  public init(value: Double, unit: String? = nil, direction: Direction? = nil) {
    self.value = value
    self.unit = unit
    self.direction = direction
  }

  /// Reads a file of metrics: one JSON object from names to numbers, to objects with `value`, `unit`
  /// and `direction`, or to further such objects, whose names are joined by dots.
  ///
  /// - Throws: `FormatError` that names a member that is no number.
  public static func read(_ content: FileContent) throws(FormatError) -> [String: Metric] {
    guard case .map(let members) = try JSONText.read(content) else {
      throw FormatError(
        file: content.name, found: "JSON that is no object", expected: "names with numbers")
    }
    var metrics: [String: Metric] = [:]
    try collect(members, "", content.name, into: &metrics)
    return metrics
  }

  private static func collect(
    _ members: [String: Value], _ prefix: String, _ file: String,
    into metrics: inout [String: Metric]
  ) throws(FormatError) {
    for (last, member) in members {
      let name = prefix + last
      let given = member["value"] ?? member
      if case .map(let inner) = given {
        try collect(inner, "\(name).", file, into: &metrics)
        continue
      }
      // Null is a metric that is undefined for these data.
      guard let number = given.isNull ? .nan : given.double else {
        throw FormatError(
          file: file, found: "metric '\(name)' of type \(member.typeName)",
          expected: "a number or an object with a value")
      }
      metrics[name] = Metric(
        value: number, unit: member["unit"]?.string,
        direction: member["direction"]?.string.flatMap { Direction(name: $0) })
    }
  }
}

/// The metrics that differ between two artifacts.
public struct MetricsDifference: Hashable, Sendable {
  /// A metric before and after; one of both is nil where it was added or removed.
  public struct Change: Hashable, Sendable {
    public var name: String
    public var old: Double?
    public var new: Double?
    public var unit: String?
    public var direction: Metric.Direction?

    /// New minus old.
    public var delta: Double? {
      guard let old, let new else { return nil }
      return new - old
    }

    /// The change as a share of the old value's magnitude; nil where that is 0.
    public var relativeDelta: Double? {
      guard let delta, let old, old != 0, delta.isFinite else { return nil }
      return delta / abs(old)
    }

    /// Nil where no direction is known or nothing can be said.
    public var isBetter: Bool? {
      guard let direction, let delta, !delta.isNaN, delta != 0 else { return nil }
      return (delta > 0) == (direction == .higher)
    }

    var line: String {
      let suffix = unit.map { " \($0)" } ?? ""
      switch (old, new) {
      case (let old?, let new?):
        let verdict = isBetter.map { $0 ? ", better" : ", worse" } ?? ""
        return "\(name): \(NumberFormat.change(old, new))\(suffix)\(verdict)"
      case (let old?, nil): return "\(name): \(NumberFormat.full(old))\(suffix) → missing"
      case (nil, let new?): return "\(name): missing → \(NumberFormat.full(new))\(suffix)"
      case (nil, nil): return name
      }
    }

    var value: Value {
      var value: [String: Value] = ["name": .string(name)]
      if let old { value["old"] = .double(old) }
      if let new { value["new"] = .double(new) }
      if let delta { value["delta"] = .double(delta) }
      if let relativeDelta { value["relativeDelta"] = .double(relativeDelta) }
      if let isBetter { value["better"] = .bool(isBetter) }
      if let unit { value["unit"] = .string(unit) }
      return .map(value)
    }
  }

  /// By name.
  public var changes: [Change]

  /// Compares metrics by name; nil where none differs by more than the tolerance.
  public init?(
    old: [String: Metric], new: [String: Metric],
    options: ComparisonOptions = ComparisonOptions()
  ) {
    changes = Set(old.keys).union(new.keys).sorted().compactMap { name in
      let (before, after) = (old[name], new[name])
      if let before, let after, options.areEqual(before.value, after.value) { return nil }
      return Change(
        name: name, old: before?.value, new: after?.value, unit: after?.unit ?? before?.unit,
        direction: after?.direction ?? before?.direction)
    }
    if changes.isEmpty { return nil }
  }

  var lines: [String] { changes.map(\.line) }

  var value: Value { .list(changes.map(\.value)) }

  var first: FirstDifference? {
    changes.first.map { change in
      FirstDifference(
        place: "metric '\(change.name)'", old: change.old.map(NumberFormat.full) ?? "missing",
        new: change.new.map(NumberFormat.full) ?? "missing")
    }
  }
}
