import ContentHashing
public import RunRecord
public import StructuredValue

/// What differs between two runs and why.
public struct RunComparison: Codable, Hashable, Sendable {
  public var before: String
  public var after: String
  /// Claims whose verdict changed come first, then those whose value changed.
  public var claims: [ClaimChange]
  /// In the order of the later run; removed ones at the end.
  public var cells: [CellChange]
  public var instances: [InstanceChange]
  public var parameters: [ValueChange]
  public var specification: [TextChange]

  public enum Presence: String, Codable, Sendable { case added, removed, changed, unchanged }

  /// A named value before and after; nil where it isn't there.
  public struct ValueChange: Codable, Hashable, Sendable {
    public var name: String
    public var before: Value?
    public var after: Value?

    public init(name: String, before: Value?, after: Value?) {
      self.name = name
      self.before = before
      self.after = after
    }
  }

  public struct TextChange: Codable, Hashable, Sendable {
    public var path: String
    public var before: String?
    public var after: String?

    public init(path: String, before: String?, after: String?) {
      self.path = path
      self.before = before
      self.after = after
    }
  }

  public struct ClaimChange: Codable, Hashable, Sendable {
    public var presence: Presence
    public var before: ClaimRecord?
    public var after: ClaimRecord?
    public var verdictChanged: Bool { before?.verdict != after?.verdict }
  }

  public struct CellChange: Codable, Hashable, Sendable {
    public var id: String
    public var presence: Presence
    public var before: String?
    public var after: String?
  }

  public struct InstanceChange: Codable, Hashable, Sendable {
    public enum Kind: String, Codable, Sendable {
      case added, removed, unchanged
      /// Its key changed.
      case rerun
      /// Equal keys, other outputs: the stage isn't deterministic.
      case irreproducible
    }

    public var name: String
    public var cell: String
    public var kind: Kind
    public var before: InstanceRecord.Outcome?
    public var after: InstanceRecord.Outcome?
    /// The components of the key that changed, sorted by name.
    public var fields: [ValueChange]
    /// From the instance itself down to where the change began.
    public var causes: [Cause]
    public var outputs: [OutputChange]
    public var metrics: [MetricChange]

    /// Whether it failed, or was left out, in one run and not in the other; whether its result was
    /// known already is no difference.
    public var endedOtherwise: Bool {
      func hasResult(_ outcome: InstanceRecord.Outcome?) -> Bool {
        outcome == .executed || outcome == .cached
      }
      return before != after && !(hasResult(before) && hasResult(after))
    }
  }

  /// `instance` changed because `field` did, which `upstream`'s change explains if there is one.
  public struct Cause: Codable, Hashable, Sendable {
    public var instance: String
    public var field: String
    /// `tables.folder`, for a field that is an input.
    public var from: String?
    public var upstream: String?

    public init(instance: String, field: String, from: String? = nil, upstream: String? = nil) {
      self.instance = instance
      self.field = field
      self.from = from
      self.upstream = upstream
    }
  }

  public struct OutputChange: Codable, Hashable, Sendable {
    public var slot: String
    public var before: ArtifactRecord?
    public var after: ArtifactRecord?
  }

  public struct MetricChange: Codable, Hashable, Sendable {
    public enum Judgement: String, Codable, Sendable { case better, worse, neither }

    public var name: String
    public var before: MetricRecord?
    public var after: MetricRecord?
    /// After minus before.
    public var difference: Double?
    /// The difference over the magnitude of the value before; nil where that is zero.
    public var relative: Double?
    /// `neither` where the metric has no direction or a value is missing.
    public var judgement: Judgement
  }

  /// Whether the runs differ in what they did or found.
  public var isEmpty: Bool {
    claims.isEmpty && parameters.isEmpty && specification.isEmpty
      && cells.allSatisfy { $0.presence == .unchanged }
      && instances.allSatisfy {
        $0.kind == .unchanged && $0.outputs.isEmpty && $0.metrics.isEmpty && !$0.endedOtherwise
      }
  }

  /// Compares two runs by what their records say; no artifact is opened.
  public init(from old: RunRecord, to new: RunRecord) {
    before = old.id
    after = new.id
    claims = claimChanges(old, new)
    cells = cellChanges(old, new)
    var comparison = InstanceComparison(old, new)
    instances = comparison.changes()
    parameters = valueChanges(old.parameters, new.parameters)
    specification = textChanges(old, new)
  }
}

func valueChanges(
  _ old: [String: Value], _ new: [String: Value]
) -> [RunComparison.ValueChange] {
  // Most are equal, so what differs is gathered before it is sorted.
  var changes = new.compactMap { name, value in
    old[name] == value
      ? nil : RunComparison.ValueChange(name: name, before: old[name], after: value)
  }
  for (name, value) in old where new[name] == nil {
    changes.append(RunComparison.ValueChange(name: name, before: value, after: nil))
  }
  return changes.sorted { $0.name < $1.name }
}

private func textChanges(_ old: RunRecord, _ new: RunRecord) -> [RunComparison.TextChange] {
  func texts(_ record: RunRecord) -> [String: String] {
    Dictionary(record.specification.map { ($0.path, $0.text) }, uniquingKeysWith: { a, _ in a })
  }
  let (before, after) = (texts(old), texts(new))
  return Set(before.keys).union(after.keys).sorted().compactMap { path in
    before[path] == after[path]
      ? nil : RunComparison.TextChange(path: path, before: before[path], after: after[path])
  }
}

private func presence(_ before: Bool, _ after: Bool, same: Bool) -> RunComparison.Presence {
  if !before { return .added }
  if !after { return .removed }
  return same ? .unchanged : .changed
}

private func cellChanges(_ old: RunRecord, _ new: RunRecord) -> [RunComparison.CellChange] {
  func stages(_ record: RunRecord) -> [StageCellRecord] {
    record.cells.compactMap { if case .stage(let cell) = $0 { cell } else { nil } }
  }
  return joined(stages(old), stages(new)) { $0.id }.map { id, before, after in
    RunComparison.CellChange(
      id: id, presence: presence(before != nil, after != nil, same: before == after),
      before: before?.uses, after: after?.uses)
  }
}

private func claimChanges(_ old: RunRecord, _ new: RunRecord) -> [RunComparison.ClaimChange] {
  let changes = joined(old.claims, new.claims) { "\($0.claim)\u{0}\($0.measured)" }
    .filter { $0.1 != $0.2 }
    .map { _, before, after in
      RunComparison.ClaimChange(
        presence: presence(before != nil, after != nil, same: false), before: before, after: after)
    }
  return changes.filter(\.verdictChanged) + changes.filter { !$0.verdictChanged }
}

/// Pairs what two lists hold under one key, in the order of the new list, removed ones last.
///
/// The n-th element with a key is paired with the n-th one of the other list.
func joined<Element>(
  _ old: [Element], _ new: [Element], by key: (Element) -> String
) -> [(String, Element?, Element?)] {
  // A stage has one output, most often.
  if old.count == 1, new.count == 1, key(old[0]) == key(new[0]) {
    return [(key(new[0]), old[0], new[0])]
  }
  var waiting = Dictionary(grouping: old, by: key).mapValues { Array($0.reversed()) }
  var pairs: [(String, Element?, Element?)] = new.map { (key($0), waiting[key($0)]?.popLast(), $0) }
  var left = waiting.mapValues(\.count)
  // What is left of a key are its last ones in `old`.
  var removed: [(String, Element?, Element?)] = []
  for element in old.reversed() {
    let name = key(element)
    guard let count = left[name], count > 0 else { continue }
    left[name] = count - 1
    removed.append((name, element, nil))
  }
  pairs += removed.reversed()
  return pairs
}
