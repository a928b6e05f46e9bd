public import ContentHashing
public import Provenance
public import RunRecord

/// Where an artifact comes from and what used it, in one run.
public struct LineageReport {
  public let record: RunRecord
  public let target: String
  public let backwards: Lineage
  public let forwards: Lineage
  /// By action: the run that executed it, which for cached stages is an earlier one.
  public let executions: [Digest: Execution]

  /// The run that executed an action.
  public struct Execution: Hashable, Sendable {
    public var run: String
    public var started: String
    public var source: RunRecord.Source?

    public init(run: String, started: String, source: RunRecord.Source?) {
      self.run = run
      self.started = started
      self.source = source
    }
  }

  /// Looks a name up in a run.
  ///
  /// - `target`: A digest or at least six digits of it, `stage.slot`, `stage.metric`, a stage, an
  ///   instance, a published path, or a path that the run read.
  /// - `executions`: Finds which runs executed the given actions.
  /// - Returns: Nil where the run has nothing of that name.
  public init?(
    _ target: String, in record: RunRecord,
    executions: (Set<Digest>) -> [Digest: Execution] = { _ in [:] }
  ) {
    guard let backwards = Lineage.backwards(target, in: record),
      let forwards = Lineage.forwards(target, in: record)
    else { return nil }
    self.record = record
    self.target = target
    self.backwards = backwards
    self.forwards = forwards
    self.executions = executions(Set((backwards.steps + forwards.steps).compactMap(\.key)))
  }

  /// The artifacts that the target names: outputs of the run, or what it read.
  var artifacts: [(name: String, kind: String, digest: Digest, size: Int?)] {
    let makers = Set(backwards.steps.filter { $0.depth == 0 }.map(\.instance))
    let outputs = record.instances.filter { makers.contains($0.name) }.flatMap { instance in
      instance.outputs.map { ("\(instance.name).\($0.slot)", $0) }
    }
    let named = outputs.filter { _, output in
      target.hasSuffix(".\(output.slot)") || output.published == target
        || output.digest.hex.hasPrefix(target.lowercased())
    }
    let shown = named.isEmpty ? outputs : named
    if shown.isEmpty, backwards.steps.isEmpty {
      return backwards.origins.map { ($0.from, $0.kind, $0.digest, nil) }
    }
    return shown.map { ($0.0, $0.1.kind, $0.1.digest, $0.1.size) }
  }

  /// The metric that the target names, with its value as text.
  var metric: (instance: InstanceRecord, name: String)? {
    for instance in record.instances where target.hasPrefix("\(instance.name).") {
      let name = String(target.dropFirst(instance.name.count + 1))
      if instance.metrics[name] != nil { return (instance, name) }
    }
    return nil
  }

  func instance(_ name: String) -> InstanceRecord? { record.instances.first { $0.name == name } }

  /// `predictor@1.4.0`, or what a `run:` cell executes.
  func work(_ step: Lineage.Step) -> String {
    if let plugin = step.plugin { return "\(plugin)@\(step.version ?? "?")" }
    let cell = instance(step.instance)?.cell
    for case .stage(let stage) in record.cells where stage.id == cell {
      let lines = stage.uses.split(separator: "\n")
      let first = lines.first ?? ""
      return first.prefix(48) + (lines.count > 1 || first.count > 48 ? " …" : "")
    }
    return "a command"
  }

  /// When and at which commit a step was executed.
  func provenance(_ step: Lineage.Step) -> String {
    guard let outcome = instance(step.instance)?.outcome else { return "" }
    guard outcome == .executed || outcome == .cached else { return outcome.rawValue }
    let execution =
      step.key.flatMap { executions[$0] }
      ?? (outcome == .executed
        ? Execution(run: record.id, started: record.started, source: record.source) : nil)
    guard let execution else { return "executed by a run that is no longer recorded" }
    guard let commit = execution.source?.commit else { return "run \(execution.run)" }
    return "run \(execution.run) at commit \(commit.prefix(12))"
      + (execution.source?.dirty == true ? " with changes" : "")
  }
}
