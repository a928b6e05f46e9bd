import Execution
import Foundation
import RunRecord
import StructuredValue

/// Shows a run to whoever started it.
protocol RunDisplay: AnyObject {
  func show(_ event: RunEvent)
}

/// Every event as a line of JSON on standard output, for programs.
final class JSONDisplay: RunDisplay {
  func show(_ event: RunEvent) { Terminal.print(event.json.json()) }
}

/// A line for everything that ends, for logs and pipes.
class PlainDisplay: RunDisplay {
  private let isVerbose: Bool
  private let isQuiet: Bool
  private var selected: Set<String> = []
  private var done = 0

  init(isVerbose: Bool, isQuiet: Bool) {
    self.isVerbose = isVerbose
    self.isQuiet = isQuiet
  }

  func show(_ event: RunEvent) {
    switch event {
    case .began(_, _, let instances): selected = Set(instances)
    case .started(let instance, let attempt, let why):
      if isVerbose {
        say("  start  \(instance)\(attempt > 1 ? " (attempt \(attempt))" : ""): \(why)")
      }
    case .line(let instance, let text):
      if isVerbose { say("         \(instance) | \(Terminal.fitted(text, 500))") }
    case .warning(let instance, let message):
      say(Terminal.styled("warning", .yellow) + ": \(instance.map { $0 + ": " } ?? "")\(message)")
    case .retrying(let instance, let failure, let seconds):
      say(
        Terminal.styled("retry", .yellow)
          + "    \(instance) \(failure.message); again in \(durationText(seconds))")
    case .finished(let record):
      // What was left out of the run is no part of its total.
      if selected.contains(record.name) { done += 1 }
      if let line = line(for: record) { say(line) }
    case .progress, .metric, .ended: break
    }
  }

  /// Overridden by the display that has a live area to keep clear.
  func say(_ text: String) { Terminal.note(text) }

  var counter: String { "[\(done)/\(selected.count)]" }
  var remaining: Int { max(0, selected.count - done) }

  private func line(for record: InstanceRecord) -> String? {
    let name = record.name
    switch record.outcome {
    case .executed:
      guard !isQuiet else { return nil }
      return Terminal.styled("done", .green)
        + "   \(counter) \(name)  \(Terminal.styled(durationText(record.seconds), .dim))"
        + metrics(of: record)
    case .cached: return isVerbose ? Terminal.styled("cached", .dim) + " \(counter) \(name)" : nil
    case .skipped: return isVerbose ? "skip   \(counter) \(name): \(record.why)" : nil
    case .blocked: return Terminal.styled("blocked", .yellow) + " \(name): \(record.why)"
    case .cancelled: return Terminal.styled("ended", .yellow) + "  \(name): \(record.why)"
    case .failed:
      var lines = [
        Terminal.styled("FAILED", .red) + " \(counter) \(Terminal.styled(name, .bold)) "
          + "\(record.error.map { "\($0.code): \($0.message)" } ?? "")"
      ]
      lines += (record.error?.excerpt ?? []).map { "       | \(Terminal.fitted($0, 400))" }
      return lines.joined(separator: "\n")
    }
  }

  private func metrics(of record: InstanceRecord) -> String {
    let shown = record.metrics.sorted { $0.key < $1.key }.prefix(3).map { name, metric in
      "\(name) \(metric.value.double.map { shortNumber($0) } ?? metric.value.text)"
    }
    return shown.isEmpty ? "" : Terminal.styled("  " + shown.joined(separator: ", "), .dim)
  }
}

/// A number with four significant digits.
func shortNumber(_ value: Double) -> String {
  if value == value.rounded(), abs(value) < 1e9 { return String(Int(value)) }
  return String(format: "%.4g", value)
}

/// One line with its own bar for each running stage, redrawn in place.
final class LiveDisplay: PlainDisplay {
  private var running: [(name: String, started: Date, state: String, fraction: Double?)] = []
  private var drawnLines = 0
  private var lastDrawn = Date.distantPast

  override func show(_ event: RunEvent) {
    switch event {
    case .started(let instance, _, _):
      running.append((instance, Date(), "", nil))
    case .progress(let instance, let done, let total, let unit, let message):
      guard let index = running.firstIndex(where: { $0.name == instance }) else { break }
      running[index].fraction = total > 0 ? min(1, Double(done) / Double(total)) : nil
      let count = total > 0 ? "\(done)/\(total) \(unit)" : "\(done) \(unit)"
      running[index].state = [count, message].filter { !$0.isEmpty }.joined(separator: "  ")
    case .line(let instance, let text):
      guard let index = running.firstIndex(where: { $0.name == instance }) else { break }
      if running[index].fraction == nil { running[index].state = text }
    case .finished(let record): running.removeAll { $0.name == record.name }
    case .retrying(let instance, _, _): running.removeAll { $0.name == instance }
    case .ended: running = []
    default: break
    }
    super.show(event)
    var isUrgent = true
    switch event {
    case .progress, .line, .metric: isUrgent = false
    default: break
    }
    if isUrgent || Date().timeIntervalSince(lastDrawn) > 0.08 { draw() }
  }

  override func say(_ text: String) {
    erase()
    super.say(text)
  }

  private func erase() {
    guard drawnLines > 0 else { return }
    Terminal.write("\u{1B}[\(drawnLines)A\u{1B}[J", to: STDERR_FILENO)
    drawnLines = 0
  }

  private func draw() {
    erase()
    lastDrawn = Date()
    let width = Terminal.width
    var lines = running.prefix(8).map { item in
      let time = durationText(Date().timeIntervalSince(item.started))
      let bar = item.fraction.map { progressBar($0, 16) } ?? String(repeating: " ", count: 16)
      return Terminal.fitted("  \(bar) \(item.name)  \(time)  \(item.state)", width - 1)
    }
    if running.count > 8 { lines.append("  … and \(running.count - 8) more") }
    if !running.isEmpty {
      lines.append(
        Terminal.styled("  \(counter) \(running.count) running, \(remaining) to go", .dim))
    }
    drawnLines = lines.count
    if !lines.isEmpty { Terminal.write(lines.joined(separator: "\n") + "\n", to: STDERR_FILENO) }
  }

  private func progressBar(_ fraction: Double, _ width: Int) -> String {
    let eighths = Int((fraction * Double(width) * 8).rounded(.down))
    let parts = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]
    let full = String(repeating: "█", count: eighths / 8) + parts[eighths % 8]
    return full + String(repeating: "·", count: max(0, width - full.count))
  }
}
