public import SpecSyntax
import StructuredValue

/// A plugin's `stage.yaml`: what it takes, gives and measures.
public struct Manifest: Sendable {
  public var name: String
  public var version: Version
  public var summary: String
  /// The command of a plugin in a folder; empty for a built-in stage.
  public var exec: [String]
  /// Globs of the files whose content enters the action key, relative to the plugin's folder.
  public var code: [String]
  public var inputs: [String: ManifestInput]
  public var outputs: [String: ManifestOutput]
  public var metrics: [String: ManifestMetric]
  public var parameters: ParameterSchema
  /// Requested resources that provably do not change the result.
  public var invariantUnder: Set<String>
  /// `bitwise`, `tolerance` or `no`.
  public var deterministic: String
  /// Commands whose output enters the key.
  public var tools: [String]
  /// Environment variables that reach the stage without entering the key.
  public var passes: [String]
  public var network: Bool
  /// Whether the seed enters the key and the request.
  public var isSeeded: Bool

  public var isNondeterministic: Bool { deterministic == "no" }
}

public struct ManifestInput: Hashable, Sendable {
  public var kind: String
  public var isRequired: Bool
  /// Whether it takes several artifacts, gathered over a matrix.
  public var isMany: Bool
  public var doc: String
}

public struct ManifestOutput: Hashable, Sendable {
  public var kind: String
  /// The file's name where it is written out, such as `weights.sdl`; nil leaves it to slot and kind.
  public var file: String?
  public var isRequired: Bool
  public var doc: String
}

public struct ManifestMetric: Hashable, Sendable {
  public var unit: String?
  /// `higher` or `lower` is better, or nil.
  public var direction: String?
  public var doc: String
}

/// A semantic version.
public struct Version: Hashable, Sendable, CustomStringConvertible {
  public var major: Int
  public var minor: Int
  public var patch: Int

  public init?(_ text: String) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false).map { Int($0) }
    guard (1...3).contains(parts.count), let major = parts[0], parts.allSatisfy({ $0 ?? -1 >= 0 })
    else { return nil }
    self.major = major
    minor = parts.count > 1 ? parts[1] ?? 0 : 0
    patch = parts.count > 2 ? parts[2] ?? 0 : 0
  }

  public var description: String { "\(major).\(minor).\(patch)" }
}

extension Manifest {
  static let keys = [
    "stage", "version", "protocol", "summary", "exec", "code", "inputs", "outputs", "metrics",
    "params", "invariant-under", "deterministic", "tools", "passes", "network", "seeded",
  ]

  /// Reads a manifest.
  ///
  /// - Returns: The manifest, or nil, with all that is wrong with it.
  public static func read(text: String, file: String) -> (Manifest?, [Diagnostic]) {
    let (node, diagnostics) = YAMLReader.read(text, file: file)
    guard let node, diagnostics.isEmpty else { return (nil, diagnostics) }
    let reader = MapReader(node, subject: "the manifest", keys: keys)
    let name = reader.string("stage")
    if name == nil { reader.need("stage", what: "the plugin's name") }
    let versionText = reader.string("version")
    let version = versionText.flatMap { Version($0.value) }
    // A number has been told of already: of 1.10 it would have lost the zero.
    if version == nil, versionText != nil || !reader.has("version") {
      reader.report(
        Diagnostic(
          code: "P0132", message: "the manifest lacks a version such as 1.0.0",
          location: versionText?.location ?? node.location))
    }
    if let spoken = reader.int("protocol"), spoken != 1 {
      reader.report(
        Diagnostic(
          code: "P0132", message: "the plugin speaks protocol \(spoken), this program speaks 1",
          location: reader.keyLocation("protocol")))
    }
    let deterministic = reader.string("deterministic")
    if let word = deterministic, !["bitwise", "tolerance", "no"].contains(word.value) {
      reader.report(
        Diagnostic(
          code: "P0104", message: "'deterministic' is '\(word.value)'", location: word.location,
          help: "it is bitwise, tolerance or no"))
    }
    let (parameters, found) = ParameterSchema.read(reader.node("params"))
    reader.report(found)
    let manifest = Manifest(
      name: name?.value ?? "", version: version ?? Manifest.noVersion,
      summary: reader.string("summary")?.value ?? "",
      exec: reader.strings("exec").map(\.value), code: reader.strings("code").map(\.value),
      inputs: inputs(reader), outputs: outputs(reader), metrics: metrics(reader),
      parameters: parameters, invariantUnder: Set(reader.strings("invariant-under").map(\.value)),
      deterministic: deterministic?.value ?? "bitwise", tools: reader.strings("tools").map(\.value),
      passes: reader.strings("passes").map(\.value), network: reader.bool("network") ?? false,
      isSeeded: reader.bool("seeded") ?? true)
    let mistakes = reader.diagnostics
    return (mistakes.contains { $0.severity == .error } ? nil : manifest, mistakes)
  }

  private static let noVersion = Version(major: 0)

  private static func inputs(_ reader: MapReader) -> [String: ManifestInput] {
    var inputs: [String: ManifestInput] = [:]
    for member in reader.map("inputs") {
      let input = MapReader(
        member.value, subject: "the input '\(member.key)'",
        keys: ["kind", "required", "many", "doc"])
      if let problem = SlotName.problem(member.key, at: member.keyLocation) {
        reader.report(problem)
      }
      inputs[member.key] = ManifestInput(
        kind: input.string("kind")?.value ?? "file", isRequired: input.bool("required") ?? true,
        isMany: input.bool("many") ?? false, doc: input.string("doc")?.value ?? "")
      reader.report(input.diagnostics)
    }
    return inputs
  }

  private static func outputs(_ reader: MapReader) -> [String: ManifestOutput] {
    var outputs: [String: ManifestOutput] = [:]
    for member in reader.map("outputs") {
      let output = MapReader(
        member.value, subject: "the output '\(member.key)'",
        keys: ["kind", "file", "required", "doc"])
      if let problem = SlotName.problem(member.key, at: member.keyLocation) {
        reader.report(problem)
      }
      outputs[member.key] = ManifestOutput(
        kind: output.string("kind")?.value ?? "file", file: output.string("file")?.value,
        isRequired: output.bool("required") ?? true,
        doc: output.string("doc")?.value ?? "")
      reader.report(output.diagnostics)
    }
    return outputs
  }

  private static func metrics(_ reader: MapReader) -> [String: ManifestMetric] {
    var metrics: [String: ManifestMetric] = [:]
    for member in reader.map("metrics") {
      let metric = MapReader(
        member.value, subject: "the metric '\(member.key)'", keys: ["direction", "unit", "doc"])
      let direction = metric.string("direction")
      if let word = direction, !["higher", "lower"].contains(word.value) {
        metric.report(
          Diagnostic(
            code: "P0104", message: "'direction' is '\(word.value)'", location: word.location,
            help: "it is higher or lower: which one is better"))
      }
      let unit = metric.string("unit")?.value
      metrics[member.key] = ManifestMetric(
        unit: unit?.isEmpty ?? true ? nil : unit, direction: direction?.value,
        doc: metric.string("doc")?.value ?? "")
      reader.report(metric.diagnostics)
    }
    return metrics
  }
}

extension Version {
  fileprivate init(major: Int) {
    self.major = major
    minor = 0
    patch = 0
  }
}
