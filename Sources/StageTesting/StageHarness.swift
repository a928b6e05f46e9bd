import Foundation
public import StageKit
import SpecSyntax
import StageManifest
public import StructuredValue
import Synchronization

/// Runs a stage inside the test's own process, on files that the test names.
public struct StageHarness<S: Stage> {
  private let folder: String

  /// - `stage`: The stage's type.
  public init(_ stage: S.Type) throws {
    folder = NSTemporaryDirectory() + "stage-" + UUID().uuidString
    for name in ["out", "tmp"] {
      try FileManager.default.createDirectory(
        atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
    }
  }

  /// What a stage left behind.
  public struct Outcome: Sendable {
    /// The folder whose files are named after the output slots.
    public var outputs: String
    public var metrics: [String: Value] = [:]
    public var notes: [String] = []
    public var log: [String] = []
    public var checkpoints: [String] = []

    /// The path of an output.
    public func path(_ slot: String) -> String { "\(outputs)/\(slot)" }

    public func bytes(_ slot: String) throws -> [UInt8] {
      Array(try Data(contentsOf: URL(fileURLWithPath: path(slot))))
    }
  }

  /// Runs the stage once.
  ///
  /// - `parameters`: A map; parameters left out take the manifest's defaults.
  /// - `inputs`: A path for each connected input.
  /// - `gathered`: Paths by instance name (`device=pixel3`), for inputs that gather several.
  /// - Throws: What the stage throws; a `StageError` when the parameters do not fit its manifest.
  public func run(
    parameters: Value = [:], inputs: [String: String] = [:],
    gathered: [String: [(name: String, path: String)]] = [:], seed: UInt64 = 0, cpus: Int = 2,
    checkpoint: String? = nil
  ) async throws -> Outcome {
    let manifest = try manifest()
    var request = StageRequest(
      stage: manifest.name, version: manifest.version.description, action: "", attempt: "test",
      params: try resolve(parameters, manifest), inputs: [:], outputs: [:],
      resources: StageRequest.Resources(cpus: cpus), seed: seed, checkpoint: checkpoint,
      scratch: "\(folder)/tmp")
    for (slot, path) in inputs {
      request.inputs[slot] = StageRequest.Input(
        path: path, kind: manifest.inputs[slot]?.kind ?? "file", digest: "")
    }
    for (slot, items) in gathered {
      request.inputs[slot] = StageRequest.Input(
        path: "", kind: manifest.inputs[slot]?.kind ?? "file", digest: "",
        items: items.map { item in
          let axes = item.name.split(separator: ",").map { $0.split(separator: "=") }
          let matrix = axes.filter { $0.count == 2 }
            .map { (String($0[0]), Value.string(String($0[1]))) }
          return StageRequest.Item(
            name: item.name, matrix: Dictionary(matrix) { _, last in last }, path: item.path,
            digest: "")
        })
    }
    for (slot, output) in manifest.outputs {
      request.outputs[slot] = StageRequest.Output(path: "\(folder)/out/\(slot)", kind: output.kind)
    }
    let outcome = Mutex(Outcome(outputs: "\(folder)/out"))
    try await StageHost.run(S.self, request: request) { message in
      outcome.withLock { $0.take(message) }
    }
    return outcome.withLock { $0 }
  }
}

extension StageHarness {
  private func manifest() throws -> Manifest {
    let (manifest, diagnostics) = Manifest.read(
      text: String(decoding: S.manifest, as: UTF8.self), file: "stage.yaml")
    guard let manifest else {
      throw StageError(
        code: .failed, message: Diagnostic.rendered(diagnostics, source: { _ in nil }))
    }
    return manifest
  }

  private func resolve(_ parameters: Value, _ manifest: Manifest) throws -> Value {
    let place = SourceLocation(file: "test", line: 1, column: 1)
    let given = (parameters.map ?? [:]).mapValues { Located($0, at: place) }
    let (resolved, diagnostics) = manifest.parameters.resolve(
      given: given, cell: Located("test", at: place))
    guard diagnostics.isEmpty else {
      throw StageError(
        code: .badParameter, message: Diagnostic.rendered(diagnostics, source: { _ in nil }))
    }
    return .map(resolved)
  }
}

extension StageHarness.Outcome {
  fileprivate mutating func take(_ message: StageMessage) {
    switch message {
    case .metric(let name, nil, let value): metrics[name] = value
    case .note(let markdown): notes.append(markdown)
    case .log(let level, let text): log.append("\(level.rawValue): \(text)")
    case .checkpoint(let path): checkpoints.append(path)
    default: break
    }
  }
}
