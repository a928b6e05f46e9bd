import ContentHashing
public import StructuredValue

extension InstanceRecord: JSONRepresentable {
  public init(json reader: inout JSONReader) throws(JSONError) {
    var name: String?
    var cell: String?
    var matrix: [String: Value]?
    var plugin: String?
    var version: String?
    var outcome: Outcome?
    var why: String?
    var key: Digest?
    var keyFields: [String: Value]?
    var inputs: [InputRecord]?
    var outputs: [ArtifactRecord]?
    var metrics: [String: MetricRecord]?
    var notes: [String]?
    var attempts: Int?
    var seconds: Double?
    var cpuSeconds: Double?
    var peakMemory: Int?
    var log: Digest?
    var sandbox: String?
    var error: StageFailure?
    try reader.beginObject()
    while let member = try reader.nextKey() {
      switch member {
      case "attempts": attempts = try reader.int()
      case "cell": cell = try reader.string()
      case "cpuSeconds": cpuSeconds = try reader.double()
      case "error": error = try reader.optional()
      case "inputs": inputs = try [InputRecord](json: &reader)
      case "key": key = try reader.optional()
      case "keyFields": keyFields = try [String: Value](json: &reader)
      case "log": log = try reader.optional()
      case "matrix": matrix = try [String: Value](json: &reader)
      case "metrics": metrics = try [String: MetricRecord](json: &reader)
      case "name": name = try reader.string()
      case "notes": notes = try [String](json: &reader)
      case "outcome": outcome = try Outcome(json: &reader)
      case "outputs": outputs = try [ArtifactRecord](json: &reader)
      case "peakMemory": peakMemory = try reader.int()
      case "plugin": plugin = try reader.optional()
      case "sandbox": sandbox = try reader.string()
      case "seconds": seconds = try reader.double()
      case "version": version = try reader.optional()
      case "why": why = try reader.string()
      default: try reader.skip()
      }
    }
    self.init(
      name: try reader.required(name, "name"), cell: try reader.required(cell, "cell"),
      matrix: try reader.required(matrix, "matrix"), plugin: plugin, version: version,
      outcome: try reader.required(outcome, "outcome"), why: try reader.required(why, "why"),
      key: key, keyFields: try reader.required(keyFields, "keyFields"),
      inputs: try reader.required(inputs, "inputs"),
      outputs: try reader.required(outputs, "outputs"),
      metrics: try reader.required(metrics, "metrics"),
      notes: try reader.required(notes, "notes"),
      attempts: try reader.required(attempts, "attempts"),
      seconds: try reader.required(seconds, "seconds"),
      cpuSeconds: try reader.required(cpuSeconds, "cpuSeconds"),
      peakMemory: try reader.required(peakMemory, "peakMemory"), log: log,
      sandbox: try reader.required(sandbox, "sandbox"), error: error)
  }

  public func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("attempts", attempts)
    writer.member("cell", cell)
    writer.member("cpuSeconds", cpuSeconds)
    writer.member("error", error)
    writer.member("inputs", inputs)
    writer.member("key", key)
    writer.member("keyFields", keyFields)
    writer.member("log", log)
    writer.member("matrix", matrix)
    writer.member("metrics", metrics)
    writer.member("name", name)
    writer.member("notes", notes)
    writer.member("outcome", outcome)
    writer.member("outputs", outputs)
    writer.member("peakMemory", peakMemory)
    writer.member("plugin", plugin)
    writer.member("sandbox", sandbox)
    writer.member("seconds", seconds)
    writer.member("version", version)
    writer.member("why", why)
    writer.endObject()
  }
}

extension InstanceRecord.Outcome: JSONRepresentable {}

extension ArtifactRecord: JSONRepresentable {
  public init(json reader: inout JSONReader) throws(JSONError) {
    var slot: String?
    var kind: String?
    var digest: Digest?
    var isTree: Bool?
    var size: Int?
    var published: String?
    try reader.beginObject()
    while let key = try reader.nextKey() {
      switch key {
      case "digest": digest = try Digest(json: &reader)
      case "isTree": isTree = try reader.bool()
      case "kind": kind = try reader.string()
      case "published": published = try reader.optional()
      case "size": size = try reader.int()
      case "slot": slot = try reader.string()
      default: try reader.skip()
      }
    }
    self.init(
      slot: try reader.required(slot, "slot"), kind: try reader.required(kind, "kind"),
      digest: try reader.required(digest, "digest"),
      isTree: try reader.required(isTree, "isTree"), size: try reader.required(size, "size"),
      published: published)
  }

  public func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("digest", digest)
    writer.member("isTree", isTree)
    writer.member("kind", kind)
    writer.member("published", published)
    writer.member("size", size)
    writer.member("slot", slot)
    writer.endObject()
  }
}

extension InputRecord: JSONRepresentable {
  public init(json reader: inout JSONReader) throws(JSONError) {
    var slot: String?
    var kind: String?
    var digest: Digest?
    var from: String?
    try reader.beginObject()
    while let key = try reader.nextKey() {
      switch key {
      case "digest": digest = try Digest(json: &reader)
      case "from": from = try reader.string()
      case "kind": kind = try reader.string()
      case "slot": slot = try reader.string()
      default: try reader.skip()
      }
    }
    self.init(
      slot: try reader.required(slot, "slot"), kind: try reader.required(kind, "kind"),
      digest: try reader.required(digest, "digest"), from: try reader.required(from, "from"))
  }

  public func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("digest", digest)
    writer.member("from", from)
    writer.member("kind", kind)
    writer.member("slot", slot)
    writer.endObject()
  }
}

extension MetricRecord: JSONRepresentable {
  public init(json reader: inout JSONReader) throws(JSONError) {
    var value: Value?
    var unit: String?
    var direction: Direction?
    var doc: String?
    try reader.beginObject()
    while let key = try reader.nextKey() {
      switch key {
      case "direction": direction = try reader.optional()
      case "doc": doc = try reader.optional()
      case "unit": unit = try reader.optional()
      case "value": value = try reader.value()
      default: try reader.skip()
      }
    }
    self.init(
      value: try reader.required(value, "value"), unit: unit, direction: direction, doc: doc)
  }

  public func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("direction", direction)
    writer.member("doc", doc)
    writer.member("unit", unit)
    writer.member("value", value)
    writer.endObject()
  }
}

extension MetricRecord.Direction: JSONRepresentable {}

extension StageFailure: JSONRepresentable {
  public init(json reader: inout JSONReader) throws(JSONError) {
    var code: String?
    var message: String?
    var excerpt: [String]?
    try reader.beginObject()
    while let key = try reader.nextKey() {
      switch key {
      case "code": code = try reader.string()
      case "excerpt": excerpt = try [String](json: &reader)
      case "message": message = try reader.string()
      default: try reader.skip()
      }
    }
    self.init(
      code: try reader.required(code, "code"), message: try reader.required(message, "message"),
      excerpt: try reader.required(excerpt, "excerpt"))
  }

  public func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("code", code)
    writer.member("excerpt", excerpt)
    writer.member("message", message)
    writer.endObject()
  }
}
