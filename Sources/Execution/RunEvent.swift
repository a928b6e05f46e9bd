import ContentHashing
public import RunRecord
public import StructuredValue

/// What happens during a run, in order; for the terminal, the event file and the live page.
public enum RunEvent: Sendable {
  /// The run of a pipeline file starts; the names of all instances that it may execute.
  case began(run: String, file: String, instances: [String])
  /// An attempt started.
  case started(instance: String, attempt: Int, why: String)
  case progress(instance: String, done: Int, total: Int, unit: String, message: String)
  /// A point of a curve.
  case metric(instance: String, name: String, step: Int, value: Value)
  /// A line of a stage's standard output or error, or a log message of its own.
  case line(instance: String, text: String)
  case warning(instance: String?, message: String)
  /// An attempt failed and another one follows.
  case retrying(instance: String, failure: StageFailure, seconds: Double)
  case finished(InstanceRecord)
  case ended(RunRecord.Status)
}

extension RunEvent {
  /// The event as one JSON object with a stable shape, for `--json` and `--events`.
  public var json: Value { .map(Dictionary(uniqueKeysWithValues: members)) }

  /// The members of that object: pairs, since thousands of events become text without a map in between.
  package var members: [(String, Value)] {
    switch self {
    case .began(let run, let file, let instances):
      [
        ("event", "began"), ("run", .string(run)), ("file", .string(file)),
        ("instances", .list(instances.map { .string($0) })),
      ]
    case .started(let instance, let attempt, let why):
      [
        ("event", "started"), ("instance", .string(instance)), ("attempt", .int(attempt)),
        ("why", .string(why)),
      ]
    case .progress(let instance, let done, let total, let unit, let message):
      [
        ("event", "progress"), ("instance", .string(instance)), ("done", .int(done)),
        ("total", .int(total)), ("unit", .string(unit)), ("message", .string(message)),
      ]
    case .metric(let instance, let name, let step, let value):
      [
        ("event", "metric"), ("instance", .string(instance)), ("name", .string(name)),
        ("step", .int(step)), ("value", value),
      ]
    case .line(let instance, let text):
      [("event", "line"), ("instance", .string(instance)), ("text", .string(text))]
    case .warning(let instance, let message):
      [
        ("event", "warning"), ("instance", instance.map { .string($0) } ?? .null),
        ("message", .string(message)),
      ]
    case .retrying(let instance, let failure, let seconds):
      [
        ("event", "retrying"), ("instance", .string(instance)), ("code", .string(failure.code)),
        ("message", .string(failure.message)), ("seconds", .double(seconds)),
      ]
    case .finished(let record):
      [
        ("event", "finished"), ("instance", .string(record.name)),
        ("outcome", .string(record.outcome.rawValue)), ("why", .string(record.why)),
        ("key", record.key.map { .string($0.hex) } ?? .null),
        ("seconds", .double(record.seconds)),
        ("metrics", .map(record.metrics.mapValues(\.value))),
        ("code", record.error.map { .string($0.code) } ?? .null),
        ("message", record.error.map { .string($0.message) } ?? .null),
      ]
    case .ended(let status): [("event", "ended"), ("status", .string(status.rawValue))]
    }
  }
}
