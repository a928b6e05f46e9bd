import ArtifactStore
import CSupervisor
import ContentHashing
import Foundation
import Planning
import RunRecord
import StageKit
import StageManifest
import StructuredValue

// MARK: - Preparing, on another thread

/// An attempt's folder, ready for its process.
struct PreparedAttempt: Sendable {
  var inputs: [String: StageRequest.Input]
}

/// A file of the user's that changed after the key was made from it: a result would be kept under
/// the name of another input.
private struct ChangedInput: Error, CustomStringConvertible {
  var path: String
  var description: String {
    "its input '\(path)' changed while the run was starting it; run again"
  }
}

extension Scheduler {
  /// Lays out `in`, `out` and `tmp` of an attempt.
  func prepare(
    _ instance: Instance, _ key: ActionKey, _ inputs: [(Instance.InputSlot, InputMaterial)],
    in folder: String
  ) throws -> PreparedAttempt {
    for name in ["in", "out", "tmp"] {
      try FileManager.default.createDirectory(
        atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
    }
    // Our own stages leave their inputs alone; a stranger's script gets copies, since a write
    // through a hard link would damage the store.
    let mode: MaterializeMode = instance.isBuiltIn ? .link : .copy
    var prepared = PreparedAttempt(inputs: [:])
    for (slot, material) in inputs {
      let path = "\(folder)/in/\(slot.name)" + fileExtension(slot, material)
      switch material {
      case .path(let source):
        let content = try store.store(fileOrFolder: layout.absolute(source), consuming: false)
        guard key.content(ofInput: slot.name) == content.digest else {
          throw ChangedInput(path: source)
        }
        try store.materialize(content, at: path, readOnly: true, mode: mode)
        prepared.inputs[slot.name] = StageRequest.Input(
          path: path, kind: slot.kind, digest: content.digest.hex)
      case .artifact(let output):
        try store.materialize(output.content, at: path, readOnly: true, mode: mode)
        prepared.inputs[slot.name] = StageRequest.Input(
          path: path, kind: slot.kind, digest: output.digest.hex)
      case .gathered(let items):
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let requests = try items.map { item in
          let itemPath =
            "\(path)/\(fileName(item.name))" + kindExtension(item.output.kind, item.output.isTree)
          try store.materialize(item.output.content, at: itemPath, readOnly: true, mode: mode)
          return StageRequest.Item(
            name: item.name, matrix: item.matrix, path: itemPath, digest: item.output.digest.hex)
        }
        prepared.inputs[slot.name] = StageRequest.Input(
          path: path, kind: slot.kind, digest: "", items: requests)
      }
    }
    return prepared
  }

  private func fileExtension(_ slot: Instance.InputSlot, _ material: InputMaterial) -> String {
    switch material {
    case .gathered: ""
    case .artifact(let output): kindExtension(output.kind, output.isTree)
    case .path(let path):
      path.split(separator: "/").last.map { name in
        name.lastIndex(of: ".").map { String(name[$0...]) } ?? ""
      } ?? ""
    }
  }

  /// An instance's name as that of a file: matrix values may hold anything.
  private func fileName(_ name: String) -> String {
    let plain = name.replacing("%", with: "%25").replacing("/", with: "%2F")
    return plain == "." || plain == ".." ? "%2E" + plain.dropFirst() : plain
  }
}

extension KnownOutput {
  var content: StoredContent { StoredContent(digest: digest, isTree: isTree, size: size) }
}

extension Instance {
  var isBuiltIn: Bool {
    if case .plugin(let plugin) = work, case .builtIn = plugin.home { return true }
    return false
  }

  var isPlugin: Bool {
    if case .plugin = work { return true }
    return false
  }
}

/// The file name's ending that tools expect of a kind; none for a folder.
package func kindExtension(_ kind: String, _ isTree: Bool = false) -> String {
  guard !isTree else { return "" }
  return switch kind {
  case "table/csv": ".csv"
  case "figure/vega-lite": ".vl.json"
  case "metrics", "json": ".json"
  case "text": ".txt"
  default: ""
  }
}

// MARK: - Launching

extension Scheduler {
  /// Starts the process of a prepared attempt.
  func launch(_ attempt: Attempt, _ prepared: Result<PreparedAttempt, any Error>) {
    attempts[attempt.id] = attempt
    do {
      let prepared = try prepared.get()
      if interruption != nil {
        attempt.ending = .cancelled
        return giveUp(attempt, code: "P0302", "was cancelled")
      }
      try spawn(attempt, prepared)
      observe(
        .started(
          instance: graph.instances[attempt.instance].name, attempt: attempt.number,
          why: attempt.why))
    } catch let error as StoreError where error.isInfrastructure {
      attempts[attempt.id] = nil
      infrastructureFailure = .infrastructure("\(error)")
      cancelRunning()
    } catch let error as ChangedInput {
      giveUp(attempt, code: "P0309", "\(error)")
    } catch {
      giveUp(attempt, code: "P0201", "\(error)")
    }
  }

  /// Ends an attempt that has no process.
  private func giveUp(_ attempt: Attempt, code: String, _ message: String) {
    attempt.fail(code, message)
    attempt.exit = Supervisor.Exit(status: 1, cpuSeconds: 0, peakMemory: 0, overMemory: nil)
    attempt.pipes.forEach { $0.closeReading() }
    conclude(attempt)
  }

  private func spawn(_ attempt: Attempt, _ prepared: PreparedAttempt) throws {
    let instance = graph.instances[attempt.instance]
    let outputs = outputPaths(of: instance, in: attempt.folder)
    var arguments: [String]
    var visible: [String] = []
    switch instance.work {
    case .command(let template):
      arguments = template.map { fill($0, inputs: prepared.inputs, outputs: outputs) }
    case .shell(let text):
      arguments = [
        "/bin/sh", "-euc",
        fill(text, inputs: prepared.inputs, outputs: outputs, forShellIn: attempt.folder),
      ]
    case .plugin(let plugin):
      switch plugin.home {
      case .builtIn: arguments = [layout.program, "__stage", plugin.manifest.name]
      case .folder(let found):
        // The sandbox cannot make a folder visible below a link.
        let folder = URL(fileURLWithPath: found).resolvingSymlinksInPath().path
        let command = plugin.manifest.exec
        let first = command.first ?? ""
        arguments =
          [first.hasPrefix(".") ? "\(folder)/\(first)" : first]
          + command.dropFirst().map {
            access("\(folder)/\($0)", F_OK) == 0 ? "\(folder)/\($0)" : $0
          }
        visible = [folder]
      }
    }
    let environment = environment(of: instance, attempt)
    let isSandboxed = usesSandbox(instance)
    if isSandboxed, let sandbox {
      arguments = sandbox.wrap(
        arguments, attempt: attempt.folder, visible: visible, network: instance.network,
        path: environment["PATH"] ?? "")
    }

    let output = try StagePipe(limit: 1 << 20)
    let errors = try StagePipe(limit: 1 << 20)
    let messages = try StagePipe(limit: StageMessage.maximumLength)
    (attempt.output, attempt.errors, attempt.messages) = (output, errors, messages)
    let input = try standardInput(for: instance, attempt, prepared, outputs)
    defer {
      close(input)
      attempt.pipes.forEach { $0.closeWriting() }
    }
    try supervisor.spawn(
      Supervisor.Request(
        attempt: attempt.id, name: attempt.name, arguments: arguments, environment: environment,
        directory: attempt.folder, memoryLimit: instance.resources.memory, standardInput: input,
        standardOutput: output.writing, standardError: errors.writing,
        messages: messages.writing))
    if let timeout = instance.timeout { attempt.deadline = .now + .seconds(timeout) }
  }

  func usesSandbox(_ instance: Instance) -> Bool {
    sandbox != nil && !instance.isBuiltIn && (options.isSandboxed ?? instance.isSandboxed)
  }

  func outputPaths(of instance: Instance, in folder: String) -> [String: String] {
    let pairs = instance.outputs.map { output in
      (output.name, "\(folder)/out/\(output.name)\(kindExtension(output.kind))")
    }
    return Dictionary(pairs) { first, _ in first }
  }

  /// The request as a file: it can be longer than a pipe holds, and nobody has to wait for a reader.
  private func standardInput(
    for instance: Instance, _ attempt: Attempt, _ prepared: PreparedAttempt,
    _ outputs: [String: String]
  ) throws -> Int32 {
    guard case .plugin(let plugin) = instance.work else {
      return open("/dev/null", O_RDONLY | O_CLOEXEC)
    }
    var declared: [String: StageRequest.Output] = [:]
    for output in instance.outputs {
      declared[output.name] = StageRequest.Output(
        path: outputs[output.name] ?? "", kind: output.kind)
    }
    let request = StageRequest(
      stage: plugin.manifest.name, version: plugin.manifest.version.description,
      action: attempt.key.digest.hex, attempt: attempt.name, params: .map(instance.parameters),
      inputs: prepared.inputs, outputs: declared,
      resources: StageRequest.Resources(
        cpus: min(instance.resources.cpus, options.jobs), memory: instance.resources.memory),
      seed: instance.seed ?? 0, checkpoint: restoreCheckpoint(for: attempt),
      scratch: "\(attempt.folder)/tmp")
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    let path = "\(attempt.folder)/request.json"
    try (encoder.encode(request) + Data("\n".utf8)).write(to: URL(fileURLWithPath: path))
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw ExecutionError.infrastructure("cannot read \(path): \(errorText())")
    }
    return descriptor
  }

  /// What a stage sees of the environment: nothing but this.
  private func environment(of instance: Instance, _ attempt: Attempt) -> [String: String] {
    let threads = String(min(instance.resources.cpus, options.jobs))
    var environment = [
      "PATH": options.environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
      "HOME": "\(attempt.folder)/tmp", "TMPDIR": "\(attempt.folder)/tmp",
      "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC",
      "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads,
      "PIPELINE_FD": "3", "PIPELINE_ATTEMPT": attempt.name, "PIPELINE_CPUS": threads,
    ]
    for name in ["LIBTORCH", "LD_LIBRARY_PATH", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"]
      + instance.passes + instance.secrets
    {
      environment[name] = options.environment[name]
    }
    return environment.merging(instance.environment) { _, declared in declared }
  }

  /// Fills in the slots of a command.
  ///
  /// `folder` is the attempt's where the template is a text for the shell, which cuts a path with
  /// spaces in two unless it stands in quotes: below a folder with such a name the paths outside of
  /// quotes are relative to the working folder.
  private func fill(
    _ template: String, inputs: [String: StageRequest.Input], outputs: [String: String],
    forShellIn folder: String? = nil
  ) -> String {
    var text = template
    let special = folder.map { $0.utf8.contains { !isPlainInShell($0) } } ?? false
    for (name, path) in inputs.map({ ("inputs.\($0)", $1.path) })
      + outputs.map({ ("outputs.\($0)", $1) })
    {
      let expression = "${\(name)}"
      if special, let folder, path.hasPrefix(folder + "/") {
        text = text.replacingOccurrences(
          of: "\"" + expression, with: "\"" + path.replacing(/["$`\\]/) { "\\" + $0.output })
        text = text.replacingOccurrences(
          of: "'" + expression, with: "'" + path.replacingOccurrences(of: "'", with: "'\\''"))
        text = text.replacingOccurrences(
          of: expression, with: String(path.dropFirst(folder.count + 1)))
      } else {
        text = text.replacingOccurrences(of: expression, with: path)
      }
    }
    return text
  }
}

/// Whether the shell takes a byte as it is, wherever it stands.
private func isPlainInShell(_ byte: UInt8) -> Bool {
  switch byte {
  case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
    UInt8(ascii: "0")...UInt8(ascii: "9"), 0x80...:
    true
  default: "/._-+,:@%=".utf8.contains(byte)
  }
}

// MARK: - Checkpoints

extension Scheduler {
  /// Puts the checkpoint of an earlier attempt at the same action into the attempt's folder.
  private func restoreCheckpoint(for attempt: Attempt) -> String? {
    let note = "\(store.checkpointFolder(for: attempt.key.digest))/latest.json"
    guard let data = FileManager.default.contents(atPath: note), let value = try? Value(json: data),
      let digest = value["digest"]?.string.flatMap({ Digest($0) }),
      let isTree = value["isTree"]?.bool, let size = value["size"]?.int
    else { return nil }
    let path = "\(attempt.folder)/tmp/checkpoint"
    let content = StoredContent(digest: digest, isTree: isTree, size: size)
    guard (try? store.materialize(content, at: path, readOnly: false, mode: .copy)) != nil else {
      return nil
    }
    return path
  }

  /// Keeps a checkpoint that a stage has just completed.
  func keepCheckpoint(_ path: String, of attempt: Attempt) {
    let instance = graph.instances[attempt.instance].name
    let absolute = path.hasPrefix("/") ? path : "\(attempt.folder)/\(path)"
    let resolved = URL(fileURLWithPath: absolute).standardizedFileURL.path
    guard resolved.hasPrefix(attempt.folder + "/") else {
      observe(
        .warning(
          instance: instance, message: "the checkpoint '\(path)' is outside of its folder; ignored")
      )
      return
    }
    do {
      let content = try store.store(fileOrFolder: resolved, consuming: false)
      let folder = store.checkpointFolder(for: attempt.key.digest)
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      let note: Value = [
        "digest": .string(content.digest.hex), "isTree": .bool(content.isTree),
        "size": .int(content.size),
      ]
      try Data(note.json().utf8).write(
        to: URL(fileURLWithPath: "\(folder)/latest.json"), options: .atomic)
    } catch {
      observe(.warning(instance: instance, message: "the checkpoint was not kept: \(error)"))
    }
  }

  func dropCheckpoint(of key: ActionKey) {
    try? FileManager.default.removeItem(atPath: store.checkpointFolder(for: key.digest))
  }
}
