public import SpecSyntax
public import StructuredValue

/// Fills in `${params.x}` and its like; `$${` stands for a literal `${`.
///
/// There is no arithmetic and no code.
public enum Interpolation {
  /// - `names`: A map whose members are the roots: `params`, `matrix`; not asked for by a value that
  ///   names nothing, as most do.
  /// - `deferred`: Roots that are left as they are, for later.
  public static func expand(
    _ value: Value, names: @autoclosure () -> Value, deferred: Set<String>,
    at location: SourceLocation
  ) -> (Value, [Diagnostic]) {
    guard asks(value, deferred) else { return (value, []) }
    var expansion = Expansion(names: names(), deferred: deferred, location: location)
    let result = expansion.expand(value)
    return (result, expansion.diagnostics)
  }

  /// Whether an expression that is not left for later may stand in a value.
  private static func asks(_ value: Value, _ deferred: Set<String>) -> Bool {
    switch value {
    case .string(let text):
      text.utf8.contains(UInt8(ascii: "$")) && !isLeft(text, deferred)
    case .list(let list): list.contains { asks($0, deferred) }
    case .map(let map): map.values.contains { asks($0, deferred) }
    default: false
    }
  }

  /// Whether all that a text asks for is left for later, as in most commands.
  fileprivate static func isLeft(_ text: String, _ deferred: Set<String>) -> Bool {
    guard !deferred.isEmpty else { return false }
    var text = text
    return text.withUTF8 { text in
      var rest = text[...]
      while let start = rest.firstIndex(of: UInt8(ascii: "$")) {
        rest = rest[(start + 1)...]
        guard rest.first == UInt8(ascii: "{"), let end = rest.firstIndex(of: UInt8(ascii: "}")),
          deferred.contains(where: { root in
            let name = rest[(start + 2)..<end]
            return name.starts(with: root.utf8)
              && (name.count == root.utf8.count
                || name[name.startIndex + root.utf8.count] == UInt8(ascii: "."))
          })
        else { return false }
        rest = rest[(end + 1)...]
      }
      return true
    }
  }

}

private struct Expansion {
  let names: Value
  let deferred: Set<String>
  let location: SourceLocation
  var diagnostics: [Diagnostic] = []

  mutating func expand(_ value: Value) -> Value {
    switch value {
    case .string(let text): return expand(text)
    case .list(let list): return .list(list.map { expand($0) })
    case .map(let map): return .map(map.mapValues { expand($0) })
    default: return value
    }
  }

  private mutating func expand(_ text: String) -> Value {
    guard text.utf8.contains(UInt8(ascii: "$")), !Interpolation.isLeft(text, deferred) else {
      return .string(text)
    }
    var result = ""
    var rest = text[...]
    while let start = opening(of: rest) {
      if rest[..<start.lowerBound].utf8.last == UInt8(ascii: "$") {
        result += rest[..<start.lowerBound].dropLast() + "${"
        rest = rest[start.upperBound...]
        continue
      }
      result += rest[..<start.lowerBound]
      guard let end = rest[start.upperBound...].utf8.firstIndex(of: UInt8(ascii: "}")) else {
        report(
          "'\(text)' opens '${' and does not close it", help: "a literal '${' is written '$${'")
        return .string(text)
      }
      let name = String(rest[start.upperBound..<end])
      let whole = rest[start.lowerBound...end]
      rest = rest[rest.utf8.index(after: end)...]
      if deferred.contains(String(name.utf8.prefix { $0 != UInt8(ascii: ".") }) ?? "") {
        result += whole
        continue
      }
      guard let value = lookUp(name) else { return .string(text) }
      // Alone in its scalar, an expression keeps its type.
      if whole.utf8.count == text.utf8.count { return value }
      result += value.text
    }
    return .string(result + rest)
  }

  /// Where the first `${` of a text stands; a search for a text in a text takes many times as long.
  private func opening(of text: Substring) -> Range<String.Index>? {
    var rest = text.utf8
    while let start = rest.firstIndex(of: UInt8(ascii: "$")) {
      rest = rest[rest.index(after: start)...]
      if rest.first == UInt8(ascii: "{") { return start..<rest.index(after: rest.startIndex) }
    }
    return nil
  }

  private mutating func lookUp(_ name: String) -> Value? {
    if let value = names.value(at: name) { return value }
    var known: [String] = []
    func collect(_ value: Value, _ prefix: String) {
      for (key, member) in value.map ?? [:] {
        known.append(prefix + key)
        collect(member, prefix + key + ".")
      }
    }
    collect(names, "")
    let near = nearest(name, among: known.sorted())
    let examples = known.filter { $0.contains(".") }.sorted().prefix(12).joined(separator: ", ")
    // Most likely the shell's, such as `${HOME}` or `${1:-x}`.
    let literal = "a '${' of the shell's own is written '$${'"
    let isOurs = name.contains(".") && !name.contains { ":#%/ ".contains($0) }
    report(
      "there is no '\(name)'",
      help: near.map { "did you mean '${\($0)}'?" }
        ?? (examples.isEmpty ? literal : "known are \(examples)" + (isOurs ? "" : "; " + literal)))
    return nil
  }

  private mutating func report(_ message: String, help: String) {
    diagnostics.append(
      Diagnostic(code: "P0110", message: message, location: location, help: help))
  }
}
