import ArtifactStore
import Foundation
import StructuredValue

/// Follows the runs of a pipeline, whoever started them, through their journals in the store: all
/// that go on, and the last one where none does.
actor RunFollower {
  private let store: ArtifactStore
  private let file: String
  private let live: LiveState
  /// Called when results came in, or a run ended: what the notebook shows has changed.
  private let refresh: @Sendable () -> Void

  private struct Followed {
    var tail: JournalTail
    var usage = ProcessUsage()
  }

  /// By the run's id; those that go on.
  private var followed: [String: Followed] = [:]
  /// Runs that are over, or of other pipelines: of no interest any more.
  private var settled: Set<String> = []
  private var isFirstLook = true
  private var lastLook: String?
  private var beats = 0

  /// Between two looks at the journal of a living run.
  static let interval = Duration.milliseconds(100)

  /// - Parameters:
  ///   - store: Where the runs' journals are.
  ///   - file: The pipeline's file, relative to the project's root.
  ///   - live: Is told what happens.
  ///   - refresh: Called when what the notebook shows has changed.
  init(
    store: ArtifactStore, file: String, live: LiveState, refresh: @escaping @Sendable () -> Void
  ) {
    self.store = store
    self.file = file
    self.live = live
    self.refresh = refresh
  }

  /// Follows until the task is cancelled.
  func follow() async {
    while !Task.isCancelled {
      await look()
      try? await Task.sleep(
        for: followed.isEmpty ? RunFollower.interval * 2 : RunFollower.interval)
    }
  }

  /// Takes in what has happened since the last look.
  func look() async {
    beats += 1
    if beats % 100 == 0 { live.hub.beat() }
    for found in findNew() { await live.follow(found) }
    for run in followed.keys.sorted() { await read(run) }
  }

  private func read(_ run: String) async {
    // Asked before reading: what a run wrote before it ended is then all there.
    let process = store.process(ofRun: run)
    var hasResults = false
    // At most so much at once that other work gets its turn; all of it once nothing follows.
    for _ in 0..<(process == nil ? Int.max : 16) {
      guard let lines = followed[run]?.tail.lines(), !lines.isEmpty else { break }
      if await live.take(lines, of: run) { hasResults = true }
    }
    if hasResults { refresh() }
    if let process {
      if beats % 10 == 0, let usage = followed[run]?.usage.measure(below: process) {
        await live.show(usage: usage, of: run)
      }
    } else {
      followed[run] = nil
      settled.insert(run)
      await live.end(run)
      refresh()
    }
  }

  /// The runs of this pipeline that are not followed yet, oldest first: those that go on, and at the
  /// first look the newest one, however it stands.
  private func findNew() -> [RunState] {
    let folder = "\(store.path)/runs"
    let look = ArtifactStore.signature(of: folder)
    guard look != lastLook else { return [] }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    var isDecided = true
    var found: [RunState] = []
    var wantsOld = isFirstLook
    for name in names.sorted(by: >) where !settled.contains(name) && followed[name] == nil {
      let isAlive = store.process(ofRun: name) != nil
      guard let line = JournalTail.firstLine(of: "\(folder)/\(name)/events.jsonl") else {
        // It has just begun, or is a record alone.
        if isAlive || isYoung("\(folder)/\(name)") {
          isDecided = false
        } else {
          settled.insert(name)
        }
        continue
      }
      let event = try? Value(json: line)
      // A run that came and went between two looks is still news.
      guard event?["file"]?.string ?? file == file, isAlive || wantsOld || !isFirstLook else {
        settled.insert(name)
        continue
      }
      wantsOld = false
      followed[name] = Followed(tail: JournalTail(path: "\(folder)/\(name)/events.jsonl"))
      var state = RunState(run: name)
      // The tail of a long journal may begin after this line.
      if let event { state.apply(event) }
      found.append(state)
    }
    isFirstLook = false
    lastLook = isDecided ? look : nil
    return found.reversed()
  }

  /// Whether a run's folder is so new that its lock and journal may still come.
  private func isYoung(_ path: String) -> Bool {
    var facts = stat()
    return stat(path, &facts) == 0 && time(nil) - facts.st_mtim.tv_sec < 10
  }
}
