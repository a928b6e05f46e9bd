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

  /// As wide at the start of a run as at its end.
  var counter: String {
    let (part, whole) = (String(done), String(selected.count))
    let gap = String(repeating: " ", count: max(0, whole.count - part.count))
    return "[\(gap)\(part)/\(whole)]"
  }
  /// How much of the run is over.
  var share: Double { selected.isEmpty ? 0 : Double(done) / Double(selected.count) }

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
      Terminal.fitted(
        "\(name) \(metric.value.double.map { shortNumber($0) } ?? metric.value.text)", 60)
    }
    return shown.isEmpty ? "" : Terminal.styled("  " + shown.joined(separator: ", "), .dim)
  }
}

/// A number with four significant digits.
func shortNumber(_ value: Double) -> String {
  if value == value.rounded(), abs(value) < 1e9 { return String(Int(value)) }
  return String(format: "%.4g", value)
}
