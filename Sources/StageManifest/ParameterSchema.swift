import Foundation
public import SpecSyntax
public import StructuredValue

/// The parameters of a plugin, as a subset of JSON Schema: what it declares, it checks.
public struct ParameterSchema: Sendable {
  public var parameters: [String: Parameter]

  public struct Parameter: Sendable {
    /// `string`, `integer`, `number`, `boolean`, `array`, `object`, or nil for anything.
    public var type: String?
    public var choices: [Value]
    /// Nil where the parameter must be given.
    public var defaultValue: Value?
    public var isRequired: Bool
    public var minimum: Double?
    public var maximum: Double?
    public var exclusiveMinimum: Double?
    public var exclusiveMaximum: Double?
    public var minItems: Int?
    /// A regular expression that a text must match somewhere, as in JSON Schema.
    public var pattern: String?
    /// The schema of a list's elements.
    public var items: [Parameter]
    /// The schemas of an object's members.
    public var properties: [String: Parameter]
    public var unit: String?
    public var doc: String
  }

  static let keys = [
    "type", "enum", "default", "required", "minimum", "maximum", "exclusiveMinimum",
    "exclusiveMaximum", "minItems", "pattern", "items", "properties", "unit", "doc", "description",
  ]
  static let types = ["string", "integer", "number", "boolean", "array", "object"]

  static func read(_ node: YAMLNode?) -> (ParameterSchema, [Diagnostic]) {
    guard let node else { return (ParameterSchema(parameters: [:]), []) }
    guard let map = node.map else {
      let diagnostic = Diagnostic(
        code: "P0132", message: "'params' is \(node.value.typeName), where a map is needed",
        location: node.location)
      return (ParameterSchema(parameters: [:]), [diagnostic])
    }
    var diagnostics: [Diagnostic] = []
    var parameters: [String: Parameter] = [:]
    for member in map {
      parameters[member.key] = parameter(member.key, member.value, &diagnostics)
    }
    return (ParameterSchema(parameters: parameters), diagnostics)
  }

  private static func parameter(
    _ name: String, _ node: YAMLNode, _ diagnostics: inout [Diagnostic]
  ) -> Parameter {
    let reader = MapReader(node, subject: "the parameter '\(name)'", keys: keys)
    let type = reader.string("type")
    if let type, !types.contains(type.value) {
      reader.report(
        Diagnostic(
          code: "P0132", message: "the parameter '\(name)' has the unknown type '\(type.value)'",
          location: type.location, help: "the types are \(types.joined(separator: ", "))"))
    }
    func number(_ key: String) -> Double? {
      guard let node = reader.node(key) else { return nil }
      if let number = node.scalar?.double { return number }
      reader.mistype(key, node, wanted: "a number")
      return nil
    }
    var parameter = Parameter(
      type: type?.value, choices: reader.node("enum")?.list?.map(\.value) ?? [],
      defaultValue: nil, isRequired: reader.bool("required") ?? false,
      minimum: number("minimum"), maximum: number("maximum"),
      exclusiveMinimum: number("exclusiveMinimum"), exclusiveMaximum: number("exclusiveMaximum"),
      minItems: reader.int("minItems"), pattern: reader.string("pattern")?.value, items: [],
      properties: [:],
      unit: reader.string("unit")?.value,
      doc: reader.string("doc")?.value ?? reader.string("description")?.value ?? "")
    if let pattern = parameter.pattern, (try? NSRegularExpression(pattern: pattern)) == nil {
      reader.report(
        Diagnostic(
          code: "P0132",
          message: "'\(pattern)' of the parameter '\(name)' is no regular expression",
          location: reader.keyLocation("pattern")))
    }
    diagnostics += reader.diagnostics
    if let items = reader.node("items") {
      parameter.items = [self.parameter(name, items, &diagnostics)]
    }
    for member in reader.map("properties") {
      parameter.properties[member.key] = self.parameter(
        "\(name).\(member.key)", member.value, &diagnostics)
    }
    if reader.has("default") {
      let value = reader.node("default")?.value ?? .null
      var problems: [String] = []
      parameter.defaultValue = parameter.check(value, name, &problems)
      for problem in problems where !value.isNull {
        diagnostics.append(
          Diagnostic(
            code: "P0132", message: "the default does not fit: \(problem)",
            location: reader.keyLocation("default")))
      }
    }
    return parameter
  }
}

extension ParameterSchema {
  /// Checks the parameters of a cell and fills in the defaults.
  ///
  /// - Returns: All parameters by name, with integers as doubles where the schema says `number`.
  public func resolve(given: [String: Located<Value>], cell: Located<String>)
    -> ([String: Value], [Diagnostic])
  {
    var resolved: [String: Value] = [:]
    var diagnostics: [Diagnostic] = []
    for (name, value) in given.sorted(by: { $0.value.location < $1.value.location }) {
      guard let parameter = parameters[name] else {
        let known = parameters.keys.sorted()
        diagnostics.append(
          Diagnostic(
            code: "P0133", message: "the stage of '\(cell.value)' has no parameter '\(name)'",
            location: value.location,
            help: nearest(name, among: known).map { "did you mean '\($0)'?" }
              ?? (known.isEmpty
                ? "it has none" : "its parameters are \(known.joined(separator: ", "))")))
        continue
      }
      var problems: [String] = []
      resolved[name] = parameter.check(value.value, name, &problems)
      diagnostics += problems.map {
        Diagnostic(
          code: "P0133", message: "in '\(cell.value)': \($0)", location: value.location,
          help: parameter.doc.isEmpty ? nil : parameter.doc)
      }
    }
    for (name, parameter) in parameters.sorted(by: { $0.key < $1.key }) where given[name] == nil {
      if let value = parameter.defaultValue {
        resolved[name] = value
      } else if parameter.isRequired {
        diagnostics.append(
          Diagnostic(
            code: "P0133", message: "the cell '\(cell.value)' lacks the parameter '\(name)'",
            location: cell.location, help: parameter.doc.isEmpty ? nil : parameter.doc))
      }
    }
    return (resolved, diagnostics)
  }

  /// The schema as JSON Schema (draft 2020-12).
  public var jsonSchema: Value {
    var schema: [String: Value] = [
      "type": "object", "additionalProperties": false,
      "properties": .map(parameters.mapValues(\.jsonSchema)),
    ]
    let required = parameters.filter { $0.value.isRequired && $0.value.defaultValue == nil }.keys
    if !required.isEmpty { schema["required"] = .list(required.sorted().map { .string($0) }) }
    return .map(schema)
  }
}

extension ParameterSchema.Parameter {
  /// Checks a value, and converts integers to doubles where numbers are wanted.
  ///
  /// - `pointer`: The value's place, `train.lr`, for messages.
  func check(_ value: Value, _ pointer: String, _ problems: inout [String]) -> Value {
    var value = value
    if value.isNull && defaultValue == .null { return value }
    func mismatch() {
      problems.append(
        "'\(pointer)' is \(value.typeName) \(value.json()), where \(type ?? "") is needed")
    }
    switch type {
    case "string":
      if let text = value.string, !matches(text) {
        // The text is not repeated: that it holds a password may be what is wrong with it.
        problems.append("'\(pointer)' has not the form that is asked for (\(doc))")
      }
      if value.string == nil { mismatch(); return value }
    case "boolean": if value.bool == nil { mismatch(); return value }
    case "integer":
      guard let number = value.int else { mismatch(); return value }
      value = .int(number)
    case "number":
      guard let number = value.double else { mismatch(); return value }
      value = .double(number)
    case "array":
      guard let list = value.list else { mismatch(); return value }
      if let minItems, list.count < minItems {
        problems.append("'\(pointer)' has \(list.count) elements, at least \(minItems) are needed")
      }
      if let schema = items.first {
        value = .list(
          list.enumerated().map { schema.check($1, "\(pointer)[\($0)]", &problems) })
      }
    case "object":
      guard let map = value.map else { mismatch(); return value }
      if !properties.isEmpty { value = .map(check(members: map, pointer, &problems)) }
    default: break
    }
    checkRange(value, pointer, &problems)
    return value
  }

  private func check(
    members: [String: Value], _ pointer: String, _ problems: inout [String]
  ) -> [String: Value] {
    var result: [String: Value] = [:]
    for (name, member) in members.sorted(by: { $0.key < $1.key }) {
      guard let schema = properties[name] else {
        let near = nearest(name, among: properties.keys.sorted())
        problems.append(
          "'\(pointer)' has no member '\(name)'" + (near.map { "; did you mean '\($0)'?" } ?? ""))
        continue
      }
      result[name] = schema.check(member, "\(pointer).\(name)", &problems)
    }
    for (name, schema) in properties where members[name] == nil {
      if let value = schema.defaultValue {
        result[name] = value
      } else if schema.isRequired {
        problems.append("'\(pointer)' lacks '\(name)'")
      }
    }
    return result
  }

  private func checkRange(_ value: Value, _ pointer: String, _ problems: inout [String]) {
    if !choices.isEmpty, !choices.contains(where: { $0.text == value.text }) {
      let near = nearest(value.text, among: choices.map(\.text))
      problems.append(
        "'\(pointer)' is \(value.json()), but must be one of "
          + choices.map(\.text).joined(separator: ", ")
          + (near.map { "; did you mean '\($0)'?" } ?? ""))
    }
    guard let number = value.double, type == "integer" || type == "number" else { return }
    let limits: [(Double?, String, (Double, Double) -> Bool)] = [
      (minimum, "at least", { $0 >= $1 }), (maximum, "at most", { $0 <= $1 }),
      (exclusiveMinimum, "more than", { $0 > $1 }), (exclusiveMaximum, "less than", { $0 < $1 }),
    ]
    for (limit, words, holds) in limits {
      guard let limit, !holds(number, limit) else { continue }
      let shown: Value =
        limit == limit.rounded() && abs(limit) < 1e15 ? .int(Int(limit)) : .double(limit)
      problems.append("'\(pointer)' is \(value.json()), but must be \(words) \(shown.json())")
    }
  }

  private func matches(_ text: String) -> Bool {
    guard let pattern, let expression = try? NSRegularExpression(pattern: pattern) else {
      return true
    }
    return expression.firstMatch(
      in: text, range: NSRange(text.startIndex..., in: text)) != nil
  }

  var jsonSchema: Value {
    var schema: [String: Value] = [:]
    if let type {
      // An expression such as "${params.lr}" may stand for any value.
      schema["type"] = type == "string" ? "string" : [.string(type), "string"]
    }
    if !choices.isEmpty {
      schema["anyOf"] = [["enum": .list(choices)], ["type": "string", "pattern": "\\$\\{"]]
    }
    if let defaultValue { schema["default"] = defaultValue }
    if let minimum { schema["minimum"] = .double(minimum) }
    if let maximum { schema["maximum"] = .double(maximum) }
    if let exclusiveMinimum { schema["exclusiveMinimum"] = .double(exclusiveMinimum) }
    if let exclusiveMaximum { schema["exclusiveMaximum"] = .double(exclusiveMaximum) }
    if let pattern { schema["pattern"] = .string(pattern) }
    if let items = items.first { schema["items"] = items.jsonSchema }
    if !properties.isEmpty { schema["properties"] = .map(properties.mapValues(\.jsonSchema)) }
    let text = [doc, unit.map { "(\($0))" } ?? ""].filter { !$0.isEmpty }.joined(separator: " ")
    if !text.isEmpty { schema["description"] = .string(text) }
    return .map(schema)
  }
}
