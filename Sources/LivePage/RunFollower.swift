import ArtifactStore
import Foundation
import StructuredValue

/// Follows the newest run of a pipeline, whoever started it, through its journal in the store.
actor RunFollower {
  private let store: ArtifactStore
  private let file: String
  private let live: LiveState
  /// Called when results came in, or a run ended: what the notebook shows has changed.
  private let refresh: @Sendable () -> Void

  private var tail: JournalTail?
  private var run: String?
  private var isOver = true
  /// Runs of other pipelines.
  private var foreign: Set<String> = []
  private var lastLook: String?
  private var usage = ProcessUsage()
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
      try? await Task.sleep(for: isOver ? RunFollower.interval * 2 : RunFollower.interval)
    }
  }

  /// Takes in what has happened since the last look.
  func look() async {
    beats += 1
    if beats % 100 == 0 { live.hub.beat() }
    if let found = findNewest() { await live.follow(found) }
    guard tail != nil, let run else { return }
    // Asked before reading: what a run wrote before it ended is then all there.
    let process = isOver ? nil : store.process(ofRun: run)
    var hasResults = false
    // At most so much at once that other work gets its turn.
    for _ in 0..<16 {
      guard let lines = tail?.lines(), !lines.isEmpty else { break }
      if await live.take(lines) { hasResults = true }
    }
    if hasResults { refresh() }
    guard !isOver else { return }
    if let process {
      if beats % 10 == 0 { await live.show(usage: usage.measure(below: process)) }
    } else {
      isOver = true
      usage = ProcessUsage()
      await live.lose()
      await live.show(usage: .null)
      refresh()
    }
  }

  /// Turns to the newest run of this pipeline.
  ///
  /// - Returns: Nil where it is followed already.
  private func findNewest() -> RunState? {
    let folder = "\(store.path)/runs"
    let look = ArtifactStore.signature(of: folder)
    guard look != lastLook else { return nil }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    var isDecided = true
    for name in names.sorted(by: >) where !foreign.contains(name) {
      if let run, name <= run { break }
      guard let line = JournalTail.firstLine(of: "\(folder)/\(name)/events.jsonl") else {
        // It has just begun, or is a record alone.
        if store.process(ofRun: name) != nil { isDecided = false }
        continue
      }
      let event = try? Value(json: line)
      guard event?["file"]?.string ?? file == file else {
        foreign.insert(name)
        continue
      }
      run = name
      tail = JournalTail(path: "\(folder)/\(name)/events.jsonl")
      isOver = false
      lastLook = isDecided ? look : nil
      var state = RunState(run: name)
      // The tail of a long journal may begin after this line.
      if let event { state.apply(event) }
      return state
    }
    if isDecided { lastLook = look }
    return nil
  }
}
