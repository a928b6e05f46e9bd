import Foundation
import SpecSyntax
import StructuredValue

/// Turns DVC's stages into ours.
struct DVCConverter {
  let dvc: DVCPipeline
  let surroundings: DVCImport.Surroundings
  /// All parameters, as templates and stages name them.
  private(set) var parameters: [String: Value] = [:]
  var notes: [Diagnostic] = []
  /// Our stages in DVC's order.
  var stages: [ConvertedStage] = []

  /// A stage of ours under construction.
  struct ConvertedStage {
    var dvc: DVCPipeline.Stage
    var id: String
    /// Each combination by our axes; one without axes where there is no expansion.
    var combinations: [[String: Value]]
    /// `foreach:` or `matrix:` as it stands in our file.
    var expansion: String?
    var axisNames: [String: String]
    var outs: [(slot: String, kind: String, out: DVCPipeline.Out, path: String)]
  }

  init(_ dvc: DVCPipeline, _ surroundings: DVCImport.Surroundings) {
    self.dvc = dvc
    self.surroundings = surroundings
    readParameters()
    for stage in dvc.stages {
      if let converted = convert(stage) { stages.append(converted) }
    }
  }

  mutating func note(
    _ message: String, at location: SourceLocation?, help: String? = nil,
    severity: Diagnostic.Severity = .warning
  ) {
    notes.append(
      Diagnostic(
        code: "P0140", severity: severity, message: message, location: location, help: help))
  }

  // MARK: - Parameters

  private mutating func readParameters() {
    if let values = values(of: "params.yaml") { merge(values, at: nil) }
    for vars in dvc.vars {
      switch vars {
      case .values(let values): merge(values, at: nil)
      case .file(let file, let keys):
        guard let values = values(of: file.value) else {
          note("'\(file.value)' of 'vars' cannot be read as YAML or JSON", at: file.location)
          continue
        }
        merge(keys.isEmpty ? values : values.filter { keys.contains($0.key) }, at: file.location)
      }
    }
    // Parameter files by other names come under those, so that equal keys do not collide.
    for parameters in dvc.stages.flatMap(\.params) {
      guard let stem = DVCConverter.stem(parameters.file), self.parameters[stem] == nil,
        let values = values(of: parameters.file)
      else { continue }
      self.parameters[stem] = .map(values)
    }
  }

  private mutating func merge(_ values: [String: Value], at location: SourceLocation?) {
    for (key, value) in values {
      if let known = parameters[key], known != value, location != nil {
        note("'\(key)' is a parameter already, with another value", at: location)
      }
      parameters[key] = value
    }
  }

  /// What a parameter file of another name is called among our parameters; nil for params.yaml.
  static func stem(_ file: String) -> String? {
    if PathText(file).name == "params.yaml" { return nil }
    let name = PathText(file).stem
    return name.replacing(".", with: "_").replacing("-", with: "_")
  }

  private func values(of file: String) -> [String: Value]? {
    guard ["yaml", "yml", "json"].contains(PathText(file).ending),
      let text = surroundings.text(file)
    else { return nil }
    return YAMLReader.read(text, file: file).0?.value.map
  }

  // MARK: - Stages

  private mutating func convert(_ stage: DVCPipeline.Stage) -> ConvertedStage? {
    var converted = ConvertedStage(
      dvc: stage, id: identifier(stage.name), combinations: [[:]], expansion: nil, axisNames: [:],
      outs: [])
    if let expansion = stage.expansion {
      guard expand(expansion, of: stage, into: &converted) else { return nil }
    }
    var slots: Set<String> = []
    for out in stage.outs {
      let slot = DVCConverter.slot(out.path.value, taken: &slots)
      let path = DVCConverter.join(stage.folder, out.path.value)
      converted.outs.append((slot, kind(of: out, path), out, path))
    }
    return converted
  }

  private mutating func identifier(_ name: String) -> String {
    var plain = String(
      name.lowercased().map { character in
        character.isASCII && (character.isLetter || character.isNumber || "-_".contains(character))
          ? character : "-"
      })
    if plain.first?.isLetter != true { plain = "stage-" + plain }
    var candidate = plain
    var number = 2
    while stages.contains(where: { $0.id == candidate }) {
      candidate = "\(plain)-\(number)"
      number += 1
    }
    return candidate
  }

  /// A slot's name from a path: its last part without the ending, or that of the folder where a
  /// template gives the name.
  static func slot(_ path: String, taken: inout Set<String>) -> String {
    // What a template fills in is no part of a name.
    let fixed = PathText(path.replacing(#/\$\{[^}]*\}/#, with: ""))
    let ending = word(fixed.ending)
    let names = [fixed.stem, PathText(fixed.folder).name].map(word)
    var plain = names.first { !$0.isEmpty } ?? "file"
    if plain.first?.isLetter != true { plain = "file_\(plain)" }
    // A script next to what it makes often has its name.
    if isCode(path) || taken.contains(plain), !ending.isEmpty { plain += "_\(ending)" }
    var candidate = plain
    var number = 2
    while !taken.insert(candidate).inserted {
      candidate = "\(plain)_\(number)"
      number += 1
    }
    return candidate
  }

  private static func word(_ text: String) -> String {
    String(text.lowercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
      .trimmingCharacters(in: CharacterSet(charactersIn: "_"))
  }

  /// Scripts are copied, since interpreters look for what they import beside the file itself.
  static func isCode(_ path: String) -> Bool {
    ["py", "r", "jl", "sh", "lua", "pl", "rb", "js", "ipynb", "m", "stan"].contains(
      PathText(path).ending.lowercased())
  }

  /// A path relative to dvc.yaml from one relative to a stage's `wdir`.
  static func join(_ folder: String?, _ path: String) -> String {
    guard let folder, !folder.isEmpty, folder != ".", !path.hasPrefix("/") else {
      return normal(path)
    }
    return normal("\(folder)/\(path)")
  }

  static func normal(_ path: String) -> String {
    if path.contains("://") { return path }
    var parts: [Substring] = []
    for part in path.split(separator: "/") where part != "." {
      if part == "..", let last = parts.last, last != ".." {
        parts.removeLast()
      } else {
        parts.append(part)
      }
    }
    return (path.hasPrefix("/") ? "/" : "") + parts.joined(separator: "/")
  }

  private mutating func kind(of out: DVCPipeline.Out, _ path: String) -> String {
    let ending = PathText(path).ending.lowercased()
    if out.role == .metrics {
      if ending == "json" { return "metrics" }
      note(
        "metrics in '\(out.path.value)' are kept as a file, but not read", at: out.path.location,
        help: "write them as JSON")
    }
    switch ending {
    case "csv": return "table/csv"
    case "json": return "json"
    case "txt", "md", "log": return "text"
    case "": return surroundings.isFolder(path) == false ? "file" : "folder"
    default: return surroundings.isFolder(path) == true ? "folder" : "file"
    }
  }

  func template(_ stage: ConvertedStage, _ combination: [String: Value]) -> DVCTemplate {
    DVCTemplate(
      parameters: .map(parameters), axes: combination, axisNames: stage.axisNames)
  }

  // MARK: - foreach and matrix

  private mutating func expand(
    _ expansion: DVCPipeline.Expansion, of stage: DVCPipeline.Stage, into ours: inout ConvertedStage
  ) -> Bool {
    switch expansion {
    case .matrix(let members):
      var rows: [[String: Value]] = [[:]]
      for member in members {
        guard let values = list(member.value), !values.isEmpty else {
          note(
            "the axis '\(member.key)' of the stage '\(stage.name)' is no list",
            at: member.value.location, severity: .error)
          return false
        }
        rows = rows.flatMap { row in
          values.map { row.merging([member.key: $0]) { _, new in new } }
        }
      }
      let isFlat = rows.allSatisfy { $0.values.allSatisfy { $0.map == nil } }
      if isFlat {
        for member in members { ours.axisNames["item.\(member.key)"] = member.key }
        ours.combinations = rows
        let axes = members.map { "\($0.key): \(axisText($0.value))" }.joined(separator: ", ")
        ours.expansion = "matrix: {\(axes)}"
      } else {
        setForeach(rows.map { .map($0) }, &ours)
      }
    case .foreach(let node):
      if let values = list(node), values.allSatisfy({ $0.map == nil }) {
        ours.axisNames["item"] = "item"
        ours.combinations = values.map { ["item": $0] }
        ours.expansion = "matrix: {item: \(axisText(node))}"
      } else if let values = list(node) {
        setForeach(values, &ours)
      } else if let members = mapping(node) {
        setForeach(
          members.sorted { $0.key < $1.key }.map { key, value in
            .map((value.map ?? ["item": value]).merging(["key": .string(key)]) { old, _ in old })
          }, &ours)
        ours.axisNames["key"] = "key"
        if ours.axisNames["item.item"] != nil { ours.axisNames["item"] = "item" }
      } else {
        note(
          "'foreach' of the stage '\(stage.name)' is neither a list nor a map",
          at: node.location, severity: .error)
        return false
      }
    }
    return true
  }

  /// Combinations written out, the members of nested maps by names such as `net_depth`.
  private func setForeach(_ rows: [Value], _ ours: inout ConvertedStage) {
    func flatten(_ value: Value, _ path: [String], _ row: inout [String: Value]) {
      if case .map(let members) = value {
        for (key, member) in members { flatten(member, path + [key], &row) }
      } else {
        let axis = path.isEmpty ? "item" : path.joined(separator: "_")
        row[axis] = value
        ours.axisNames["item." + path.joined(separator: ".")] = axis
      }
    }
    ours.combinations = rows.map { value in
      var row: [String: Value] = [:]
      flatten(value, [], &row)
      return row
    }
    ours.expansion = "foreach: " + YAMLText.flow(.list(ours.combinations.map { .map($0) }))
  }

  /// A list as it stands, or the list that a parameter holds.
  private func list(_ node: YAMLNode) -> [Value]? {
    node.value.list ?? referred(node)?.value.list
  }

  private func mapping(_ node: YAMLNode) -> [String: Value]? {
    node.value.map ?? referred(node)?.value.map
  }

  private func referred(_ node: YAMLNode) -> (ours: String, value: Value)? {
    guard let text = node.string, text.hasPrefix("${"), text.hasSuffix("}") else { return nil }
    return DVCTemplate(parameters: .map(parameters), axes: [:], axisNames: [:])
      .find(String(text.dropFirst(2).dropLast()))
  }

  private func axisText(_ node: YAMLNode) -> String {
    if let found = referred(node) { return "\"${\(found.ours)}\"" }
    return YAMLText.flow(node.value)
  }
}
