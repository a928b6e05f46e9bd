import SpecSyntax
import StructuredValue

/// What a dvc.yaml says, as far as it can be carried over.
struct DVCPipeline {
  var stages: [Stage] = []
  /// `vars` of the file: values in place, and files with the keys wanted of each (none for all).
  var vars: [Vars] = []

  enum Vars {
    case values([String: Value])
    case file(Located<String>, keys: [String])
  }

  struct Stage {
    var name: String
    var location: SourceLocation
    var commands: [String]
    var folder: String?
    var deps: [Located<String>] = []
    var params: [Parameters] = []
    var outs: [Out] = []
    var expansion: Expansion?
    var description: String?
    var isAlwaysChanged = false
  }

  /// Parameters that a stage reads from a file; no keys for all of them.
  struct Parameters {
    var file: String
    var keys: [String]
    var location: SourceLocation
  }

  struct Out {
    var path: Located<String>
    var role: Role
    enum Role { case plain, metrics, plots }
  }

  /// `foreach` and `matrix`, not yet expanded.
  enum Expansion {
    case foreach(YAMLNode)
    case matrix([YAMLNode.Member])
  }
}

/// Reads dvc.yaml and names what has no counterpart.
struct DVCReader {
  private(set) var pipeline = DVCPipeline()
  private(set) var notes: [Diagnostic] = []

  init(_ root: YAMLNode) {
    guard let members = root.map else {
      note("a dvc.yaml is a map with 'stages'", at: root.location, severity: .error)
      return
    }
    for member in members {
      switch member.key {
      case "stages": readStages(member)
      case "vars": readVars(member.value)
      case "metrics", "params": break  // what stages write and read is known from the stages
      case "plots":
        note(
          "'plots' describes drawings that only DVC makes", at: member.keyLocation,
          help: "write a stage that makes a figure/vega-lite, and show it")
      case "artifacts", "datasets":
        note("'\(member.key)' is not carried over", at: member.keyLocation)
      default: note("unknown key '\(member.key)' is not carried over", at: member.keyLocation)
      }
    }
    if pipeline.stages.isEmpty && notes.allSatisfy({ $0.severity != .error }) {
      note("the file has no 'stages'", at: root.location, severity: .error)
    }
  }

  private mutating func note(
    _ message: String, at location: SourceLocation, help: String? = nil,
    severity: Diagnostic.Severity = .warning
  ) {
    notes.append(
      Diagnostic(
        code: "P0140", severity: severity, message: message, location: location, help: help))
  }

  private mutating func readVars(_ node: YAMLNode) {
    for item in node.list ?? [] {
      if let text = item.string {
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        let keys = parts.count > 1 ? parts[1].split(separator: ",").map(String.init) : []
        pipeline.vars.append(.file(Located(parts[0], at: item.location), keys: keys))
      } else if case .map(let values) = item.value {
        pipeline.vars.append(.values(values))
      } else {
        note("this item of 'vars' is neither a file nor a map", at: item.location)
      }
    }
  }

  private mutating func readStages(_ stages: YAMLNode.Member) {
    guard let members = stages.value.map else {
      note("'stages' must be a map", at: stages.value.location, severity: .error)
      return
    }
    for member in members {
      guard let fields = member.value.map else {
        note("the stage '\(member.key)' is no map", at: member.keyLocation, severity: .error)
        continue
      }
      var expansion: DVCPipeline.Expansion?
      var body = fields
      if let foreach = fields.first(where: { $0.key == "foreach" }) {
        expansion = .foreach(foreach.value)
        body = fields.first { $0.key == "do" }?.value.map ?? []
      } else if let matrix = fields.first(where: { $0.key == "matrix" }) {
        expansion = .matrix(matrix.value.map ?? [])
      }
      readStage(member, body, expansion)
    }
  }

  private mutating func readStage(
    _ member: YAMLNode.Member, _ fields: [YAMLNode.Member], _ expansion: DVCPipeline.Expansion?
  ) {
    var stage = DVCPipeline.Stage(
      name: member.key, location: member.keyLocation, commands: [], expansion: expansion)
    func what(_ key: String) -> String { "'\(key)' of the stage '\(member.key)'" }
    for field in fields {
      let node = field.value
      switch field.key {
      case "cmd":
        stage.commands = node.list?.compactMap { $0.scalar?.text } ?? [node.scalar?.text ?? ""]
      case "wdir": stage.folder = node.scalar?.text
      case "desc": stage.description = node.scalar?.text
      case "deps":
        for item in node.list ?? [] {
          if let path = item.string ?? item.map?.first?.key {
            stage.deps.append(Located(path, at: item.location))
          }
        }
      case "params": readParams(node, &stage)
      case "outs": readOuts(node, .plain, member.key, &stage)
      case "metrics": readOuts(node, .metrics, member.key, &stage)
      case "plots": readOuts(node, .plots, member.key, &stage)
      case "always_changed": stage.isAlwaysChanged = node.scalar?.bool ?? false
      case "matrix", "meta": break
      case "frozen":
        note(
          "\(what("frozen")) is not carried over", at: field.keyLocation,
          help: "leave the stage out by name: `pipeline run --only …`")
      case "vars":
        note(
          "\(what("vars")) is not carried over", at: field.keyLocation,
          help: "put the values into the file's own 'vars', or into params.yaml")
      default: note("\(what(field.key)) is not carried over", at: field.keyLocation)
      }
    }
    if stage.commands.allSatisfy(\.isEmpty) {
      note("the stage '\(member.key)' has no 'cmd'", at: member.keyLocation, severity: .error)
      return
    }
    pipeline.stages.append(stage)
  }

  private func readParams(_ node: YAMLNode, _ stage: inout DVCPipeline.Stage) {
    for item in node.list ?? [] {
      if let key = item.scalar?.text {
        stage.params.append(
          DVCPipeline.Parameters(file: "params.yaml", keys: [key], location: item.location))
      }
      for member in item.map ?? [] {
        let keys = member.value.list?.compactMap { $0.scalar?.text } ?? []
        stage.params.append(
          DVCPipeline.Parameters(file: member.key, keys: keys, location: member.keyLocation))
      }
    }
  }

  private mutating func readOuts(
    _ node: YAMLNode, _ role: DVCPipeline.Out.Role, _ name: String,
    _ stage: inout DVCPipeline.Stage
  ) {
    for item in node.list ?? [node] {
      if let path = item.string {
        stage.outs.append(DVCPipeline.Out(path: Located(path, at: item.location), role: role))
        continue
      }
      for member in item.map ?? [] {
        stage.outs.append(
          DVCPipeline.Out(path: Located(member.key, at: member.keyLocation), role: role))
        var drawing: [YAMLNode.Member] = []
        for option in member.value.map ?? [] {
          switch option.key {
          // Where and how DVC keeps its copies; our store keeps all outputs.
          case "cache", "push", "remote", "desc", "type", "labels", "meta": break
          case "persist" where option.value.scalar?.bool != true: break
          case "persist":
            note(
              "'persist' of '\(member.key)' in the stage '\(name)' is not carried over",
              at: option.keyLocation,
              help: "a stage starts without its former outputs; see checkpoints in Docs/protocol.md"
            )
          case "checkpoint":
            note("'checkpoint' of '\(member.key)' is not carried over", at: option.keyLocation)
          default: drawing.append(option)
          }
        }
        if let first = drawing.first {
          let keys = drawing.map { "'\($0.key)'" }.joined(separator: ", ")
          note(
            "\(keys) of '\(member.key)' in the stage '\(name)' describe a drawing that only DVC "
              + "makes", at: first.keyLocation,
            help: "write a stage that makes a figure/vega-lite, and show it")
        }
      }
    }
  }
}
