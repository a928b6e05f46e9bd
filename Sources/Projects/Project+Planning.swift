import ArtifactStore
import Execution
import PipelineSpec
public import Planning
import Provenance
public import RunRecord
public import StructuredValue

/// What would happen to an instance.
public struct PlannedInstance {
  public var instance: Instance
  public var decision: Decision
  /// The key components of the latest run, where there was one.
  public var latestFields: [String: Value]?
  /// Why the very same action failed in the latest run.
  public var latestFailure: StageFailure?
}

extension Project {
  /// Decides about every instance without executing or writing anything.
  public func plan(_ loaded: LoadedPipeline, selection: Selection) throws -> [PlannedInstance] {
    let graph = loaded.graph
    let past = Memo { [self] in (try? history.pastRun()) ?? PastRun() }
    let facts = facts(past: past)
    let decider = Decider(
      graph: graph, facts: facts, salt: loaded.pipeline.salt,
      forced: try selection.forced(in: graph))
    var decisions: [Decision?] = Array(repeating: nil, count: graph.instances.count)
    func standing(_ index: Int) -> Decider.Standing {
      switch decisions[index] {
      case .reuse(_, let result): .known(result)
      case .skip(let why): .absent(reason: "is left out: \(why)")
      case .block(let why): .absent(reason: "cannot run: \(why)")
      case .execute, .wait, nil: .pending
      }
    }
    for index in graph.order { decisions[index] = decider.decide(index, standing: standing) }
    store.flushIndex()
    let selected = try selection.selected(in: graph)
    let failed = past.value.instances.filter { $0.value.outcome == .failed }
    return graph.instances.indices.filter { selected.contains($0) }.compactMap { index in
      decisions[index].map { decision in
        let instance = graph.instances[index]
        var planned = PlannedInstance(
          instance: instance, decision: decision,
          latestFields: facts.latest(of: instance.name)?.fields)
        if case .execute(let key, _) = decision, let record = failed[instance.name],
          record.key == key.digest
        {
          planned.latestFailure = record.error
        }
        return planned
      }
    }
  }
}
