import ContentHashing
import Foundation
import Notebook
import Provenance
public import RunRecord
public import StructuredValue

/// A run as a Provenance Run Crate: an RO-Crate (version 1.1) that says which tool made which file
/// from what, in which run of which workflow.
///
/// It conforms to Process, Workflow and Provenance Run Crate 0.5 and to Workflow RO-Crate 1.0.
public struct ResearchCrate {
  /// What goes into the crate, by its path there.
  public enum Content {
    case text(String)
    case artifact(ArtifactRecord)
  }

  public private(set) var contents: [(path: String, content: Content)] = []
  /// The artifacts that are described but not inside, being larger than the limit or gone.
  public private(set) var leftOut: [String] = []

  let run: ExportedRun
  let license: String?
  let limit: Int
  let isStored: (ArtifactRecord) -> Bool
  var entities: [Value] = []
  var identifiers = PageIdentifiers()
  /// The entity of each artifact, by its name `stage.slot`.
  var artifactEntities: [String: String] = [:]
  var values: [(name: String, entity: String)] = []
  /// Entities of what the run read from outside.
  var sources: [String] = []
  /// The artifacts behind the inputs of each instance.
  let makers: [String: [Lineage.Link]]

  /// - `recordBytes`: The run's record as JSON.
  /// - `license`: The address of a licence for the whole; nil says that none is stated.
  /// - `limit`: Artifacts of more bytes are described only.
  /// - `isStored`: Whether the store still has an artifact.
  /// - Throws: `ExportError` where no stage of the run made anything.
  public init(
    _ run: ExportedRun, recordBytes: String, license: String?, limit: Int,
    isStored: @escaping (ArtifactRecord) -> Bool
  ) throws(ExportError) {
    self.run = run
    self.license = license
    self.limit = limit
    self.isStored = isStored
    makers = Dictionary(
      Lineage.all(in: run.record).steps.map { ($0.instance, $0.inputs) }
    ) { first, _ in first }
    guard !acted.isEmpty else {
      throw ExportError(
        "the run \(run.record.id) executed no stage, so there is nothing to put into a crate")
    }
    addFiles(recordBytes)
    addArtifacts()
    addParameters()
    addWorkflow()
    addActions()
    addRoot()
  }

  /// The metadata, as `ro-crate-metadata.json` holds it.
  public var metadata: Value {
    [
      "@context": [
        "https://w3id.org/ro/crate/1.1/context",
        "https://w3id.org/ro/terms/workflow-run/context",
      ],
      "@graph": .list(entities),
    ]
  }

  /// The instances that an action stands for: those that ran, now or in an earlier run.
  var acted: [InstanceRecord] {
    run.record.instances.filter { [.executed, .cached, .failed].contains($0.outcome) }
  }

  static func reference(_ identifier: String) -> Value { ["@id": .string(identifier)] }

  /// One reference by itself, several as a list, none as nothing.
  static func references(_ identifiers: [String]) -> Value {
    switch identifiers.count {
    case 0: .null
    case 1: reference(identifiers[0])
    default: .list(identifiers.map(reference))
    }
  }

  mutating func add(_ identifier: String, _ type: Value, _ members: [String: Value]) {
    var members = members.filter { !$0.value.isNull }
    members["@id"] = .string(identifier)
    members["@type"] = type
    entities.append(.map(members))
  }

  // MARK: - Files

  /// The path of the pipeline file in the crate, which is the workflow's identifier.
  var workflow: String { "workflow/\(ResearchCrate.address(run.record.file))" }

  private mutating func addFiles(_ recordBytes: String) {
    for file in run.record.specification {
      contents.append(("workflow/\(file.path)", .text(file.text)))
      let path = "workflow/\(ResearchCrate.address(file.path))"
      guard path != workflow else { continue }
      add(
        path, "File",
        [
          "name": .string(file.path), "encodingFormat": "application/yaml",
          "description": "A file that the workflow includes.",
        ])
    }
    contents.append(("record.json", .text(recordBytes)))
    add(
      "record.json", "File",
      [
        "name": "The record of the run", "encodingFormat": "application/json",
        "description": "What the runner recorded: decisions, keys, digests, metrics and claims.",
        "sha256": .string(Digest.of(recordBytes).hex),
      ])
    contents.append(("README.md", .text(readme)))
    add(
      "README.md", "File",
      [
        "name": "README", "encodingFormat": "text/markdown",
        "about": ResearchCrate.reference("./"),
      ])
  }

  private var readme: String {
    var text = "# \(MarkdownText.escape(run.title))\n\n\(run.provenanceText)\n"
    if !run.claims.isEmpty {
      text += "\n" + run.claims.map(run.claimText).joined(separator: "\n\n") + "\n"
    }
    return text
  }

  private mutating func addArtifacts() {
    var paths: [Digest: String] = [:]
    for instance in acted {
      for output in instance.outputs {
        let name = "\(instance.name).\(output.slot)"
        if let known = paths[output.digest] {
          // The same bytes made twice are one file.
          artifactEntities[name] = known
          continue
        }
        let entity = artifact(output, name)
        paths[output.digest] = entity
        artifactEntities[name] = entity
      }
    }
  }

  private mutating func artifact(_ output: ArtifactRecord, _ name: String) -> String {
    var members: [String: Value] = [
      "name": .string(name), "contentSize": .string(String(output.size)),
      "identifier": .string("sha256:\(output.digest.hex)"),
      "exampleOfWork": ResearchCrate.reference(outputParameter(name)),
    ]
    guard output.size <= limit, isStored(output) else {
      leftOut.append(name)
      members["description"] =
        "Not in this crate; its content is named by its digest. Run the workflow to make it."
      let entity = "#artifact-\(output.digest.hex)"
      add(entity, output.isTree ? "Collection" : "CreativeWork", members)
      return entity
    }
    let base = "artifacts/" + identifiers.make("", name)
    if output.isTree {
      contents.append((base, .artifact(output)))
      add(base + "/", "Dataset", members)
      return base + "/"
    }
    let path = base + ResearchCrate.suffix(output.kind)
    contents.append((path, .artifact(output)))
    members["encodingFormat"] = .string(ResearchCrate.format(output.kind))
    members["sha256"] = .string(output.digest.hex)
    add(ResearchCrate.address(path), "File", members)
    return ResearchCrate.address(path)
  }

  /// All instances of a stage share one formal parameter for a slot.
  func outputParameter(_ name: String) -> String {
    let slot = name.lastIndex(of: ".").map { name[name.index(after: $0)...] } ?? ""
    let cell = name.prefix { $0 != "[" && $0 != "." }
    return "#output-\(cell)-\(slot)"
  }

  private static func suffix(_ kind: String) -> String {
    switch kind {
    case "table/csv": ".csv"
    case "figure/vega-lite": ".vl.json"
    case "json", "metrics": ".json"
    case "text": ".txt"
    default: ""
    }
  }

  private static func format(_ kind: String) -> String {
    switch kind {
    case "table/csv": "text/csv"
    case "figure/vega-lite": "application/vnd.vegalite.v5+json"
    case "json", "metrics": "application/json"
    case "text": "text/plain"
    default: "application/octet-stream"
    }
  }

  /// A path as a relative address: what is no plain letter becomes an escape.
  static func address(_ path: String) -> String {
    var allowed = CharacterSet.alphanumerics.intersection(CharacterSet(charactersIn: "\0"..."~"))
    allowed.insert(charactersIn: "-._~/")
    return path.addingPercentEncoding(withAllowedCharacters: allowed) ?? path
  }
}

/// Why an export cannot be made.
public struct ExportError: Error, Sendable, CustomStringConvertible {
  public let description: String
  init(_ description: String) { self.description = description }
}
