import Foundation
import PipelineSpec
import Planning
import Projects
import SpecSyntax
import StageManifest
import StructuredValue

/// The parameters of a cell, or of the whole pipeline, as a form shows them.
struct ParameterForm {
  var title: String
  var fields: [Field]

  struct Field {
    var target: Target
    /// What the reader sees: the parameter's name.
    var label: String
    /// `integer`, `number`, `boolean`, `choice`, `string`, or `yaml` for lists, maps and anything.
    var kind: String
    /// The value as it is edited; empty where the file sets none.
    var text: String
    var schema: ParameterSchema.Parameter?
    /// Where the value comes from, where that is not this cell's own line.
    var note: String?
    /// Why it can't be changed here.
    var obstacle: String?
    /// Whether the file has a line for it, as it has even for an empty text.
    var isSet = true
    /// Whether that line can go, and the value that holds then; nil for none.
    var canUnset = false
    var fallback: Value?
  }

  /// Where a value stands in the files.
  enum Target: Hashable {
    /// A parameter of the pipeline, by its dotted path.
    case pipeline(String)
    /// A parameter of a stage cell.
    case cell(String, parameter: String)
  }

  /// - Parameters:
  ///   - cell: A stage cell's id, or nil for the pipeline's own parameters; the form is nil where
  ///     there is no such cell.
  ///   - loaded: The pipeline.
  ///   - project: Knows the plugins.
  init?(cell: String?, loaded: LoadedPipeline, project: Project) {
    guard let id = cell else {
      title = "Parameters of the pipeline"
      fields = ParameterForm.leaves(.map(loaded.pipeline.params)).map { path in
        ParameterForm.field(path, loaded)
      }
      return
    }
    guard let stage = loaded.stage(id) else { return nil }
    title = "Parameters of \(id)"
    fields = []
    var shared: [String] = []
    var schema: ParameterSchema?
    if case .plugin(let name, _) = stage.action {
      schema = project.catalog.plugins[name]?.manifest.parameters
    }
    let names = Set(stage.params.keys).union(schema?.parameters.keys.map { $0 } ?? [])
    for name in names.sorted() {
      let parameter = schema?.parameters[name]
      guard let value = stage.params[name]?.value else {
        fields.append(
          Field(
            target: .cell(id, parameter: name), label: name,
            kind: ParameterForm.kind(parameter, parameter?.defaultValue), text: "",
            schema: parameter, isSet: false))
        continue
      }
      if let path = ParameterForm.reference(value), loaded.value(at: path) != nil {
        var field = ParameterForm.field(path, loaded)
        field.label = name
        field.kind = ParameterForm.kind(parameter, loaded.value(at: path))
        field.schema = parameter
        field.note = [
          field.note, "The pipeline's parameter '\(path)'; whatever else uses it changes, too.",
        ]
        .compactMap { $0 }.joined(separator: " ")
        fields.append(field)
        continue
      }
      var field = Field(
        target: .cell(id, parameter: name), label: name, kind: ParameterForm.kind(parameter, value),
        text: value.text, schema: parameter)
      if let parameter {
        field.canUnset = !parameter.isRequired || parameter.defaultValue != nil
        field.fallback = parameter.defaultValue
      }
      if value.json().contains("${") {
        field.obstacle = "It is computed; edit the file to change how."
        shared += ParameterForm.references(value)
      }
      fields.append(field)
    }
    shared += ParameterForm.references(stage.otherValues)
    let known = Set(fields.map(\.target))
    for path in Set(shared).sorted() where loaded.value(at: path) != nil {
      guard !known.contains(.pipeline(path)) else { continue }
      fields.append(ParameterForm.field(path, loaded))
    }
  }

  private static func field(_ path: String, _ loaded: LoadedPipeline) -> Field {
    let value = loaded.value(at: path) ?? .null
    var field = Field(
      target: .pipeline(path), label: "params.\(path)", kind: kind(nil, value), text: value.text)
    if loaded.options.overrides.contains(where: { $0.path == path || path.hasPrefix($0.path + ".") }
    ) {
      field.obstacle = "It was set when the server was started (--set)."
    } else if value.json().contains("${") {
      field.obstacle = "It is computed; edit the file to change how."
    } else if let profile = loaded.pipeline.profile, loaded.place(of: path)?.isOfProfile ?? false {
      field.note = "As the profile '\(profile)' has it."
      field.fallback = loaded.value(withoutProfile: path)
      field.canUnset = field.fallback != nil
    }
    return field
  }

  private static func kind(_ parameter: ParameterSchema.Parameter?, _ value: Value?) -> String {
    if let parameter, !parameter.choices.isEmpty { return "choice" }
    switch parameter?.type {
    case "integer": return "integer"
    case "number": return "number"
    case "boolean": return "boolean"
    case "string": return "string"
    case "array", "object": return "yaml"
    default: break
    }
    switch value {
    case .int: return "integer"
    case .double: return "number"
    case .bool: return "boolean"
    case .string: return "string"
    default: return "yaml"
    }
  }

  /// The dotted paths of all values that are no maps.
  private static func leaves(_ value: Value, _ prefix: String = "") -> [String] {
    (value.map ?? [:]).sorted { $0.key < $1.key }.flatMap { key, member in
      let path = prefix.isEmpty ? key : "\(prefix).\(key)"
      return member.map?.isEmpty ?? true ? [path] : leaves(member, path)
    }
  }

  /// `lr` for a value that is `${params.lr}` and nothing else.
  private static func reference(_ value: Value) -> String? {
    guard let text = value.string, let path = references(value).first, text == "${params.\(path)}"
    else { return nil }
    return path
  }

  /// All parameters of the pipeline that a value names.
  private static func references(_ value: Value) -> [String] {
    value.json().components(separatedBy: "${params.").dropFirst().compactMap { part in
      part.firstIndex(of: "}").map { String(part[..<$0]) }
    }
  }

  var json: Value {
    ["title": .string(title), "fields": .list(fields.map(\.json))]
  }
}

extension ParameterForm.Target {
  var json: Value {
    switch self {
    case .pipeline(let path): ["of": "pipeline", "path": .string(path)]
    case .cell(let cell, let parameter):
      ["of": "cell", "cell": .string(cell), "path": .string(parameter)]
    }
  }

  init?(_ json: Value) {
    guard let path = json["path"]?.string else { return nil }
    switch json["of"]?.string {
    case "pipeline": self = .pipeline(path)
    case "cell":
      guard let cell = json["cell"]?.string else { return nil }
      self = .cell(cell, parameter: path)
    default: return nil
    }
  }
}

extension ParameterForm.Field {
  var json: Value {
    var json: [String: Value] = [
      "target": target.json, "label": .string(label), "kind": .string(kind), "text": .string(text),
    ]
    if !isSet { json["isSet"] = false }
    if canUnset {
      json["canUnset"] = true
      if let fallback { json["fallback"] = .string(fallback.text) }
    }
    if let note { json["note"] = .string(note) }
    if let obstacle { json["obstacle"] = .string(obstacle) }
    guard let schema else { return .map(json) }
    if let value = schema.defaultValue { json["default"] = .string(value.text) }
    if !schema.doc.isEmpty { json["doc"] = .string(schema.doc) }
    if let unit = schema.unit { json["unit"] = .string(unit) }
    if schema.isRequired, schema.defaultValue == nil { json["required"] = true }
    if !schema.choices.isEmpty { json["choices"] = .list(schema.choices.map { .string($0.text) }) }
    if let minimum = schema.minimum { json["minimum"] = .double(minimum) }
    if let maximum = schema.maximum { json["maximum"] = .double(maximum) }
    return .map(json)
  }
}

extension LoadedPipeline {
  func stage(_ id: String) -> StageCell? {
    for case .stage(let stage) in pipeline.cells where stage.id.value == id { return stage }
    return nil
  }

  /// The value of a parameter of the pipeline.
  func value(at path: String) -> Value? { Value.map(pipeline.params).value(at: path) }

  /// The file and the place that decide a parameter of the pipeline: in the profile in force, or in
  /// the parameters, of the outermost file that names it.
  func place(of path: String) -> (file: String, steps: [YAMLEditor.Step], isOfProfile: Bool)? {
    let contents = contents
    let steps = path.split(separator: ".").map { YAMLEditor.Step.key(String($0)) }
    if let profile = pipeline.profile {
      for (file, value) in contents where value?["profiles"]?[profile]?.value(at: path) != nil {
        return (file, [.key("profiles"), .key(profile)] + steps, true)
      }
    }
    for (file, value) in contents where value?["params"]?.value(at: path) != nil {
      return (file, [.key("params")] + steps, false)
    }
    return nil
  }
}

extension LoadedPipeline {
  /// The files, what decides first: an including file wins over what it includes, and of two
  /// chapters the later one.
  private var contents: [(file: String, value: Value?)] {
    let order = files.prefix(1) + files.dropFirst().reversed()
    return order.map { ($0.path, YAMLReader.read($0.text, file: $0.path).0?.value) }
  }

  /// The value that a parameter of the pipeline would have if the profile did not set it.
  fileprivate func value(withoutProfile path: String) -> Value? {
    contents.lazy.compactMap { $0.value?["params"]?.value(at: path) }.first
  }
}

extension StageCell {
  /// What may name parameters besides the cell's own.
  fileprivate var otherValues: Value {
    var values = environment.values.map(\.value)
    switch action {
    case .command(let arguments): values += arguments.map { .string($0) }
    case .shell(let text): values.append(.string(text))
    case .plugin: break
    }
    values += matrix?.axes.map(\.values.value) ?? []
    values += (matrix?.include ?? []).map(\.value)
    if let each = matrix?.foreach { values.append(each.value) }
    if let when { values.append(when.value) }
    return .list(values)
  }
}
