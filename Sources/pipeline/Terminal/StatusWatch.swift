import ArtifactStore
import Foundation
import LivePage
import PipelineSpec
import Planning
import Projects
import StructuredValue

/// `status --watch`: how every stage stands, drawn anew as it changes, also by a run that another
/// terminal or a page started.
struct StatusWatch {
  private let load: () throws -> (Project, LoadedPipeline)
  private var area = LiveArea()
  private var rows: [Row] = []
  private var problem: [String] = []
  private var planned = Date.distantPast
  private var project: Project?
  private var file = ""
  private var followed: (run: String, tail: JournalTail, state: RunState)?

  private struct Row {
    var state: String
    var name: String
    var text: String
  }

  init(load: @escaping () throws -> (Project, LoadedPipeline)) { self.load = load }

  /// Watches until the process is ended.
  mutating func run() throws -> Never {
    // Mistakes in the arguments end the command; what is wrong later is shown until it is right.
    try plan()
    while true {
      follow()
      if followed == nil, Date().timeIntervalSince(planned) > 2 {
        do {
          try plan()
          problem = []
        } catch {
          problem = "\(error)".split(separator: "\n").map(String.init)
        }
      }
      area.draw(lines())
      usleep(followed == nil ? 500_000 : 250_000)
    }
  }

  private mutating func plan() throws {
    let (project, loaded) = try load()
    rows = try project.plan(loaded, selection: Selection()).map {
      Row(state: $0.word, name: $0.instance.name, text: $0.word == "cached" ? "" : $0.why)
    }
    self.project = project
    file = loaded.file
    planned = Date()
  }

  /// Reads on in the journal of a living run of this pipeline.
  private mutating func follow() {
    guard let store = project?.store else { return }
    if followed == nil, let run = living(store) {
      let path = "\(store.runFolder(run))/events.jsonl"
      followed = (run, JournalTail(path: path), RunState(run: run))
    }
    guard let run = followed?.run else { return }
    let isAlive = store.process(ofRun: run) != nil
    while let lines = followed?.tail.lines(), !lines.isEmpty {
      for line in lines {
        if let event = try? Value(json: line) { followed?.state.apply(event) }
      }
    }
    if !isAlive {
      followed = nil
      planned = .distantPast
    }
  }

  private func living(_ store: ArtifactStore) -> String? {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(store.path)/runs")) ?? []
    return names.sorted(by: >).prefix(20).first { name in
      guard store.process(ofRun: name) != nil,
        let line = JournalTail.firstLine(of: "\(store.runFolder(name))/events.jsonl")
      else { return false }
      return (try? Value(json: line))?["file"]?.string ?? file == file
    }
  }

  // MARK: - Drawing

  private func lines() -> [(text: String, style: Terminal.Style?)] {
    let room = max(3, Terminal.height - 3)
    var shown = rows.map { row in
      followed.flatMap { live(row, $0.state) } ?? row
    }
    let counts = Dictionary(grouping: shown, by: \.state).mapValues(\.count)
    // What happens now is on top, what is done is only counted where there is no room.
    let order = [
      "running", "retrying", "failed", "run", "wait", "blocked", "executed", "skip", "cached",
    ]
    func place(_ row: Row) -> Int { order.firstIndex(of: row.state) ?? order.count }
    if shown.count > room {
      shown = shown.enumerated().sorted {
        (place($0.element), $0.offset) < (place($1.element), $1.offset)
      }.map(\.element)
    }
    var lines: [(text: String, style: Terminal.Style?)] = problem.prefix(room / 2).map {
      ($0, .red)
    }
    let width = shown.prefix(room).map(\.name.count).max() ?? 0
    for row in shown.prefix(room - lines.count) {
      let state = row.state.padding(toLength: 9, withPad: " ", startingAt: 0)
      let gap = String(repeating: " ", count: width - row.name.count)
      lines.append(("\(state) \(row.name)\(gap)  \(row.text)", StatusWatch.style(row.state)))
    }
    let summary = order.compactMap { state in counts[state].map { "\($0) \(state)" } }
      .joined(separator: ", ")
    let run = followed.map { "run \($0.run): " } ?? ""
    lines.append(("\(run)\(summary)  (Ctrl-C ends this, not the run)", .dim))
    return lines
  }

  /// How a stage stands in the run that is followed; nil where the run has not come to it.
  private func live(_ row: Row, _ state: RunState) -> Row? {
    guard let stage = state.stages[row.name] else { return nil }
    var row = Row(state: stage.state, name: row.name, text: stage.message ?? "")
    guard stage.state == "running" else {
      if let seconds = stage.seconds, stage.state == "executed" { row.text = durationText(seconds) }
      return row
    }
    if let started = stage.started {
      row.text = durationText(Date().timeIntervalSince1970 - started)
    }
    if let progress = stage.progress {
      let (done, total) = (progress["done"]?.double ?? 0, progress["total"]?.double ?? 0)
      if total > 0 { row.text = progressBar(done / total, 16) + " " + row.text }
      row.text += "  \(progress["message"]?.string ?? "")"
    } else if let line = stage.log.last {
      row.text += "  \(line)"
    }
    return row
  }

  private static func style(_ state: String) -> Terminal.Style? {
    switch state {
    case "running": .cyan
    case "failed": .red
    case "executed": .green
    case "retrying", "blocked": .yellow
    case "cached", "skip": .dim
    default: nil
    }
  }
}
