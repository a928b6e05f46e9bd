import ContentHashing
import Foundation
public import LineageReporting
public import Notebook
import Provenance
public import RunRecord

extension Project {
  /// How many runs are looked through for one that knows a name or executed an action.
  private static let reach = 500

  /// Where something comes from and what used it.
  ///
  /// - `revision`: The run to look in; nil for the newest one that knows the name.
  /// - Throws: `ProjectError` where no run knows it.
  public func lineage(of target: String, in revision: String?) throws -> LineageReport {
    // A path is known as it is called inside the project.
    let names = [target] + [relative(target)].compactMap { $0 }.filter { $0 != target }
    if let revision {
      let record = try history.resolve(revision)
      for name in names {
        if let report = report(name, record) { return report }
      }
      throw ProjectError(
        status: ProjectError.usage,
        "error: the run \(record.id) neither made nor read '\(target)'; "
          + "`pipeline show \(record.id)` lists its stages")
    }
    let runs = try history.runs(limit: Self.reach)
    guard !runs.isEmpty else {
      throw ProjectError(
        status: ProjectError.usage, "error: no run is recorded here yet; do `pipeline run` first")
    }
    for run in runs {
      let record = try history.record(run: run.id)
      for name in names {
        if let report = report(name, record) { return report }
      }
    }
    throw ProjectError(
      status: ProjectError.usage,
      "error: none of the latest \(runs.count) runs made or read '\(target)'; "
        + "`pipeline show` lists the stages of the latest one")
  }

  /// The page of a lineage, or of all artifacts of a run.
  public func lineagePage(of record: RunRecord, report: LineageReport?) -> RenderedPage {
    LineagePage.render(
      record, report: report, executions: executions(Set(record.instances.compactMap(\.key))))
  }

  /// The same as a part of a page that has `LineagePage.style`.
  public func lineageView(
    of record: RunRecord, report: LineageReport?, address: @escaping (String) -> String?
  ) -> String {
    LineagePage.fragment(
      record, report: report, executions: executions(Set(record.instances.compactMap(\.key))),
      address: address)
  }

  private func report(_ name: String, _ record: RunRecord) -> LineageReport? {
    LineageReport(name, in: record) { self.executions($0) }
  }

  /// The runs that executed actions, the newest of each.
  private func executions(_ keys: Set<Digest>) -> [Digest: LineageReport.Execution] {
    var wanted = keys
    var found: [Digest: LineageReport.Execution] = [:]
    for run in (try? history.runs(limit: Self.reach)) ?? [] {
      if wanted.isEmpty { break }
      // A run of nothing but hits executed nothing.
      guard run.outcomes["executed"] != nil,
        let record = try? history.record(run: run.id)
      else { continue }
      for instance in record.instances where instance.outcome == .executed {
        guard let key = instance.key, wanted.remove(key) != nil else { continue }
        found[key] = LineageReport.Execution(
          run: record.id, started: record.started, source: record.source)
      }
    }
    return found
  }
}
