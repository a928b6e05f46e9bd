public import StructuredValue

extension RunRecord: JSONRepresentable {
  public init(json reader: inout JSONReader) throws(JSONError) {
    var schema: Int?
    var id: String?
    var started: String?
    var finished: String?
    var status: Status?
    var tool: Tool?
    var source: Source?
    var file: String?
    var specification: [SpecificationFile]?
    var name: String?
    var title: String?
    var profile: String?
    var overrides: [String: Value]?
    var parameters: [String: Value]?
    var platform: String?
    var cells: [RecordedCell]?
    var instances: [InstanceRecord]?
    try reader.beginObject()
    while let key = try reader.nextKey() {
      switch key {
      case "cells": cells = try [RecordedCell](json: &reader)
      case "file": file = try reader.string()
      case "finished": finished = try reader.string()
      case "id": id = try reader.string()
      case "instances": instances = try [InstanceRecord](json: &reader)
      case "name": name = try reader.string()
      case "overrides": overrides = try [String: Value](json: &reader)
      case "parameters": parameters = try [String: Value](json: &reader)
      case "platform": platform = try reader.string()
      case "profile": profile = try reader.optional()
      case "schema": schema = try reader.int()
      case "source": source = try reader.optional()
      case "specification": specification = try [SpecificationFile](json: &reader)
      case "started": started = try reader.string()
      case "status": status = try Status(json: &reader)
      case "title": title = try reader.string()
      case "tool": tool = try Tool(json: &reader)
      default: try reader.skip()
      }
    }
    self.init(
      id: try reader.required(id, "id"), started: try reader.required(started, "started"),
      finished: try reader.required(finished, "finished"),
      status: try reader.required(status, "status"), tool: try reader.required(tool, "tool"),
      source: source, file: try reader.required(file, "file"),
      specification: try reader.required(specification, "specification"),
      name: try reader.required(name, "name"), title: try reader.required(title, "title"),
      profile: profile, overrides: try reader.required(overrides, "overrides"),
      parameters: try reader.required(parameters, "parameters"),
      platform: try reader.required(platform, "platform"),
      cells: try reader.required(cells, "cells"),
      instances: try reader.required(instances, "instances"))
    self.schema = try reader.required(schema, "schema")
  }

  public func write(to writer: inout JSONWriter) { write(to: &writer, without: []) }

  /// Writes the record but for some of its lists.
  func write(to writer: inout JSONWriter, without left: Set<RecordList>) {
    writer.beginObject()
    if !left.contains(.cells) { writer.member("cells", cells) }
    writer.member("file", file)
    writer.member("finished", finished)
    writer.member("id", id)
    if !left.contains(.instances) { writer.member("instances", instances) }
    writer.member("name", name)
    writer.member("overrides", overrides)
    writer.member("parameters", parameters)
    writer.member("platform", platform)
    writer.member("profile", profile)
    writer.member("schema", schema)
    writer.member("source", source)
    if !left.contains(.specification) { writer.member("specification", specification) }
    writer.member("started", started)
    writer.member("status", status)
    writer.member("title", title)
    writer.member("tool", tool)
    writer.endObject()
  }
}

extension RunRecord.Status: JSONRepresentable {}

extension RunRecord.Tool: JSONRepresentable {
  public init(json reader: inout JSONReader) throws(JSONError) {
    var version: String?
    try reader.beginObject()
    while let key = try reader.nextKey() {
      if key == "version" { version = try reader.string() } else { try reader.skip() }
    }
    self.init(version: try reader.required(version, "version"))
  }

  public func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("version", version)
    writer.endObject()
  }
}

extension RunRecord.Source: JSONRepresentable {
  public init(json reader: inout JSONReader) throws(JSONError) {
    var commit: String?
    var tree: String?
    var branch: String?
    var remote: String?
    var dirty: Bool?
    var snapshot: String?
    try reader.beginObject()
    while let key = try reader.nextKey() {
      switch key {
      case "branch": branch = try reader.optional()
      case "commit": commit = try reader.optional()
      case "dirty": dirty = try reader.bool()
      case "remote": remote = try reader.optional()
      case "snapshot": snapshot = try reader.optional()
      case "tree": tree = try reader.optional()
      default: try reader.skip()
      }
    }
    self.init(
      commit: commit, tree: tree, branch: branch, remote: remote,
      dirty: try reader.required(dirty, "dirty"), snapshot: snapshot)
  }

  public func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("branch", branch)
    writer.member("commit", commit)
    writer.member("dirty", dirty)
    writer.member("remote", remote)
    writer.member("snapshot", snapshot)
    writer.member("tree", tree)
    writer.endObject()
  }
}

extension RunRecord.SpecificationFile: JSONRepresentable {
  public init(json reader: inout JSONReader) throws(JSONError) {
    var path: String?
    var text: String?
    try reader.beginObject()
    while let key = try reader.nextKey() {
      switch key {
      case "path": path = try reader.string()
      case "text": text = try reader.string()
      default: try reader.skip()
      }
    }
    self.init(path: try reader.required(path, "path"), text: try reader.required(text, "text"))
  }

  public func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("path", path)
    writer.member("text", text)
    writer.endObject()
  }
}
