public import ContentHashing
public import StructuredValue

/// What planning and scheduling want to know of an earlier run: a small part of its record, read in a
/// small part of the time.
///
/// Most runs ask for an instance or two of a thousand, so the record's parts are read as they are
/// asked for.
public final class PastRun: RecordContent {
  public static let lists: Set<RecordList> = [.instances]

  /// Lists of instances, as JSON.
  private let parts: [[UInt8]]
  /// How often an instance was looked for without the others having been read.
  private var searches = 0

  public init() { parts = [] }

  public init(parts: RecordParts) throws(JSONError) {
    // A record in one piece has the list in its head.
    if let lists = parts.lists[.instances] {
      self.parts = lists
    } else {
      self.parts = [try JSONReader.read(parts.head, as: Whole.self).list]
    }
  }

  /// All instances by name; of two with one name the first counts.
  ///
  /// What can't be read is as if the run had not had it.
  public private(set) lazy var instances: [String: PastInstance] = {
    var instances: [String: PastInstance] = [:]
    for part in parts { instances.merge(Self.instances(in: part)) { first, _ in first } }
    return instances
  }()

  /// The instance of a name.
  public func instance(named name: String) -> PastInstance? {
    searches += 1
    guard searches <= 4 else { return instances[name] }
    let quoted = name.jsonBytes
    for part in parts where part.contains(quoted) {
      if let instance = Self.instances(in: part)[name] { return instance }
    }
    return nil
  }

  private static func instances(in part: [UInt8]) -> [String: PastInstance] {
    (try? JSONReader.read(part, as: Part.self).instances) ?? [:]
  }

  /// A record in one piece.
  private struct Whole: JSONReadable {
    var list: [UInt8] = []

    init(json reader: inout JSONReader) throws(JSONError) {
      try reader.beginObject()
      while let member = try reader.nextKey() {
        if member == "instances" { list = try reader.text() } else { try reader.skip() }
      }
    }
  }

  private struct Part: JSONReadable {
    var instances: [String: PastInstance] = [:]

    init(json reader: inout JSONReader) throws(JSONError) {
      try reader.beginList()
      while try reader.nextElement() {
        let (name, instance) = try PastInstance.named(json: &reader)
        instances[name] = instances[name] ?? instance
      }
    }
  }
}

extension [UInt8] {
  /// Whether a quoted text, of two bytes at least, stands in these bytes.
  fileprivate func contains(_ quoted: [UInt8]) -> Bool {
    guard count >= quoted.count else { return false }
    return withUnsafeBufferPointer { bytes in
      quoted.withUnsafeBufferPointer { quoted in
        for start in 0...(bytes.count - quoted.count)
        where bytes[start] == quoted[0] && bytes[start + 1] == quoted[1] {
          let found = UnsafeBufferPointer(rebasing: bytes[start..<(start + quoted.count)])
          if found.elementsEqual(quoted) { return true }
        }
        return false
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
