import Foundation
import Notebook
import Projects
import StructuredValue

/// All that a live page shows, and the only one that tells pages about changes of it, so that a
/// snapshot and the events after it fit together.
actor LiveState {
  nonisolated let hub: EventHub
  private let isReadOnly: Bool
  /// All that go on, and the one that ended last, in the order of their beginning.
  private var runs: [RunState] = []
  private var notebook: Value = .null
  private var problem: String?
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
      "readOnly": .bool(isReadOnly), "runs": .list(runs.map(\.json)), "notebook": notebook,
      "problem": problem.map { .string($0) } ?? .null,
      "refusal": refusal.map { .string($0) } ?? .null,
      "id": .string("\(hub.epoch)-\(hub.latest)"),
    ]
    return value.json()
  }

  /// Turns to one more run.
  func follow(_ run: RunState) {
    runs.append(run)
    refusal = nil
    hub.publish("run", run.json.json())
  }

  /// Takes in new lines of a run's journal.
  ///
  /// - Returns: Whether an instance finished with a result.
  func take(_ lines: [[UInt8]], of run: String) -> Bool {
    guard let index = runs.firstIndex(where: { $0.run == run }) else { return false }
    var hasResults = false
    var events: [(line: [UInt8], event: Value)] = []
    for line in lines {
      // A line that is no event, as a torn one, tells nothing; control characters would break the
      // stream's own format.
      guard let event = try? Value(json: line), line.allSatisfy({ $0 >= 0x20 }) else { continue }
      runs[index].apply(event)
      if event["event"]?.string == "finished" { hasResults = true }
      events.append((line, event))
    }
    publish(LiveState.thinned(events), of: run)
    return hasResults
  }

  private func publish(_ lines: [[UInt8]], of run: String) {
    if lines.isEmpty { return }
    let texts = lines.map { String(decoding: $0, as: UTF8.self) }
    hub.publish(
      "events", "{\"run\":\(Value.string(run).json()),\"events\":[\(texts.joined(separator: ","))]}"
    )
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

  /// Takes note that a run's process is gone; the run is shown until another one ends.
  func end(_ run: String) {
    guard let index = runs.firstIndex(where: { $0.run == run }) else { return }
    runs[index].usage = .null
    if runs[index].status == "running" {
      runs[index].status = "lost"
      publish([Array("{\"event\":\"ended\",\"status\":\"lost\"}".utf8)], of: run)
    }
    runs.removeAll { $0.status != "running" && $0.run != run }
    hub.publish("over", Value.string(run).json())
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

  func show(usage: Value, of run: String) {
    guard let index = runs.firstIndex(where: { $0.run == run }), usage != runs[index].usage else {
      return
    }
    runs[index].usage = usage
    hub.publish("usage", Value.map(["run": .string(run), "usage": usage]).json())
  }

  func show(refusal text: String) {
    refusal = text
    hub.publish("refusal", Value.string(text).json())
  }

  /// The runs that go on, with the instances that each is still to finish.
  var going: [(run: String, open: Set<String>)] {
    runs.filter { $0.status == "running" }.map { ($0.run, $0.open) }
  }
}
