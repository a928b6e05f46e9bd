import RunRecord
import StructuredValue

/// Compares the instances of two runs and finds where each change began.
struct InstanceComparison {
  private let pairs: [(String, InstanceRecord?, InstanceRecord?)]
  private let after: LineageGraph
  private let old: [String: InstanceRecord]
  /// By the place in the later run; nil where no change was asked about yet.
  private var known: [[RunComparison.Cause]?]

  init(_ old: RunRecord, _ new: RunRecord) {
    pairs = joined(old.instances, new.instances) { $0.name }
    after = LineageGraph(new)
    self.old = Dictionary(old.instances.map { ($0.name, $0) }, uniquingKeysWith: { a, _ in a })
    known = Array(repeating: nil, count: new.instances.count)
  }

  mutating func changes() -> [RunComparison.InstanceChange] {
    pairs.map { name, before, after in
      let outputs = outputChanges(before, after)
      let kind = kind(before, after, outputs)
      let rerun = kind == .rerun
      return RunComparison.InstanceChange(
        name: name, cell: after?.cell ?? before?.cell ?? name, kind: kind,
        before: before?.outcome, after: after?.outcome,
        fields: rerun ? valueChanges(before?.keyFields ?? [:], after?.keyFields ?? [:]) : [],
        causes: rerun ? causes(of: name) : [],
        outputs: outputs, metrics: metricChanges(before, after))
    }
  }

  private func kind(
    _ before: InstanceRecord?, _ after: InstanceRecord?, _ outputs: [RunComparison.OutputChange]
  ) -> RunComparison.InstanceChange.Kind {
    guard let before else { return .added }
    guard let after else { return .removed }
    // An instance that never got a key (blocked, skipped) can only differ by its known fields.
    guard before.key == after.key, before.key != nil || before.keyFields == after.keyFields else {
      return .rerun
    }
    guard !before.outputs.isEmpty, !after.outputs.isEmpty else { return .unchanged }
    return outputs.isEmpty ? .unchanged : .irreproducible
  }

  // MARK: - Causes

  /// Follows changed inputs to the instances that made them; each instance counts once.
  private mutating func causes(of name: String) -> [RunComparison.Cause] {
    var seen: Set<String> = [name]
    var waiting = [name]
    var causes: [RunComparison.Cause] = []
    while !waiting.isEmpty {
      var next: [String] = []
      for name in waiting {
        for cause in directCauses(of: name) {
          causes.append(cause)
          if let upstream = cause.upstream, seen.insert(upstream).inserted { next.append(upstream) }
        }
      }
      waiting = next
    }
    return causes
  }

  /// Asked for again by each instance downstream.
  private mutating func directCauses(of name: String) -> [RunComparison.Cause] {
    guard let index = after.index(named: name), let before = old[name] else { return [] }
    if let causes = known[index] { return causes }
    let causes = directCauses(of: index, before: before)
    known[index] = causes
    return causes
  }

  private func directCauses(of index: Int, before: InstanceRecord) -> [RunComparison.Cause] {
    let instance = after.record.instances[index]
    let name = instance.name
    return valueChanges(before.keyFields, instance.keyFields).flatMap { change in
      guard let input = inputPosition(change.name, in: instance) else {
        return [RunComparison.Cause(instance: name, field: change.name)]
      }
      let from = instance.inputs[input].from
      let slot = from.lastIndex(of: ".").map { String(from[from.index(after: $0)...]) } ?? ""
      let makers = after.producers(of: index, input: input).map { after.record.instances[$0] }
        .filter { old[$0.name]?.output(slot)?.digest != $0.output(slot)?.digest }
      if makers.isEmpty {
        return [RunComparison.Cause(instance: name, field: change.name, from: from)]
      }
      return makers.map {
        RunComparison.Cause(instance: name, field: change.name, from: from, upstream: $0.name)
      }
    }
  }

  /// The input that a key's field such as `input.table` or `input.table[0]` stands for.
  private func inputPosition(_ field: String, in instance: InstanceRecord) -> Int? {
    guard let dot = field.firstIndex(of: "."), ["input", "inputs"].contains(field[..<dot]) else {
      return nil
    }
    let rest = field[field.index(after: dot)...]
    return instance.inputs.indices.first { instance.inputs[$0].slot == rest }
      ?? instance.inputs.indices.first { index in
        let slot = instance.inputs[index].slot
        return rest.hasPrefix(slot + "[") || rest.hasPrefix(slot + ".")
      }
  }

  // MARK: - Results

  private func outputChanges(
    _ before: InstanceRecord?, _ after: InstanceRecord?
  ) -> [RunComparison.OutputChange] {
    joined(before?.outputs ?? [], after?.outputs ?? []) { $0.slot }
      .filter { $0.1?.digest != $0.2?.digest || $0.1?.kind != $0.2?.kind }
      .map { RunComparison.OutputChange(slot: $0.0, before: $0.1, after: $0.2) }
  }

  private func metricChanges(
    _ before: InstanceRecord?, _ after: InstanceRecord?
  ) -> [RunComparison.MetricChange] {
    let (old, new) = (before?.metrics ?? [:], after?.metrics ?? [:])
    if old.isEmpty && new.isEmpty { return [] }
    return Set(old.keys).union(new.keys).sorted().compactMap { name in
      old[name]?.value == new[name]?.value && (old[name] == nil) == (new[name] == nil)
        ? nil : RunComparison.MetricChange(name: name, before: old[name], after: new[name])
    }
  }
}

extension InstanceRecord {
  fileprivate func output(_ slot: String) -> ArtifactRecord? { outputs.first { $0.slot == slot } }
}

extension RunComparison.MetricChange {
  init(name: String, before: MetricRecord?, after: MetricRecord?) {
    self.name = name
    self.before = before
    self.after = after
    judgement = .neither
    guard let old = before?.value.double, let new = after?.value.double else { return }
    let change = new - old
    difference = change
    relative = old == 0 ? nil : change / abs(old)
    guard change != 0, let direction = after?.direction ?? before?.direction else { return }
    judgement = (change > 0) == (direction == .higher) ? .better : .worse
  }
}
