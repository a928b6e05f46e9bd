import ContentHashing
import Foundation
import Notebook
import Provenance
import RunRecord
import StructuredValue

extension ResearchCrate {
  private static let profiles = [
    ("https://w3id.org/ro/wfrun/process/0.5", "Process Run Crate", "0.5"),
    ("https://w3id.org/ro/wfrun/workflow/0.5", "Workflow Run Crate", "0.5"),
    ("https://w3id.org/ro/wfrun/provenance/0.5", "Provenance Run Crate", "0.5"),
    ("https://w3id.org/workflowhub/workflow-ro-crate/1.0", "Workflow RO-Crate", "1.0"),
  ]

  private var engine: String { "#pipeline-\(run.record.tool.version)" }
  private var runAction: String { "#run-\(run.record.id)" }

  // MARK: - Parameters

  /// Each parameter of the pipeline as a formal parameter with its value.
  mutating func addParameters() {
    for (name, value) in ResearchCrate.leaves(.map(run.record.parameters), "") {
      let identifier = identifiers.make("parameter-", name)
      let (parameter, entity) = ("#\(identifier)", "#value-\(identifier)")
      add(
        parameter, "FormalParameter",
        [
          "name": .string(name), "additionalType": .string(ResearchCrate.type(of: value)),
          "workExample": ResearchCrate.reference(entity),
        ])
      add(
        entity, "PropertyValue",
        [
          "name": .string(name), "value": ResearchCrate.plain(value),
          "exampleOfWork": ResearchCrate.reference(parameter),
        ])
      values.append((name, entity))
    }
    // One parameter for a slot, whatever number of instances fills it.
    var works: [String: [String]] = [:]
    var kinds: [String: String] = [:]
    for instance in acted {
      for output in instance.outputs {
        let name = "\(instance.name).\(output.slot)"
        guard let entity = artifactEntities[name] else { continue }
        let parameter = outputParameter(name)
        if works[parameter]?.contains(entity) != true {
          works[parameter, default: []].append(entity)
        }
        kinds[parameter] =
          entity.hasPrefix("#")
          ? (output.isTree ? "Collection" : "File")
          : output.isTree ? "Dataset" : "File"
      }
    }
    for (parameter, entities) in works.sorted(by: { $0.key < $1.key }) {
      add(
        parameter, "FormalParameter",
        [
          "name": .string(String(parameter.dropFirst("#output-".count))),
          "additionalType": .string(kinds[parameter] ?? "File"),
          "workExample": ResearchCrate.references(entities),
        ])
    }
  }

  /// The values below a map, by dotted names; lists count as one.
  private static func leaves(_ value: Value, _ path: String) -> [(String, Value)] {
    guard case .map(let members) = value, !members.isEmpty || path.isEmpty else {
      return [(path, value)]
    }
    return members.sorted { $0.key < $1.key }.flatMap { key, value in
      leaves(value, path.isEmpty ? key : "\(path).\(key)")
    }
  }

  private static func type(of value: Value) -> String {
    switch value {
    case .bool: "Boolean"
    case .int: "Integer"
    case .double: "Float"
    default: "Text"
    }
  }

  private static func plain(_ value: Value) -> Value {
    switch value {
    case .bool, .int, .double, .string: value
    default: .string(value.json())
    }
  }

  // MARK: - The workflow

  private var cells: [StageCellRecord] {
    let known = Set(acted.map(\.cell))
    return run.record.cells.compactMap { cell in
      if case .stage(let stage) = cell, known.contains(stage.id) { stage } else { nil }
    }
  }

  private func step(_ cell: String) -> String {
    "\(workflow)#\(ResearchCrate.address(cell))"
  }

  private func tool(_ cell: StageCellRecord) -> String {
    let own = acted.first { $0.cell == cell.id }
    if let plugin = own?.plugin { return "#tool-\(plugin)-\(own?.version ?? "0")" }
    return "#tool-\(ResearchCrate.address(cell.id))"
  }

  mutating func addWorkflow() {
    let outputs = Set(artifactEntities.keys.map { outputParameter($0) }).sorted()
    var members: [String: Value] = [
      "name": .string(run.title), "encodingFormat": "application/yaml",
      "programmingLanguage": ResearchCrate.reference("#pipeline-yaml"),
      "conformsTo": ResearchCrate.reference(
        "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"),
      "version": .string(run.record.source?.commit ?? run.record.id),
      "hasPart": ResearchCrate.references(Set(cells.map(tool)).sorted()),
      "step": ResearchCrate.references(cells.map { step($0.id) }),
      "input": ResearchCrate.references(
        values.map { $0.entity.replacing("#value-", with: "#") }),
      "output": ResearchCrate.references(outputs),
    ]
    if let remote = run.record.source?.remote, remote.hasPrefix("http") {
      members["codeRepository"] = .string(remote)
    }
    add(
      workflow, ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"], members)
    add(
      "#pipeline-yaml", "ComputerLanguage",
      ["name": "pipeline", "version": "v1", "alternateName": "pipeline YAML"])
    add(
      engine, "SoftwareApplication",
      ["name": "pipeline", "softwareVersion": .string(run.record.tool.version)])
    var tools: Set<String> = []
    for (position, cell) in cells.enumerated() {
      add(
        step(cell.id), "HowToStep",
        [
          "name": .string(cell.id), "position": .string(String(position + 1)),
          "description": cell.description.map { .string($0) } ?? .null,
          "workExample": ResearchCrate.reference(tool(cell)),
        ])
      guard tools.insert(tool(cell)).inserted else { continue }
      let own = acted.first { $0.cell == cell.id }
      let code = own?.keyFields["code"]?.string
      add(
        tool(cell), "SoftwareApplication",
        [
          "name": .string(own?.plugin ?? cell.id),
          "softwareVersion": .string(own?.version ?? run.record.source?.commit ?? "unversioned"),
          "description": own?.plugin == nil ? .string(cell.uses) : .null,
          "identifier": code.map { .string("code:\($0)") } ?? .null,
        ])
    }
  }

  // MARK: - Actions

  mutating func addActions() {
    var controls: [String] = []
    let known = Set(cells.map(\.id))
    for instance in acted where known.contains(instance.cell) {
      controls.append(add(instance))
    }
    let results = Array(Set(artifactEntities.values)).sorted()
    let record = run.record
    let isDone = record.status == .succeeded
    let status = "http://schema.org/\(isDone ? "Completed" : "Failed")ActionStatus"
    add(
      runAction, "CreateAction",
      [
        "name": .string("Run \(record.id)"), "description": .string(run.provenanceText),
        "instrument": ResearchCrate.reference(workflow),
        "object": ResearchCrate.references(values.map(\.entity) + sources),
        "result": ResearchCrate.references(results), "startTime": .string(record.started),
        "endTime": .string(record.finished), "actionStatus": .string(status),
        "error": isDone ? .null : .string("The run \(record.status.rawValue)."),
      ])
    add(
      "#organize-\(record.id)", "OrganizeAction",
      [
        "name": .string("Execution of run \(record.id) by pipeline \(record.tool.version)"),
        "instrument": ResearchCrate.reference(engine),
        "object": ResearchCrate.references(controls),
        "result": ResearchCrate.reference(runAction), "startTime": .string(record.started),
        "endTime": .string(record.finished),
      ])
  }

  /// One instance: what it used and made, and the step that it is an execution of.
  private mutating func add(_ instance: InstanceRecord) -> String {
    let name = identifiers.make("", instance.name)
    let (action, control) = ("#action-\(name)", "#control-\(name)")
    let isFailed = instance.outcome == .failed
    let status = Value.string("http://schema.org/\(isFailed ? "Failed" : "Completed")ActionStatus")
    var objects = (makers[instance.name] ?? []).flatMap { inputEntities($0) }
    for (key, value) in instance.keyFields.sorted(by: { $0.key < $1.key })
    where key.hasPrefix("param.") {
      let entity = "#value-\(name)-\(identifiers.make("", String(key.dropFirst(6))))"
      add(
        entity, "PropertyValue",
        ["name": .string(String(key.dropFirst(6))), "value": ResearchCrate.plain(value)])
      objects.append(entity)
    }
    let cell = cells.first { $0.id == instance.cell }
    add(
      action, "CreateAction",
      [
        "name": .string(instance.name),
        "description": .string(
          instance.outcome == .cached
            ? "Executed by an earlier run; this one took the result over."
            : instance.why.isEmpty ? "Executed by this run." : instance.why),
        "instrument": cell.map { ResearchCrate.reference(tool($0)) } ?? .null,
        "object": ResearchCrate.references(unique(objects)),
        "result": ResearchCrate.references(
          instance.outputs.compactMap { artifactEntities["\(instance.name).\($0.slot)"] }),
        "actionStatus": status, "error": instance.error.map { .string($0.message) } ?? .null,
        "identifier": instance.key.map { .string("action:\($0.hex)") } ?? .null,
        "resourceUsage": ResearchCrate.reference("#seconds-\(name)"),
      ])
    add(
      "#seconds-\(name)", "PropertyValue",
      [
        "name": "wall time", "value": .double(instance.seconds),
        "propertyID": "https://schema.org/totalTime",
        "unitCode": "http://qudt.org/vocab/unit/SEC",
      ])
    add(
      control, "ControlAction",
      [
        "name": .string("Execution of \(instance.name)"),
        "instrument": ResearchCrate.reference(step(instance.cell)),
        "object": ResearchCrate.reference(action), "actionStatus": status,
      ])
    return control
  }

  /// What an input was: the artifacts that other stages made, or something from outside.
  private mutating func inputEntities(_ link: Lineage.Link) -> [String] {
    let made = link.producers.flatMap { maker in
      link.slots.compactMap { artifactEntities["\(maker).\($0)"] }
    }
    if !made.isEmpty { return made }
    let input = link.input
    let entity = "#source-\(input.digest.hex)"
    if !sources.contains(entity) {
      sources.append(entity)
      add(
        entity, "CreativeWork",
        [
          "name": .string(input.from), "identifier": .string("sha256:\(input.digest.hex)"),
          "description": "Read from the project; named by its digest.",
        ])
    }
    return [entity]
  }

  private func unique(_ identifiers: [String]) -> [String] {
    var seen: Set<String> = []
    return identifiers.filter { seen.insert($0).inserted }
  }

  // MARK: - The root

  mutating func addRoot() {
    let parts = entities.compactMap { entity -> String? in
      guard let identifier = entity["@id"]?.string, !identifier.hasPrefix("#") else { return nil }
      let types = entity["@type"]?.list ?? [entity["@type"] ?? .null]
      return types.contains("File") || types.contains("Dataset") ? identifier : nil
    }
    let actions = entities.filter { $0["@type"] == "CreateAction" }.compactMap { $0["@id"]?.string }
    add(
      "./", "Dataset",
      [
        "name": .string(run.title), "description": .string(run.provenanceText),
        "datePublished": .string(run.record.finished),
        "license": license.map(ResearchCrate.reference) ?? "No licence is stated; ask the authors.",
        "conformsTo": ResearchCrate.references(ResearchCrate.profiles.map(\.0)),
        "mainEntity": ResearchCrate.reference(workflow),
        "hasPart": ResearchCrate.references(parts),
        "mentions": ResearchCrate.references(actions + ["#organize-\(run.record.id)"]),
      ])
    for (identifier, name, version) in ResearchCrate.profiles {
      add(identifier, "CreativeWork", ["name": .string(name), "version": .string(version)])
    }
    if let license {
      add(
        license, "CreativeWork",
        ["name": .string(license), "description": "The licence of this crate."])
    }
    add(
      "ro-crate-metadata.json", "CreativeWork",
      [
        "about": ResearchCrate.reference("./"),
        "conformsTo": ResearchCrate.references([
          "https://w3id.org/ro/crate/1.1", "https://w3id.org/workflowhub/workflow-ro-crate/1.0",
        ]),
      ])
  }
}
