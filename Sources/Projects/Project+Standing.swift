import ArtifactStore
import Execution
import Foundation
public import Notebook
import PipelineSpec
import Planning
import Provenance
public import RunRecord

/// How a pipeline stands as its files are now: what is known of it, and what a run would do.
public struct Standing {
  /// The latest results of every instance, as if a run had just found them; those of an instance
  /// that a run would execute again are its former ones.
  public var record: RunRecord
  /// What a run would do about every instance.
  public var plan: [PlannedInstance]
  /// Instances without any result, by name.
  public var pending: Set<String>
  /// Which instance feeds which.
  public var edges: [NotebookPage.Options.Edge]
}

extension Project {
  /// How a pipeline stands, without executing or writing anything.
  ///
  /// - Parameters:
  ///   - loaded: The pipeline.
  ///   - latest: Its latest run, for what is no longer, or not yet, up to date.
  ///   - toolVersion: This program's.
  /// - Returns: The latest results, and what a run would do.
  /// - Throws: Where the store cannot be read.
  public func standing(_ loaded: LoadedPipeline, latest: RunRecord?, toolVersion: String) throws
    -> Standing
  {
    let plan = try self.plan(loaded, selection: Selection())
    let former = Dictionary((latest?.instances ?? []).map { ($0.name, $0) }) { first, _ in first }
    var pending: Set<String> = []
    let instances = plan.map { planned -> InstanceRecord in
      let name = planned.instance.name
      switch planned.decision {
      case .reuse(let key, _):
        // The run that executed it knows more than the store: how often it was tried, and why.
        if let known = former[name], known.key == key.digest, known.error == nil { return known }
        var record = InstanceRecord(
          of: planned.instance, .cached, why: "nothing it depends on changed", key: key)
        if let action = store.action(for: key.digest) { record.take(action, of: planned.instance) }
        return record
      case .skip(let why): return InstanceRecord(of: planned.instance, .skipped, why: why)
      case .execute, .wait, .block:
        // What a run left out, blocked or cancelled has nothing to show.
        if let known = former[name], [.executed, .cached, .failed].contains(known.outcome) {
          return known
        }
        pending.insert(name)
        return InstanceRecord(of: planned.instance, .skipped, why: "it has not run yet")
      }
    }
    var record = record(
      loaded, id: latest?.id ?? "none", started: latest?.started ?? timestamp(),
      status: latest?.status ?? .succeeded, instances: instances, toolVersion: toolVersion)
    record.finished = latest?.finished ?? record.started
    record.source = latest?.source
    let names = loaded.graph.instances.map(\.name)
    let edges = loaded.graph.needs.enumerated().flatMap { index, needs in
      needs.map { NotebookPage.Options.Edge(from: names[$0], to: names[index]) }
    }
    return Standing(record: record, plan: plan, pending: pending, edges: edges)
  }

  /// The latest recorded run of a pipeline file, as named inside of the project.
  ///
  /// - Parameters:
  ///   - file: The file.
  ///   - known: A record that is at hand, so that it need not be read again.
  /// - Returns: Nil where it has not been run.
  public func latestRecord(of file: String, known: RunRecord? = nil) -> RunRecord? {
    for summary in (try? history.runs(limit: 50)) ?? [] {
      if let known, known.id == summary.id { return known }
      if let record = try? history.record(run: summary.id), record.file == file { return record }
    }
    return nil
  }
}

extension PlannedInstance {
  /// `cached`, `run`, `wait`, `skip` or `blocked`.
  public var word: String {
    switch decision {
    case .reuse: "cached"
    case .execute: "run"
    case .wait: "wait"
    case .skip: "skip"
    case .block: "blocked"
    }
  }

  /// Why, in one sentence.
  public var why: String {
    switch decision {
    case .reuse: "nothing it depends on changed"
    case .execute where latestFailure != nil:
      "failed in the latest run: \(latestFailure.map { "\($0.code) \($0.message)" } ?? "")"
    case .execute(_, let why), .wait(let why), .skip(let why), .block(let why): why
    }
  }
}
