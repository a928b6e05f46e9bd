public import StructuredValue
import Yams

/// Reads YAML 1.2 by its core schema, with places and without surprises: `no`, `on` and `012` are
/// strings, duplicate keys are mistakes.
public enum YAMLReader {
  /// Nodes that a file may have after aliases are expanded.
  static let nodeLimit = 200_000

  /// - Returns: The document, or nil with what is wrong with it.
  public static func read(_ text: String, file: String) -> (YAMLNode?, [Diagnostic]) {
    let root: Node?
    do {
      let parser = try Parser(yaml: text, resolver: .basic, constructor: .default, encoding: .utf8)
      root = try parser.singleRoot()
    } catch {
      return (nil, [diagnostic(for: error, text: text, file: file)])
    }
    let start = SourceLocation(file: file, line: 1, column: 1)
    guard let root else {
      return (
        nil, [Diagnostic(code: "P0101", message: "the file is empty", location: start)]
      )
    }
    var conversion = Conversion(file: file)
    let node = conversion.convert(root, at: start)
    return (node, conversion.diagnostics)
  }

  private static func diagnostic(for error: any Error, text: String, file: String) -> Diagnostic {
    func place(_ mark: Mark) -> SourceLocation {
      SourceLocation(file: file, line: mark.line, column: mark.column)
    }
    switch error {
    case YamlError.scanner(let context, let problem, let mark, _),
      YamlError.parser(let context, let problem, let mark, _),
      YamlError.composer(let context, let problem, let mark, _):
      let location = place(mark)
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
      let line = lines.indices.contains(mark.line - 1) ? lines[mark.line - 1] : ""
      if problem.contains("tab character")
        || (problem.contains("cannot start any token") && line.contains("\t"))
      {
        return Diagnostic(
          code: "P0101", message: "a tab indents this line; YAML allows only spaces",
          location: location, help: "replace the tab with spaces")
      }
      let setting = context.map { " (\($0.text))" } ?? ""
      return Diagnostic(
        code: "P0101", message: "this is not valid YAML: \(problem)\(setting)", location: location)
    case YamlError.duplicatedKeysInMapping(let duplicates, let context):
      return duplicate(
        duplicates.first ?? "", in: text, from: context.mark.line, file: file)
    default:
      return Diagnostic(
        code: "P0101", message: "this is not valid YAML: \(error)",
        location: SourceLocation(file: file, line: 1, column: 1))
    }
  }

  /// Finds the places of a key that stands twice in the map that starts at a line, since Yams names
  /// only the map.
  private static func duplicate(_ key: String, in text: String, from line: Int, file: String)
    -> Diagnostic
  {
    var places: [Int: [SourceLocation]] = [:]
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    for (index, content) in lines.enumerated() where index + 1 >= line {
      let bare = content.drop { $0 == " " || $0 == "-" }
      let rest = bare.drop { $0 == "\"" || $0 == "'" }
      guard rest.hasPrefix(key),
        rest.dropFirst(key.count).drop(while: { "\"' ".contains($0) })
          .hasPrefix(":")
      else { continue }
      let column = content.count - bare.count + 1
      places[column, default: []].append(
        SourceLocation(file: file, line: index + 1, column: column))
    }
    // The first column that holds it twice is that of the outermost such map.
    let found = places.filter { $0.value.count > 1 }.min { $0.key < $1.key }?.value ?? []
    let notes = found.first.map {
      [Diagnostic.Note(message: "it stands here, too", location: $0)]
    }
    return Diagnostic(
      code: "P0102", message: "the key '\(key)' stands here twice",
      location: found.count > 1 ? found[1] : SourceLocation(file: file, line: line, column: 1),
      notes: notes ?? [])
  }

  /// A scalar without quotes, by the core schema (YAML 1.2.2, section 10.3.2).
  public static func plainScalar(_ text: String) -> Value {
    switch text {
    case "", "~", "null", "Null", "NULL": return .null
    case "true", "True", "TRUE": return .bool(true)
    case "false", "False", "FALSE": return .bool(false)
    case ".nan", ".NaN", ".NAN": return .double(.nan)
    case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF": return .double(.infinity)
    case "-.inf", "-.Inf", "-.INF": return .double(-.infinity)
    default: return number(text) ?? .string(text)
    }
  }

  private static func number(_ text: String) -> Value? {
    let bytes = Array(text.utf8)
    guard let first = bytes.first, isDigit(first) || "+-.".utf8.contains(first) else { return nil }
    if text.hasPrefix("0x") { return Int(text.dropFirst(2), radix: 16).map { .int($0) } }
    if text.hasPrefix("0o") { return Int(text.dropFirst(2), radix: 8).map { .int($0) } }
    let digits = "+-".utf8.contains(first) ? bytes.dropFirst() : bytes[...]
    // The core schema would read `012` as twelve; whoever writes it means a code, not a number.
    if digits.count > 1, digits.first == UInt8(ascii: "0"), isDigit(digits[digits.startIndex + 1]) {
      return nil
    }
    if !digits.isEmpty, digits.allSatisfy(isDigit) {
      return Int(text).map { .int($0) } ?? Double(text).map { .double($0) }
    }
    let allowed = digits.allSatisfy { isDigit($0) || ".eE+-".utf8.contains($0) }
    guard allowed, digits.contains(where: isDigit) else { return nil }
    let spelled = text.hasSuffix(".") ? text + "0" : text.hasPrefix(".") ? "0" + text : text
    return Double(spelled.replacing("+.", with: "+0.").replacing("-.", with: "-0."))
      .map { .double($0) }
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
  }
}

/// The walk from Yams' nodes to ours.
private struct Conversion {
  let file: String
  var diagnostics: [Diagnostic] = []
  var count = 0

  mutating func convert(_ node: Node, at fallback: SourceLocation) -> YAMLNode {
    count += 1
    let location =
      node.mark.map { SourceLocation(file: file, line: $0.line, column: $0.column) }
      ?? fallback
    guard count <= YAMLReader.nodeLimit else {
      if count == YAMLReader.nodeLimit + 1 {
        diagnostics.append(
          Diagnostic(
            code: "P0101",
            message: "the file expands to more than \(YAMLReader.nodeLimit) nodes",
            location: location, help: "take out some of the aliases"))
      }
      return YAMLNode(content: .scalar(.null), location: location)
    }
    switch node {
    case .scalar(let scalar):
      let isPlain = scalar.style == .plain || scalar.style == .any
      let isText = scalar.tag.description == "tag:yaml.org,2002:str"
      return YAMLNode(
        content: .scalar(
          isPlain && !(isText && scalar.style != .plain)
            ? YAMLReader.plainScalar(scalar.string) : .string(scalar.string)),
        location: location)
    case .sequence(let sequence):
      var nodes: [YAMLNode] = []
      nodes.reserveCapacity(sequence.count)
      for element in sequence { nodes.append(convert(element, at: location)) }
      return YAMLNode(content: .list(nodes), location: location)
    case .mapping(let mapping):
      return YAMLNode(content: .map(members(of: mapping, at: location)), location: location)
    case .alias:
      // Yams resolves aliases while it composes.
      return YAMLNode(content: .scalar(.null), location: location)
    }
  }

  private mutating func members(of mapping: Node.Mapping, at location: SourceLocation)
    -> [YAMLNode.Member]
  {
    var members: [YAMLNode.Member] = []
    members.reserveCapacity(mapping.count)
    var merged: [YAMLNode.Member] = []
    var places: [String: SourceLocation] = [:]
    for (key, value) in mapping {
      let keyLocation =
        key.mark.map { SourceLocation(file: file, line: $0.line, column: $0.column) } ?? location
      guard let name = key.scalar?.string else {
        diagnostics.append(
          Diagnostic(
            code: "P0104", message: "a key must be a plain text, not a list or a map",
            location: keyLocation))
        continue
      }
      let node = convert(value, at: keyLocation)
      if name == "<<" && key.scalar?.style == .plain {
        merged += node.map ?? (node.list ?? []).flatMap { $0.map ?? [] }
        continue
      }
      if let first = places[name] {
        diagnostics.append(
          Diagnostic(
            code: "P0102", message: "the key '\(name)' stands here twice", location: keyLocation,
            notes: [Diagnostic.Note(message: "it stands here, too", location: first)]))
        continue
      }
      places[name] = keyLocation
      members.append(YAMLNode.Member(key: name, keyLocation: keyLocation, value: node))
    }
    for member in merged where places[member.key] == nil {
      places[member.key] = member.keyLocation
      members.append(member)
    }
    return members
  }
}
