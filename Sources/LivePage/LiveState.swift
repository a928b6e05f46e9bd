import Foundation
import Notebook
import Projects
import StructuredValue

/// All that a live page shows, and the only one that tells pages about changes of it, so that a
/// snapshot and the events after it fit together.
actor LiveState {
  nonisolated let hub: EventHub
  private let isReadOnly: Bool
  private var run: RunState?
  private var notebook: Value = .null
  private var problem: String?
  private var usage: Value = .null
  /// Why the last run that was started from the page did not come about.
  private var refusal: String?

  init(hub: EventHub, isReadOnly: Bool) {
    self.hub = hub
    self.isReadOnly = isReadOnly
  }

  /// Everything, as of the event with this number.
  func snapshot() -> (number: Int, json: String) { (hub.latest, json) }

  private var json: String {
    let value: Value = [
      "readOnly": .bool(isReadOnly), "run": run?.json ?? .null, "notebook": notebook,
      "problem": problem.map { .string($0) } ?? .null, "usage": usage,
      "refusal": refusal.map { .string($0) } ?? .null,
      "id": .string("\(hub.epoch)-\(hub.latest)"),
    ]
    return value.json()
  }

  /// Turns to another run.
  func follow(_ run: RunState) {
    self.run = run
    refusal = nil
    usage = .null
    hub.publish("run", run.json.json())
  }

  /// Takes in new lines of the run's journal.
  ///
  /// - Returns: Whether an instance finished with a result.
  func take(_ lines: [[UInt8]]) -> Bool {
    var hasResults = false
    var events: [(line: [UInt8], event: Value)] = []
    for line in lines {
      // A line that is no event, as a torn one, tells nothing; control characters would break the
      // stream's own format.
      guard let event = try? Value(json: line), line.allSatisfy({ $0 >= 0x20 }) else { continue }
      run?.apply(event)
      if event["event"]?.string == "finished" { hasResults = true }
      events.append((line, event))
    }
    let shown = LiveState.thinned(events)
    if !shown.isEmpty {
      let texts = shown.map { String(decoding: $0, as: UTF8.self) }
      hub.publish("events", "[\(texts.joined(separator: ","))]")
    }
    return hasResults
  }

  /// Without what the page would show only to replace it at once.
  private static func thinned(_ events: [(line: [UInt8], event: Value)]) -> [[UInt8]] {
    guard events.count > 400 else { return events.map(\.line) }
    var lines: [String: Int] = [:]
    var hasProgress: Set<String> = []
    var kept: [[UInt8]] = []
    for (line, event) in events.reversed() {
      let name = event["instance"]?.string ?? ""
      switch event["event"]?.string {
      case "line":
        lines[name, default: 0] += 1
        if lines[name, default: 0] > StageState.keptLines { continue }
      case "progress": if !hasProgress.insert(name).inserted { continue }
      default: break
      }
      kept.append(line)
    }
    return kept.reversed()
  }

  /// The run's process is gone.
  func lose() {
    guard var lost = run, lost.status == "running" else { return }
    lost.status = "lost"
    run = lost
    hub.publish("events", "[{\"event\":\"ended\",\"status\":\"lost\"}]")
  }

  func show(_ notebook: Value) {
    problem = nil
    guard notebook != self.notebook else { return hub.publish("problem", "null") }
    self.notebook = notebook
    hub.publish("notebook", notebook.json())
  }

  /// The pipeline's file is wrong; what was shown before stays.
  func show(problem text: String) {
    guard problem != text else { return }
    problem = text
    hub.publish("problem", Value.string(text).json())
  }

  func show(usage: Value) {
    guard usage != self.usage else { return }
    self.usage = usage
    hub.publish("usage", usage.json())
  }

  func show(refusal text: String) {
    refusal = text
    hub.publish("refusal", Value.string(text).json())
  }

  /// The run that is followed, while its process lives.
  var runningRun: String? { run.flatMap { $0.status == "running" ? $0.run : nil } }
}
