import StructuredValue

/// Reads a map of known keys and reports everything about it that is wrong.
public final class MapReader {
  public let node: YAMLNode
  /// What the map is to its author: `the stage 'predictor'`.
  public let subject: String
  public private(set) var diagnostics: [Diagnostic] = []
  /// A list: a look through half a dozen keys is quicker than a hash of one.
  private let members: [YAMLNode.Member]

  /// - `keys`: The keys that may stand here.
  public init(_ node: YAMLNode, subject: String, keys: [String]) {
    self.node = node
    self.subject = subject
    guard let map = node.map else {
      members = []
      diagnostics.append(
        Diagnostic(
          code: "P0104", message: "\(subject) is \(node.value.typeName), where a map is needed",
          location: node.location))
      return
    }
    members = map
    for member in map where !keys.contains(member.key) {
      let near = nearest(member.key, among: keys)
      diagnostics.append(
        Diagnostic(
          code: "P0103", message: "unknown key '\(member.key)' in \(subject)",
          location: member.keyLocation,
          help: near.map { "did you mean '\($0)'?" }
            ?? "the keys are \(keys.joined(separator: ", "))"))
    }
  }

  private func member(_ key: String) -> YAMLNode.Member? {
    // By index: `first(where:)` copies each member that it looks at.
    for index in members.indices where members[index].key == key { return members[index] }
    return nil
  }

  public func has(_ key: String) -> Bool { member(key) != nil }

  /// The node of a key; an explicit null counts as absent.
  public func node(_ key: String) -> YAMLNode? {
    member(key).flatMap { $0.value.scalar == .null ? nil : $0.value }
  }

  public func keyLocation(_ key: String) -> SourceLocation {
    member(key)?.keyLocation ?? node.location
  }

  public func report(_ diagnostic: Diagnostic) { diagnostics.append(diagnostic) }

  public func report(_ found: [Diagnostic]) { diagnostics += found }

  /// Reports a value of a wrong type.
  public func mistype(_ key: String, _ node: YAMLNode, wanted: String, help: String? = nil) {
    let found = node.scalar.map { "\($0.typeName) \($0.json())" } ?? "a \(node.value.typeName)"
    report(
      Diagnostic(
        code: "P0104", message: "'\(key)' in \(subject) is \(found), where \(wanted) is needed",
        location: node.location, help: help))
  }

  public func need(_ key: String, what: String) {
    report(
      Diagnostic(
        code: "P0104", message: "\(subject) lacks '\(key)' (\(what))", location: node.location))
  }

  public func string(_ key: String) -> Located<String>? {
    guard let node = node(key) else { return nil }
    guard let text = node.string else {
      // A number is a fine name or version; its author need not think of quotes.
      if case .int(let number) = node.scalar { return Located(String(number), at: node.location) }
      mistype(key, node, wanted: "a text")
      return nil
    }
    return Located(text, at: node.location)
  }

  public func bool(_ key: String) -> Bool? {
    guard let node = node(key) else { return nil }
    if let flag = node.scalar?.bool { return flag }
    mistype(key, node, wanted: "true or false")
    return nil
  }

  public func int(_ key: String, atLeast minimum: Int = .min) -> Int? {
    guard let node = node(key) else { return nil }
    if let number = node.scalar?.int, number >= minimum { return number }
    mistype(
      key, node, wanted: minimum == .min ? "an integer" : "an integer of at least \(minimum)")
    return nil
  }

  /// A list of texts; a single text counts as a list of one.
  public func strings(_ key: String) -> [Located<String>] {
    guard let node = node(key) else { return [] }
    if let text = node.string { return [Located(text, at: node.location)] }
    guard let list = node.list else {
      mistype(key, node, wanted: "a list of texts")
      return []
    }
    return list.compactMap { element in
      if let scalar = element.scalar, !scalar.isNull {
        return Located(scalar.text, at: element.location)
      }
      mistype(key, element, wanted: "a text")
      return nil
    }
  }

  /// A map from names to values.
  public func map(_ key: String) -> [YAMLNode.Member] {
    guard let node = node(key) else { return [] }
    guard let map = node.map else {
      mistype(key, node, wanted: "a map")
      return []
    }
    return map
  }
}
