import CYAML
import StructuredValue

/// Puts the events of libyaml together to nodes with their places.
struct YAMLComposer {
  private let file: String
  private let parser: UnsafeMutablePointer<yaml_parser_t>
  /// The latest event.
  private let event: UnsafeMutablePointer<yaml_event_t>
  private var diagnostics: [Diagnostic] = []
  private var anchors: [String: Anchored] = [:]
  private var nodes = 0
  private var depth = 0
  private var aliased = 0

  /// A node that an alias may stand for.
  private struct Anchored {
    var node: YAMLNode
    /// As it is written, where it is a scalar.
    var text: String?
    /// Nodes in it, those that its aliases stand for included.
    var size: Int
  }

  /// - Returns: The only document of a text, or nil, with what is wrong with it.
  static func document(of text: String, file: String) -> (YAMLNode?, [Diagnostic]) {
    var text = text
    return text.withUTF8 { bytes in
      withUnsafeTemporaryAllocation(of: yaml_parser_t.self, capacity: 1) { parser in
        withUnsafeTemporaryAllocation(of: yaml_event_t.self, capacity: 1) { event in
          event.initialize(repeating: yaml_event_t())
          var composer = YAMLComposer(
            file: file, parser: parser.baseAddress!, event: event.baseAddress!)
          return composer.document(of: bytes)
        }
      }
    }
  }

  private init(
    file: String, parser: UnsafeMutablePointer<yaml_parser_t>,
    event: UnsafeMutablePointer<yaml_event_t>
  ) {
    self.file = file
    self.parser = parser
    self.event = event
  }

  private mutating func document(of bytes: UnsafeBufferPointer<UInt8>) -> (YAMLNode?, [Diagnostic])
  {
    guard yaml_parser_initialize(parser) == 1 else {
      let message = "there is not enough memory to read the file"
      return (nil, [Diagnostic(code: "P0101", message: message, location: start)])
    }
    defer {
      yaml_event_delete(event)
      yaml_parser_delete(parser)
    }
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
    do {
      return (try document(), diagnostics)
    } catch {
      return (nil, diagnostics + [error])
    }
  }

  private var start: SourceLocation { SourceLocation(file: file, line: 1, column: 1) }

  // MARK: - Nodes

  private mutating func advance() throws(Diagnostic) {
    yaml_event_delete(event)
    guard yaml_parser_parse(parser, event) == 1 else { throw failure }
  }

  private mutating func document() throws(Diagnostic) -> YAMLNode {
    try advance()
    assert(event.pointee.type == YAML_STREAM_START_EVENT)
    try advance()
    guard event.pointee.type == YAML_DOCUMENT_START_EVENT else {
      throw Diagnostic(code: "P0101", message: "the file is empty", location: start)
    }
    try advance()
    let root = try node().node
    try advance()
    assert(event.pointee.type == YAML_DOCUMENT_END_EVENT)
    try advance()
    guard event.pointee.type == YAML_STREAM_END_EVENT else {
      throw invalid("another document begins here, and a file holds only one", place)
    }
    return root
  }

  /// The node that the latest event begins; then the latest event is the one that ends it.
  private mutating func node() throws(Diagnostic) -> Anchored {
    let place = place
    let data = event.pointee.data
    depth += 1
    defer { depth -= 1 }
    guard depth <= YAMLReader.depthLimit else {
      throw Diagnostic(
        code: "P0101",
        message: "lists and maps stand more than \(YAMLReader.depthLimit) deep in each other here",
        location: place, help: "write it flatter")
    }
    switch event.pointee.type {
    case YAML_ALIAS_EVENT: return try alias(String(data.alias.anchor), at: place)
    case YAML_SCALAR_EVENT: return try scalar(data.scalar, at: place)
    case YAML_SEQUENCE_START_EVENT:
      let anchor = data.sequence_start.anchor.map(String.init)
      let (list, size) = try elements(from: place)
      return known(YAMLNode(content: .list(list), location: place), nil, size, as: anchor)
    default:
      assert(event.pointee.type == YAML_MAPPING_START_EVENT)
      let anchor = data.mapping_start.anchor.map(String.init)
      let (map, size) = try members(from: place)
      return known(YAMLNode(content: .map(map), location: place), nil, size, as: anchor)
    }
  }

  private mutating func alias(_ name: String, at place: SourceLocation) throws(Diagnostic)
    -> Anchored
  {
    // An anchor is known once its node has ended, so nothing can contain itself.
    guard let anchored = anchors[name] else { throw invalid("found undefined alias", place) }
    aliased += anchored.size
    guard aliased <= YAMLReader.aliasLimit else {
      throw tooLarge("the aliases of the file add more than \(YAMLReader.aliasLimit) nodes", place)
    }
    try count(anchored.size, at: place)
    return anchored
  }

  private mutating func scalar(
    _ scalar: yaml_event_t.__Unnamed_union_data.__Unnamed_struct_scalar, at place: SourceLocation
  ) throws(Diagnostic) -> Anchored {
    try count(1, at: place)
    let text = String(
      decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
    let style: YAMLNode.Style =
      switch scalar.style {
      case YAML_SINGLE_QUOTED_SCALAR_STYLE: .singleQuoted
      case YAML_DOUBLE_QUOTED_SCALAR_STYLE: .doubleQuoted
      case YAML_LITERAL_SCALAR_STYLE, YAML_FOLDED_SCALAR_STYLE: .block
      default: text.isEmpty ? .absent : .plain
      }
    let isPlain = style == .plain || style == .absent
    let isTaggedText = scalar.tag.map { strcmp($0, "tag:yaml.org,2002:str") == 0 } ?? false
    let value = isPlain && !isTaggedText ? YAMLReader.plainScalar(text) : .string(text)
    return known(
      YAMLNode(content: .scalar(value), location: place, style: style), text, 1,
      as: scalar.anchor.map(String.init))
  }

  private mutating func elements(from place: SourceLocation) throws(Diagnostic)
    -> ([YAMLNode], size: Int)
  {
    try count(1, at: place)
    var list: [YAMLNode] = []
    var size = 1
    try advance()
    while event.pointee.type != YAML_SEQUENCE_END_EVENT {
      let element = try node()
      list.append(element.node)
      size += element.size
      try advance()
    }
    return (list, size)
  }

  private mutating func known(
    _ node: YAMLNode, _ text: String?, _ size: Int, as anchor: String?
  ) -> Anchored {
    let anchored = Anchored(node: node, text: text, size: size)
    if let anchor { anchors[anchor] = anchored }
    return anchored
  }

  private mutating func count(_ added: Int, at location: SourceLocation) throws(Diagnostic) {
    nodes += added
    guard nodes <= YAMLReader.nodeLimit else {
      throw tooLarge("the file has more than \(YAMLReader.nodeLimit) nodes", location)
    }
  }

  // MARK: - Maps

  private mutating func members(from place: SourceLocation) throws(Diagnostic)
    -> ([YAMLNode.Member], size: Int)
  {
    try count(1, at: place)
    var members = MemberList()
    var merged: [YAMLNode.Member] = []
    var size = 1
    try advance()
    while event.pointee.type != YAML_MAPPING_END_EVENT {
      let key = try node()
      // The limit is on values.
      if key.text != nil { nodes -= 1 }
      try advance()
      let value = try node()
      try advance()
      size += key.size + value.size
      if key.text == "<<" && key.node.style == .plain {
        merged += maps(mergedFrom: value.node)
      } else if let name = key.text {
        add(YAMLNode.Member(key: name, keyLocation: key.node.location, value: value.node), &members)
      } else {
        diagnostics.append(
          Diagnostic(
            code: "P0104", message: "a key must be a plain text, not a list or a map",
            location: key.node.location))
      }
    }
    for var member in merged where members.place(of: member.key) == nil {
      member.isMerged = true
      members.append(member)
    }
    return (members.list, size)
  }

  private mutating func add(_ member: YAMLNode.Member, _ members: inout MemberList) {
    guard let first = members.place(of: member.key) else { return members.append(member) }
    diagnostics.append(
      Diagnostic(
        code: "P0102", message: "the key '\(member.key)' stands here twice",
        location: member.keyLocation,
        notes: [Diagnostic.Note(message: "it stands here, too", location: first)]))
  }

  private mutating func maps(mergedFrom node: YAMLNode) -> [YAMLNode.Member] {
    (node.list ?? [node]).flatMap { part in
      if let map = part.map { return map }
      diagnostics.append(
        Diagnostic(
          code: "P0104", message: "'<<' merges maps, and this is \(part.value.typeName)",
          location: part.location))
      return []
    }
  }

  // MARK: - Mistakes

  private var place: SourceLocation { location(event.pointee.start_mark) }

  private func location(_ mark: yaml_mark_t) -> SourceLocation {
    SourceLocation(file: file, line: Int(mark.line) + 1, column: Int(mark.column) + 1)
  }

  private func invalid(_ problem: String, _ location: SourceLocation) -> Diagnostic {
    Diagnostic(code: "P0101", message: "this is not valid YAML: \(problem)", location: location)
  }

  private func tooLarge(_ message: String, _ location: SourceLocation) -> Diagnostic {
    Diagnostic(
      code: "P0101", message: message, location: location,
      help: "write it as several files, or without so many aliases")
  }

  /// What libyaml says against the text.
  private var failure: Diagnostic {
    let problem = parser.pointee.problem.map { String(cString: $0) } ?? "it can't be read"
    // The reader of characters, which comes before all else, knows no more than its own place.
    let mark =
      parser.pointee.error == YAML_READER_ERROR ? parser.pointee.mark : parser.pointee.problem_mark
    let location = location(mark)
    if problem.contains("tab character")
      || (problem.contains("cannot start any token") && nextCharacter == UInt8(ascii: "\t"))
    {
      return Diagnostic(
        code: "P0101", message: "a tab indents this line; YAML allows only spaces",
        location: location, help: "replace the tab with spaces")
    }
    let context = parser.pointee.context.map { String(cString: $0) } ?? ""
    var diagnostic = invalid(problem + (context.isEmpty ? "" : " (\(context))"), location)
    if context.contains("flow") {
      diagnostic.help =
        "inside of [ ] and { } a text with any of [ ] { } , needs quotes, as \"${params.name}\" does"
    }
    return diagnostic
  }

  private var nextCharacter: UInt8? {
    let buffer = parser.pointee.buffer
    guard let pointer = buffer.pointer, pointer < buffer.last else { return nil }
    return pointer.pointee
  }
}

/// The members of a map in their order, found by their keys.
private struct MemberList {
  private(set) var list: [YAMLNode.Member] = []
  /// Only for long maps: a look through a few keys is faster than their hashes.
  private var places: [String: SourceLocation] = [:]

  func place(of key: String) -> SourceLocation? {
    list.count > 16 ? places[key] : list.first { $0.key == key }?.keyLocation
  }

  mutating func append(_ member: YAMLNode.Member) {
    list.append(member)
    if list.count == 17 {
      for known in list { places[known.key] = known.keyLocation }
    } else if list.count > 17 {
      places[member.key] = member.keyLocation
    }
  }
}

extension String {
  /// A text of libyaml, such as an anchor's name.
  fileprivate init(_ text: UnsafeMutablePointer<yaml_char_t>) { self.init(cString: text) }
}
