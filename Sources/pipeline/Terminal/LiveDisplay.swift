import Execution
import Foundation
import RunRecord
import Synchronization

/// One line with its own bar for each running stage and one for the whole run, redrawn in place.
///
/// Clocks go on between events: a timer redraws, so all state stands behind a lock.
final class LiveDisplay: PlainDisplay {
  private struct Running {
    var name: String
    var started = Date()
    var state = ""
    var fraction: Double?
  }

  private let lock = NSRecursiveLock()
  private var area = LiveArea()
  private var running: [Running] = []
  private var waiting: [String: Date] = [:]
  private var failures = 0
  private var began = Date()
  private var lastDrawn = Date.distantPast
  /// Whether something has happened since.
  private var isDirty = false
  private var timer: (any DispatchSourceTimer)?
  /// Lines to print above the area with the next drawing.
  private var said: [String] = []

  override func show(_ event: RunEvent) {
    lock.withLock {
      take(event)
      super.show(event)
      switch event {
      case .progress, .line, .metric:
        isDirty = true
        if Date().timeIntervalSince(lastDrawn) > 0.08 { draw() }
      default: draw()
      }
    }
  }

  private func take(_ event: RunEvent) {
    switch event {
    case .began:
      began = Date()
      startClock()
    case .started(let instance, _, _):
      waiting[instance] = nil
      running.append(Running(name: instance))
    case .progress(let instance, let done, let total, let unit, let message):
      guard let index = running.firstIndex(where: { $0.name == instance }) else { return }
      running[index].fraction = total > 0 ? Double(done) / Double(total) : nil
      let count = total > 0 ? "\(done)/\(total) \(unit)" : "\(done) \(unit)"
      running[index].state = [count, message].filter { !$0.isEmpty }.joined(separator: "  ")
    case .line(let instance, let text):
      guard let index = running.firstIndex(where: { $0.name == instance }) else { return }
      if running[index].fraction == nil { running[index].state = text }
    case .retrying(let instance, _, let seconds):
      running.removeAll { $0.name == instance }
      waiting[instance] = Date(timeIntervalSinceNow: seconds)
    case .finished(let record):
      running.removeAll { $0.name == record.name }
      waiting[record.name] = nil
      if record.outcome == .failed { failures += 1 }
    case .ended:
      running = []
      waiting = [:]
      timer?.cancel()
      timer = nil
    case .metric, .warning: break
    }
  }

  override func say(_ text: String) { said.append(text) }

  private func startClock() {
    let timer = DispatchSource.makeTimerSource()
    timer.schedule(deadline: .now() + 0.1, repeating: 0.1, leeway: .milliseconds(50))
    timer.setEventHandler { [weak self] in
      guard let self else { return }
      self.lock.withLock { self.tick() }
    }
    self.timer = timer
    timer.resume()
  }

  private func tick() {
    guard timer != nil, isDirty || Date().timeIntervalSince(lastDrawn) > 0.45 else { return }
    draw()
  }

  // MARK: - Drawing

  private func draw() {
    isDirty = false
    lastDrawn = Date()
    let lines = self.lines(width: Terminal.width, height: Terminal.height, now: lastDrawn)
    area.draw(lines, above: said)
    said = []
  }

  private func lines(width: Int, height: Int, now: Date) -> [(text: String, style: Terminal.Style?)]
  {
    guard !running.isEmpty || !waiting.isEmpty else { return [] }
    // Never more than half of the terminal: what was said above stays in sight.
    let limit = max(1, min(12, height / 2 - 2))
    let barWidth = width < 60 ? 8 : 16
    let nameWidth = min(
      running.prefix(limit).map(\.name.count).max() ?? 0, max(12, width - barWidth - 24))
    var lines: [(text: String, style: Terminal.Style?)] = running.prefix(limit).map { item in
      let bar =
        item.fraction.map { progressBar($0, barWidth) } ?? pulse(item.started, barWidth, now)
      let name = Terminal.fitted(item.name, nameWidth)
      let gap = String(repeating: " ", count: nameWidth - name.count)
      let time = durationText(now.timeIntervalSince(item.started))
      return ("  \(bar) \(name)\(gap)  \(time)  \(item.state)", nil)
    }
    if running.count > limit { lines.append(("  … and \(running.count - limit) more", .dim)) }
    for (name, moment) in waiting.sorted(by: { $0.key < $1.key }).prefix(3) {
      let seconds = max(0, moment.timeIntervalSince(now))
      lines.append(("  \(name) again in \(durationText(seconds))", .yellow))
    }
    var total = "  \(progressBar(share, barWidth)) \(counter)"
    total += "  \(durationText(now.timeIntervalSince(began)))  \(running.count) running"
    if failures > 0 { total += ", \(failures) failed" }
    lines.append((total, failures > 0 ? .red : .dim))
    return lines
  }

  /// Where a stage says nothing of its progress: a dot that wanders, so that one sees it is alive.
  private func pulse(_ started: Date, _ width: Int, _ now: Date) -> String {
    let steps = Int(now.timeIntervalSince(started) * 2) % (2 * width - 2)
    let place = steps < width ? steps : 2 * width - 2 - steps
    return String(repeating: "·", count: place) + "•"
      + String(repeating: "·", count: width - 1 - place)
  }
}
