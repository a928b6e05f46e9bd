import ArtifactStore
import ContentHashing
import Foundation
import Notebook
import Planning
import PipelineSpec
import Projects
import RunRecord
import StructuredValue
import Synchronization

/// Reads the pipeline's files, plans, and writes the notebook, all on a queue of its own, since it
/// may take long.
///
/// Its state belongs to that queue; that is why it may be unchecked.
final class NotebookDesk: @unchecked Sendable {
  private let queue = DispatchQueue(label: "notebook")
  private let configuration: LiveConfiguration
  private let live: LiveState
  private let isQueued = Mutex(false)

  private var latest: RunRecord?
  private var observed: [String: String] = [:]
  private var page: NotebookPage?
  private(set) var notebook: LiveNotebook?
  /// Not before this does the next refresh begin.
  private var rest = DispatchTime.now()

  init(_ configuration: LiveConfiguration, live: LiveState) {
    self.configuration = configuration
    self.live = live
  }

  /// Does something on the queue.
  func perform<Result: Sendable>(
    _ body: @escaping @Sendable (NotebookDesk) throws -> Result
  ) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
      queue.async { continuation.resume(with: Swift.Result { try body(self) }) }
    }
  }

  /// Soon reads and writes everything anew; many calls at once are one.
  func refreshSoon() {
    let isNew = isQueued.withLock { queued in
      defer { queued = true }
      return !queued
    }
    guard isNew else { return }
    queue.async { [self] in
      // A run that finishes many stages a second must not keep this queue busy with nothing else.
      queue.asyncAfter(deadline: max(.now() + 0.05, rest)) { [self] in
        isQueued.withLock { $0 = false }
        refresh()
      }
    }
  }

  /// Reads and writes everything anew.
  private func refresh() {
    let start = DispatchTime.now()
    defer {
      let end = DispatchTime.now()
      rest = end + .nanoseconds(2 * Int(end.uptimeNanoseconds - start.uptimeNanoseconds))
    }
    do {
      let news = try write()
      Task { await live.show(news) }
    } catch {
      let text = (error as? ProjectError)?.message ?? "\(error)"
      Task { await live.show(problem: text) }
    }
  }

  private func write() throws -> Value {
    // A project keeps what it has seen of manifests and files; a new one looks again.
    let project = try configuration.open()
    defer { observed = project.store.observed }
    let loaded = try project.load(configuration.path, options: configuration.options)
    latest = project.latestRecord(of: loaded.file, known: latest)
    let standing = try project.standing(
      loaded, latest: latest, toolVersion: configuration.toolVersion)
    var options = NotebookPage.Options()
    options.pending = standing.pending
    options.edges = standing.edges
    options.defersFigures = true
    let page = project.notebook(of: standing.record, python: project.python, options: options)
    let notebook = page.live()
    self.page = page
    self.notebook = notebook
    return NotebookDesk.describe(notebook, standing, loaded)
  }

  private static func describe(
    _ notebook: LiveNotebook, _ standing: Standing, _ loaded: LoadedPipeline
  ) -> Value {
    let outcomes = Dictionary(standing.record.instances.map { ($0.name, $0) }) { first, _ in first }
    let stages = standing.plan.map { planned -> Value in
      let name = planned.instance.name
      return [
        "name": .string(name), "cell": .string(planned.instance.cell),
        "anchor": .string(notebook.anchors[name] ?? ""), "why": .string(planned.why),
        "state": .string(
          standing.pending.contains(name)
            ? "pending" : NotebookDesk.state(of: planned, outcomes[name])),
        "seconds": .double(outcomes[name]?.seconds ?? 0),
      ]
    }
    return [
      "title": .string(notebook.title), "file": .string(loaded.file),
      "profile": loaded.pipeline.profile.map { .string($0) } ?? .null,
      "parts": .list(notebook.parts.map { [.string($0.key), .string($0.version)] }),
      "stages": .list(stages), "hasParameters": .bool(!loaded.pipeline.params.isEmpty),
    ]
  }

  /// How an instance with an earlier result stands when nothing runs.
  private static func state(of planned: PlannedInstance, _ record: InstanceRecord?) -> String {
    switch planned.decision {
    case .reuse: return "fresh"
    case .skip: return "skipped"
    case .block: return "blocked"
    case .wait: return "stale"
    case .execute(let key, _):
      guard let record, record.key == key.digest else { return "stale" }
      if record.outcome == .failed { return "failed" }
      // What is executed each time is as good as it can be.
      return planned.instance.isReusable ? "stale" : "fresh"
    }
  }

  /// Refreshes if a file that the last refresh looked at has changed.
  ///
  /// - Returns: Seconds that the look took.
  func lookForChanges() async -> Double {
    let start = ContinuousClock.now
    let hasChanged =
      (try? await perform { desk in
        desk.observed.contains { ArtifactStore.signature(of: $0.key) != $0.value }
      }) ?? false
    if hasChanged { refreshSoon() }
    let elapsed = (ContinuousClock.now - start).components
    return Double(elapsed.seconds) + Double(elapsed.attoseconds) / 1e18
  }

  // MARK: - For requests

  /// The parts of the notebook by key, with their versions; all where no keys are given.
  func parts(_ keys: [String]) async throws -> Value {
    try await perform { desk in
      let wanted = Set(keys)
      let parts = (desk.notebook?.parts ?? []).filter { wanted.isEmpty || wanted.contains($0.key) }
      return .map(
        Dictionary(
          parts.map { ($0.key, ["version": .string($0.version), "html": .string($0.html)]) }
        ) { first, _ in first })
    }
  }

  /// The form for a cell's parameters, or for the pipeline's.
  func form(cell: String?) async throws -> Value {
    try await perform { desk in
      let project = try desk.configuration.open()
      let loaded = try project.load(desk.configuration.path, options: desk.configuration.options)
      guard let form = ParameterForm(cell: cell, loaded: loaded, project: project) else {
        throw LiveError(404, "There is no cell '\(cell ?? "")'.")
      }
      return form.json
    }
  }

  /// Writes changed parameters into the files, and shows at once what becomes stale.
  func change(_ changes: [ParameterEditor.Change]) async throws {
    try await perform { desk in
      let project = try desk.configuration.open()
      try ParameterEditor(project: project, configuration: desk.configuration).apply(changes)
      desk.refresh()
    }
  }

  /// The notebook as it was last written; written now, if it was not yet.
  func current() async throws -> LiveNotebook? {
    try await perform { desk in
      if desk.notebook == nil { desk.refresh() }
      return desk.notebook
    }
  }

  /// A figure, drawn outside of the queue, since drawing takes long.
  func figure(_ digest: Digest, name: String, identifier: String) async throws -> String? {
    let drawer = try await perform { desk in FigureDrawer(page: desk.page) }
    return try await withCheckedThrowingContinuation { continuation in
      FigureDrawer.queue.async {
        continuation.resume(
          returning: drawer.page?.figure(digest, name: name, identifier: identifier))
      }
    }
  }

  /// Vega, to make figures react.
  func figureScript() async throws -> String? {
    let configuration = configuration
    return try await withCheckedThrowingContinuation { continuation in
      FigureDrawer.queue.async {
        continuation.resume(
          with: Result {
            let project = try configuration.open()
            return project.drawer(python: project.python).interactiveBundle()
          })
      }
    }
  }
}

/// A page that is handed to the drawing queue and used there only; it is a value whose readers are
/// safe to use from anywhere, which its type does not say.
private struct FigureDrawer: @unchecked Sendable {
  let page: NotebookPage?
  static let queue = DispatchQueue(label: "figures")
}
