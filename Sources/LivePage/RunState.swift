package import StructuredValue

/// A run as its events tell it so far, in bounded memory however long it goes on.
package struct RunState: Sendable {
  var run: String
  /// `running`, then the run's status; `lost` where its process died without a word.
  var status = "running"
  /// Seconds since 1970.
  var began: Double?
  var ended: Double?
  /// The instances that the run may execute.
  var selected: [String] = []
  package private(set) var stages: [String: StageState] = [:]
  private(set) var warnings: [String] = []
  /// What its processes use of the machine, while it goes on.
  var usage: Value = .null
  /// Stages that ended, oldest first: their logs are the first to be forgotten.
  private var over: [String] = []
  private var curves = 0

  /// Stages that ended whose log is kept.
  static let keptLogs = 64
  /// Curves of a run; a matrix of thousands has more than anybody looks at.
  static let keptCurves = 400

  package init(run: String) { self.run = run }

  /// Takes in a line of the run's journal.
  package mutating func apply(_ event: Value) {
    let name = event["instance"]?.string ?? ""
    let moment = event["at"]?.double
    switch event["event"]?.string {
    case "began":
      began = moment
      selected = event["instances"]?.list?.compactMap(\.string) ?? []
    case "started":
      var stage = StageState()
      stage.attempt = event["attempt"]?.int ?? 1
      stage.why = event["why"]?.string ?? ""
      stage.started = moment
      stage.curves = stages[name]?.curves ?? [:]
      stages[name] = stage
    case "progress":
      stages[name]?.progress = [
        "done": event["done"] ?? 0, "total": event["total"] ?? 0, "unit": event["unit"] ?? "",
        "message": event["message"] ?? "",
      ]
    case "metric": point(event, of: name)
    case "line":
      if let text = event["text"]?.string { stages[name]?.say(text) }
    case "warning":
      if let text = event["message"]?.string {
        warnings.append(name.isEmpty ? text : "\(name): \(text)")
        if warnings.count > 20 { warnings.removeFirst() }
      }
    case "retrying":
      stages[name]?.state = "retrying"
      stages[name]?.message = event["message"]?.string
    case "finished": finish(name, event, moment)
    case "ended":
      status = event["status"]?.string ?? "failed"
      ended = moment
    default: break
    }
  }

  private mutating func point(_ event: Value, of name: String) {
    guard let metric = event["name"]?.string, let step = event["step"]?.int,
      let value = event["value"]?.double, stages[name] != nil
    else { return }
    if stages[name]?.curves[metric] == nil {
      guard curves < RunState.keptCurves else { return }
      curves += 1
    }
    stages[name]?.curves[metric, default: Curve()].append(step: step, value: value)
  }

  private mutating func finish(_ name: String, _ event: Value, _ moment: Double?) {
    var stage = stages[name] ?? StageState()
    stage.state = event["outcome"]?.string ?? "executed"
    stage.why = event["why"]?.string ?? stage.why
    stage.seconds = event["seconds"]?.double
    stage.code = event["code"]?.string
    stage.message = event["message"]?.string
    stage.progress = nil
    stages[name] = stage
    guard !stage.log.isEmpty else { return }
    over.append(name)
    // What failed is what people come to read.
    while over.count > RunState.keptLogs,
      let index = over.firstIndex(where: { stages[$0]?.state != "failed" })
    {
      stages[over.remove(at: index)]?.forgetLog()
    }
  }

  /// The instances that it has still to finish.
  var open: Set<String> {
    Set(selected.filter { ["running", "retrying", nil].contains(stages[$0]?.state) })
  }

  var json: Value {
    [
      "run": .string(run), "status": .string(status), "began": began.map { .double($0) } ?? .null,
      "ended": ended.map { .double($0) } ?? .null,
      "selected": .list(selected.map { .string($0) }), "stages": .map(stages.mapValues(\.json)),
      "warnings": .list(warnings.map { .string($0) }), "usage": usage,
    ]
  }
}

/// An instance as far as the run has come with it.
package struct StageState: Sendable {
  /// `running`, `retrying`, or its outcome.
  package var state = "running"
  var attempt = 1
  var why = ""
  /// Seconds since 1970.
  package var started: Double?
  package var seconds: Double?
  package var progress: Value?
  var curves: [String: Curve] = [:]
  var code: String?
  package var message: String?
  package private(set) var log: [String] = []
  /// Lines that came before those of `log`.
  private(set) var omitted = 0

  static let keptLines = 200
  /// Characters of a line.
  static let lineLimit = 1000

  mutating func say(_ text: String) {
    log.append(String(text.prefix(StageState.lineLimit)))
    guard log.count > StageState.keptLines * 2 else { return }
    omitted += StageState.keptLines
    log.removeFirst(StageState.keptLines)
  }

  mutating func forgetLog() {
    omitted += log.count
    log = []
  }

  var json: Value {
    var json: [String: Value] = [
      "state": .string(state), "attempt": .int(attempt), "why": .string(why),
    ]
    if let started { json["started"] = .double(started) }
    if let seconds { json["seconds"] = .double(seconds) }
    if let progress { json["progress"] = progress }
    if let code { json["code"] = .string(code) }
    if let message { json["message"] = .string(message) }
    if !curves.isEmpty { json["curves"] = .map(curves.mapValues(\.json)) }
    if !log.isEmpty { json["log"] = .list(log.map { .string($0) }) }
    if omitted > 0 { json["omitted"] = .int(omitted) }
    return .map(json)
  }
}
