public import ContentHashing
public import StructuredValue

/// What an action gave.
public struct ActionResult: Hashable, Sendable {
  /// The instance that executed it first.
  public var instance: String
  public var outputs: [String: ActionOutput] = [:]
  public var metrics: [String: Value] = [:]
  /// Markdown for the notebook.
  public var notes: [String] = []
  public var log: Digest?
  /// Seconds of wall time.
  public var seconds: Double = 0
  public var cpuSeconds: Double = 0
  /// Bytes at the peak, of the largest process.
  public var peakMemory: Int = 0
  /// The components of the key, for people who look into the entry; whoever asks for it by its key
  /// knows them, so they are not read back.
  public var keyFields: Value?

  public init(instance: String, keyFields: Value? = nil) {
    self.instance = instance
    self.keyFields = keyFields
  }
}

/// An output of an action.
public struct ActionOutput: Hashable, Sendable {
  public var kind: String
  public var digest: Digest
  public var isTree: Bool
  /// Bytes.
  public var size: Int

  public init(kind: String, digest: Digest, isTree: Bool, size: Int) {
    self.kind = kind
    self.digest = digest
    self.isTree = isTree
    self.size = size
  }
}

extension ActionResult {
  /// The entry's file: one line of JSON and one with its digest, so that a torn entry is seen for
  /// what it is.
  var text: [UInt8] {
    let json = jsonBytes
    return json + Array("\n\(Digest.of(json).hex)\n".utf8)
  }

  init?(text: [UInt8]) {
    guard let result = text.withUnsafeBufferPointer({ ActionResult(text: $0) }) else { return nil }
    self = result
  }

  init?(text: UnsafeBufferPointer<UInt8>) {
    let end = text.count - 66
    guard end > 0, text[end] == UInt8(ascii: "\n"), text.last == UInt8(ascii: "\n") else {
      return nil
    }
    let json = UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: text[..<end]))
    let digits = UnsafeBufferPointer(rebasing: text[(end + 1)...].dropLast())
    guard Digest(digits: digits) == Digest.of(json),
      let result = try? JSONReader.read(json, as: ActionResult.self)
    else { return nil }
    self = result
  }
}

// MARK: - JSON

extension ActionResult: JSONRepresentable {
  public init(json reader: inout JSONReader) throws(JSONError) {
    var instance: String?
    var outputs: [String: ActionOutput]?
    var metrics: [String: Value]?
    var notes: [String]?
    var log: Digest?
    var seconds: Double?
    var cpuSeconds: Double?
    var peakMemory: Int?
    try reader.beginObject()
    while let key = try reader.nextKey() {
      switch key {
      case "cpuSeconds": cpuSeconds = try reader.double()
      case "instance": instance = try reader.string()
      case "log": log = try reader.optional()
      case "metrics": metrics = try [String: Value](json: &reader)
      case "notes": notes = try [String](json: &reader)
      case "outputs": outputs = try [String: ActionOutput](json: &reader)
      case "peakMemory": peakMemory = try reader.int()
      case "seconds": seconds = try reader.double()
      default: try reader.skip()
      }
    }
    self.init(instance: try reader.required(instance, "instance"))
    self.outputs = try reader.required(outputs, "outputs")
    self.metrics = try reader.required(metrics, "metrics")
    self.notes = try reader.required(notes, "notes")
    self.log = log
    self.seconds = try reader.required(seconds, "seconds")
    self.cpuSeconds = try reader.required(cpuSeconds, "cpuSeconds")
    self.peakMemory = try reader.required(peakMemory, "peakMemory")
  }

  public func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("cpuSeconds", cpuSeconds)
    writer.member("instance", instance)
    writer.member("keyFields", keyFields)
    writer.member("log", log)
    writer.member("metrics", metrics)
    writer.member("notes", notes)
    writer.member("outputs", outputs)
    writer.member("peakMemory", peakMemory)
    writer.member("seconds", seconds)
    writer.endObject()
  }
}

extension ActionOutput: JSONRepresentable {
  public init(json reader: inout JSONReader) throws(JSONError) {
    var kind: String?
    var digest: Digest?
    var isTree: Bool?
    var size: Int?
    try reader.beginObject()
    while let key = try reader.nextKey() {
      switch key {
      case "digest": digest = try Digest(json: &reader)
      case "isTree": isTree = try reader.bool()
      case "kind": kind = try reader.string()
      case "size": size = try reader.int()
      default: try reader.skip()
      }
    }
    self.init(
      kind: try reader.required(kind, "kind"), digest: try reader.required(digest, "digest"),
      isTree: try reader.required(isTree, "isTree"), size: try reader.required(size, "size"))
  }

  public func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("digest", digest)
    writer.member("isTree", isTree)
    writer.member("kind", kind)
    writer.member("size", size)
    writer.endObject()
  }
}
