public import StructuredValue

extension RecordedCell: JSONRepresentable {
  public init(json reader: inout JSONReader) throws(JSONError) {
    self = try reader.readCase { (reader, name) throws(JSONError) in
      switch name {
      case "text": .text(try reader.readAssociated())
      case "stage": .stage(try reader.readAssociated())
      case "claim": .claim(try reader.readAssociated())
      default: throw reader.expected("text, stage or claim before this, not '\(name)'")
      }
    }
  }

  public func write(to writer: inout JSONWriter) {
    writer.beginObject()
    switch self {
    case .text(let text): writer.member("text", ["_0": text])
    case .stage(let stage): writer.member("stage", ["_0": stage])
    case .claim(let claim): writer.member("claim", ["_0": claim])
    }
    writer.endObject()
  }
}

extension StageCellRecord: JSONRepresentable {
  public init(json reader: inout JSONReader) throws(JSONError) {
    var id: String?
    var uses: String?
    var description: String?
    var show: [ShowItem]?
    try reader.beginObject()
    while let key = try reader.nextKey() {
      switch key {
      case "description": description = try reader.optional()
      case "id": id = try reader.string()
      case "show": show = try [ShowItem](json: &reader)
      case "uses": uses = try reader.string()
      default: try reader.skip()
      }
    }
    self.init(
      id: try reader.required(id, "id"), uses: try reader.required(uses, "uses"),
      description: description, show: try reader.required(show, "show"))
  }

  public func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("description", description)
    writer.member("id", id)
    writer.member("show", show)
    writer.member("uses", uses)
    writer.endObject()
  }
}

extension StageCellRecord.ShowItem: JSONRepresentable {
  public init(json reader: inout JSONReader) throws(JSONError) {
    self = try reader.readCase { (reader, name) throws(JSONError) in
      if name == "metrics" { return .metrics(try reader.readAssociated()) }
      var slot: String?
      var rows: Int?
      try reader.beginObject()
      while let key = try reader.nextKey() {
        switch key {
        case "slot": slot = try reader.string()
        case "rows": rows = try reader.optional()
        default: try reader.skip()
        }
      }
      let shown = try reader.required(slot, "slot")
      switch name {
      case "figure": return .figure(slot: shown)
      case "table": return .table(slot: shown, rows: rows)
      case "text": return .text(slot: shown)
      default:
        throw reader.expected("metrics, figure, table or text before this, not '\(name)'")
      }
    }
  }

  public func write(to writer: inout JSONWriter) {
    writer.beginObject()
    switch self {
    case .metrics(let names): writer.member("metrics", ["_0": names])
    case .figure(let slot): writer.member("figure", ["slot": slot])
    case .table(let slot, let rows):
      writer.key("table")
      writer.beginObject()
      writer.member("rows", rows)
      writer.member("slot", slot)
      writer.endObject()
    case .text(let slot): writer.member("text", ["slot": slot])
    }
    writer.endObject()
  }
}

extension ClaimRecord: JSONRepresentable {
  public init(json reader: inout JSONReader) throws(JSONError) {
    var claim: String?
    var published: Value?
    var source: String?
    var measured: String?
    var measuredValue: Value?
    var holds: String?
    var verdict: Verdict?
    var note: String?
    try reader.beginObject()
    while let key = try reader.nextKey() {
      switch key {
      case "claim": claim = try reader.string()
      case "holds": holds = try reader.string()
      case "measured": measured = try reader.string()
      case "measuredValue": measuredValue = try reader.optional()
      case "note": note = try reader.optional()
      case "published": published = try reader.optional()
      case "source": source = try reader.optional()
      case "verdict": verdict = try Verdict(json: &reader)
      default: try reader.skip()
      }
    }
    self.init(
      claim: try reader.required(claim, "claim"), published: published, source: source,
      measured: try reader.required(measured, "measured"), measuredValue: measuredValue,
      holds: try reader.required(holds, "holds"), verdict: try reader.required(verdict, "verdict"),
      note: note)
  }

  public func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("claim", claim)
    writer.member("holds", holds)
    writer.member("measured", measured)
    writer.member("measuredValue", measuredValue)
    writer.member("note", note)
    writer.member("published", published)
    writer.member("source", source)
    writer.member("verdict", verdict)
    writer.endObject()
  }
}

extension ClaimRecord.Verdict: JSONRepresentable {}

extension JSONReader {
  /// Reads an enumeration's case as Swift's synthesised coders write it: an object whose only
  /// member is named after the case and holds what is associated with it.
  fileprivate mutating func readCase<Content>(
    _ content: (inout JSONReader, _ name: String) throws(JSONError) -> Content
  ) throws(JSONError) -> Content {
    try beginObject()
    guard let name = try nextKey() else { throw expected("a case's name") }
    let result = try content(&self, name)
    guard try nextKey() == nil else { throw expected("one case only") }
    return result
  }

  /// Reads what is associated with a case, which has no label of its own.
  fileprivate mutating func readAssociated<Content: JSONRepresentable>()
    throws(JSONError) -> Content
  {
    var content: Content?
    try beginObject()
    while let key = try nextKey() {
      if key == "_0" { content = try Content(json: &self) } else { try skip() }
    }
    return try required(content, "_0")
  }
}
