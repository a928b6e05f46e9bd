public import ContentHashing
public import StructuredValue

/// What planning and scheduling want to know of an earlier run: a small part of its record, read in a
/// small part of the time.
public struct PastRun: JSONReadable, Sendable {
  public var instances: [String: PastInstance] = [:]

  public init() {}

  public init(json reader: inout JSONReader) throws(JSONError) {
    try reader.beginObject()
    while let member = try reader.nextKey() {
      guard member == "instances" else {
        try reader.skip()
        continue
      }
      try reader.beginList()
      while try reader.nextElement() {
        let (name, instance) = try PastInstance.named(json: &reader)
        instances[name] = instances[name] ?? instance
      }
    }
  }
}

/// What became of an instance in an earlier run.
public struct PastInstance: Sendable {
  public var outcome: InstanceRecord.Outcome
  public var key: Digest?
  /// Of wall time.
  public var seconds: Double
  public var error: StageFailure?
  private var why: String
  /// JSON: nearly always nobody asks.
  private var keyFieldsText: [UInt8]

  /// The components of its key.
  public var keyFields: [String: Value] {
    (try? JSONReader.read(keyFieldsText, as: [String: Value].self)) ?? [:]
  }

  /// Why it is still to be executed, where the run left it out; nil where it did not.
  public var pending: String? {
    switch outcome {
    case .skipped where key != nil: InstanceRecord.reason(ofLeftOut: why)
    case .skipped: "the latest run left it out"
    case .blocked, .cancelled: "the latest run did not get to it"
    default: nil
    }
  }

  /// Reads what `InstanceRecord` wrote.
  static func named(json reader: inout JSONReader) throws(JSONError) -> (String, PastInstance) {
    var name: String?
    var outcome: InstanceRecord.Outcome?
    var key: Digest?
    var seconds: Double?
    var error: StageFailure?
    var why: String?
    var keyFields: [UInt8]?
    try reader.beginObject()
    while let member = try reader.nextKey() {
      switch member {
      case "error": error = try reader.optional()
      case "key": key = try reader.optional()
      case "keyFields": keyFields = try reader.text()
      case "name": name = try reader.string()
      case "outcome": outcome = try InstanceRecord.Outcome(json: &reader)
      case "seconds": seconds = try reader.double()
      case "why": why = try reader.string()
      default: try reader.skip()
      }
    }
    return (
      try reader.required(name, "name"),
      PastInstance(
        outcome: try reader.required(outcome, "outcome"), key: key,
        seconds: try reader.required(seconds, "seconds"), error: error,
        why: try reader.required(why, "why"),
        keyFieldsText: try reader.required(keyFields, "keyFields"))
    )
  }
}
