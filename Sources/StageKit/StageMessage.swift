public import StructuredValue

/// A line of JSON that a stage process writes to the descriptor in `PIPELINE_FD`.
public enum StageMessage: Hashable, Sendable {
  case hello(protocol: Int, name: String, version: String)
  case progress(done: Int, total: Int, unit: String, message: String)
  /// A result where `step` is nil, else a point of a curve.
  case metric(name: String, step: Int?, value: Value)
  case log(level: LogLevel, message: String)
  case checkpoint(path: String)
  case note(markdown: String)
  case result(outputs: [String], metrics: [String: Value])
  case error(code: String, message: String, isRetryable: Bool, slot: String?, line: Int?)
  /// A type that this version does not know; ignored, so that newer plugins still work.
  case unknown(type: String)
}

extension StageMessage {
  /// What is wrong with a line that is no message.
  public struct ProtocolError: Error, Sendable, CustomStringConvertible {
    public var description: String
    public init(description: String) { self.description = description }
  }

  /// Reads one line.
  ///
  /// - Throws: `ProtocolError` when the line is no JSON object with a `type`, or a known type lacks
  ///   what it must have.
  public init(line: [UInt8]) throws(ProtocolError) {
    guard let value = try? Value(json: line), let type = value["type"]?.string else {
      // What Python's json.dumps makes of such a number, and the one mistake that is not seen in it.
      let text = String(decoding: line, as: UTF8.self)
      let isNumber = text.contains(/:\s*-?(NaN|Infinity)\s*[,}]/)
      throw ProtocolError(
        description: "the line is not a JSON object with a 'type'"
          + (isNumber ? ", as JSON has no NaN and Infinity (send them as texts, \"NaN\")" : "")
          + ": \(StageMessage.excerpt(line))")
    }
    func need<Result>(_ name: String, _ result: Result?) throws(ProtocolError) -> Result {
      guard let result else {
        throw ProtocolError(
          description:
            "the message '\(type)' lacks a valid '\(name)': \(StageMessage.excerpt(line))")
      }
      return result
    }
    func text(_ name: String) throws(ProtocolError) -> String {
      try need(name, value[name]?.string)
    }
    switch type {
    case "hello":
      self = .hello(
        protocol: try need("protocol", value["protocol"]?.int), name: try text("name"),
        version: value["version"]?.string ?? "")
    case "progress":
      self = .progress(
        done: try need("done", value["done"]?.wholeNumber),
        total: value["total"]?.wholeNumber ?? 0, unit: value["unit"]?.string ?? "",
        message: value["message"]?.string ?? "")
    case "metric":
      let number = try need("value", value["value"])
      guard number.isNull || number.double != nil else {
        throw ProtocolError(
          description: "the metric's value is no number: \(StageMessage.excerpt(line))")
      }
      self = .metric(name: try text("name"), step: value["step"]?.wholeNumber, value: number)
    case "log":
      self = .log(
        level: value["level"]?.string.flatMap(LogLevel.init) ?? .info, message: try text("message"))
    case "checkpoint": self = .checkpoint(path: try text("path"))
    case "note": self = .note(markdown: try text("markdown"))
    case "result":
      self = .result(
        outputs: value["outputs"]?.list?.compactMap(\.string) ?? [],
        metrics: value["metrics"]?.map ?? [:])
    case "error":
      let location = value["location"]
      self = .error(
        code: value["code"]?.string ?? "failed", message: try text("message"),
        isRetryable: value["retryable"]?.bool ?? false, slot: location?["slot"]?.string,
        line: location?["line"]?.int)
    default: self = .unknown(type: type)
    }
  }

  /// The message as one line of JSON without the line's end.
  public var line: String {
    let value: Value =
      switch self {
      case .hello(let version, let name, let stageVersion):
        [
          "type": "hello", "protocol": .int(version), "name": .string(name),
          "version": .string(stageVersion),
        ]
      case .progress(let done, let total, let unit, let message):
        [
          "type": "progress", "done": .int(done), "total": .int(total), "unit": .string(unit),
          "message": .string(message),
        ]
      case .metric(let name, let step, let value):
        [
          "type": "metric", "name": .string(name), "step": step.map { .int($0) } ?? .null,
          "value": value,
        ]
      case .log(let level, let message):
        ["type": "log", "level": .string(level.rawValue), "message": .string(message)]
      case .checkpoint(let path): ["type": "checkpoint", "path": .string(path)]
      case .note(let markdown): ["type": "note", "markdown": .string(markdown)]
      case .result(let outputs, let metrics):
        [
          "type": "result", "outputs": .list(outputs.map { .string($0) }),
          "metrics": .map(metrics),
        ]
      case .error(let code, let message, let isRetryable, let slot, let line):
        [
          "type": "error", "code": .string(code), "message": .string(message),
          "retryable": .bool(isRetryable),
          "location": [
            "slot": slot.map { .string($0) } ?? .null, "line": line.map { .int($0) } ?? .null,
          ],
        ]
      case .unknown(let type): ["type": .string(type)]
      }
    return value.json()
  }

  private static func excerpt(_ line: [UInt8]) -> String {
    let text = String(decoding: line.prefix(80), as: UTF8.self)
    let printable = text.unicodeScalars.map { $0.value < 0x20 ? "·" : String($0) }.joined()
    return "'\(printable)\(line.count > 80 ? "…" : "")'"
  }
}

extension Value {
  /// An integer; a number with a fraction loses it, since progress may well be counted in halves.
  fileprivate var wholeNumber: Int? {
    int ?? double.flatMap { $0.isFinite && abs($0) < 9e15 ? Int($0) : nil }
  }
}

extension StageMessage {
  /// Bytes that a line may have.
  public static let maximumLength = 1 << 20
}
