import ArtifactComparison
import ChangeReporting
import Foundation
import LineageReporting
import Notebook
import Projects
import Provenance
import RunRecord
import Synchronization

/// Writes what the server shows besides the notebook.
///
/// That is the runs, what changed between two of them, and where an artifact comes from; each is a
/// fragment of HTML, by the writers of `pipeline diff` and `pipeline lineage`.
final class ViewDesk: Sendable {
  private let configuration: LiveConfiguration
  private let queue = DispatchQueue(label: "views", attributes: .concurrent)
  /// The comparisons that were read last; what two finished runs differ in never changes.
  private let known = Mutex<[(pair: [String], html: String)]>([])

  /// Comparisons that are kept.
  static let keptComparisons = 4
  /// Runs that are listed.
  static let listedRuns = 200
  /// Rows that are shown of a table's changed cells.
  static let shownCells = 200

  init(_ configuration: LiveConfiguration) { self.configuration = configuration }

  private func perform(_ body: @escaping @Sendable (Project) throws -> String) async throws
    -> String
  {
    let configuration = configuration
    return try await withCheckedThrowingContinuation { continuation in
      queue.async {
        continuation.resume(
          with: Result {
            do {
              return try body(try configuration.open())
            } catch let error as ProjectError {
              throw LiveError(422, error.message)
            } catch let error as ProvenanceError {
              throw LiveError(422, error.description)
            }
          })
      }
    }
  }

  /// The runs of the project, to pick two from.
  func runs(before: String?, after: String?) async throws -> String {
    try await perform { project in
      let runs = try project.history.runs(limit: ViewDesk.listedRuns)
      return RunList(runs: runs, before: before, after: after).html
    }
  }

  /// What changed from one run, commit, branch or tag to another.
  func changes(from before: String, to after: String) async throws -> String {
    try await perform { [self] project in
      let old = try project.history.resolve(before)
      let new = try project.history.resolve(after)
      let pair = [old.id, new.id]
      if let html = known.withLock({ $0.first { $0.pair == pair }?.html }) { return html }
      let report = project.changes(
        from: old, to: new, options: ComparisonOptions(limit: ViewDesk.shownCells))
      let html = RunList.line(old.id, new.id) + project.view(of: report, python: project.python)
      known.withLock { known in
        known.append((pair, html))
        if known.count > ViewDesk.keptComparisons { known.removeFirst() }
      }
      return html
    }
  }

  /// What made an artifact and what used it; all artifacts of the run where none is named.
  ///
  /// - Parameters:
  ///   - target: The artifact, as `pipeline lineage` takes it.
  ///   - run: Nil for the newest run that knows the name.
  /// - Returns: HTML.
  /// - Throws: `LiveError` where nothing has that name.
  func lineage(of target: String?, in run: String?) async throws -> String {
    try await perform { project in
      let report: LineageReport?
      let record: RunRecord
      if let target {
        let found = try project.lineage(of: target, in: run)
        (report, record) = (found, found.record)
      } else {
        (report, record) = (nil, try project.history.resolve(run ?? "latest"))
      }
      func address(_ name: String) -> String? {
        ViewDesk.address("/lineage", [("of", name), ("run", run == nil ? nil : record.id)])
      }
      return ArtifactChoice(record: record, target: target, isPinned: run != nil).html
        + project.lineageView(of: record, report: report, address: address)
    }
  }

  /// A path with a query of the values that are there.
  static func address(_ path: String, _ query: [(name: String, value: String?)]) -> String {
    var allowed = CharacterSet.alphanumerics
    allowed.insert(charactersIn: "-._~")
    let pairs = query.compactMap { name, value in
      value.map { "\(name)=\($0.addingPercentEncoding(withAllowedCharacters: allowed) ?? "")" }
    }
    return pairs.isEmpty ? path : "\(path)?\(pairs.joined(separator: "&"))"
  }
}
