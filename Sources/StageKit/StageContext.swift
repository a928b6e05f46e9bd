import Foundation
public import StructuredValue

/// What a stage is given besides its parameters, and where it leaves what it makes.
public struct StageContext: Sendable {
  /// The seed of everything stochastic.
  public let seed: UInt64
  /// The processors that the stage may keep busy.
  public let cpus: Int
  /// A folder for files that nobody else needs.
  public let scratch: String
  /// The checkpoint that an earlier attempt at this same action left.
  public let resume: String?

  private let request: StageRequest
  private let send: @Sendable (StageMessage) -> Void

  /// - `send`: Takes each message of the stage; called from any thread.
  public init(request: StageRequest, send: @escaping @Sendable (StageMessage) -> Void) {
    self.request = request
    self.send = send
    seed = request.seed
    cpus = request.resources.cpus
    scratch = request.scratch
    resume = request.checkpoint
  }
}

// MARK: - Artifacts

extension StageContext {
  /// The artifact that the pipeline connects to an input.
  ///
  /// - Throws: `StageError` when the slot is not connected, or gathers several artifacts.
  public func input(_ slot: String) throws(StageError) -> StageInput {
    guard let input = request.inputs[slot] else {
      throw StageError(
        code: .badInput, message: "the pipeline connects nothing to the input '\(slot)'",
        slot: slot)
    }
    guard input.items == nil else {
      throw StageError(
        code: .badInput,
        message: "the input '\(slot)' gathers several artifacts, where one is needed", slot: slot)
    }
    return StageInput(slot: slot, name: slot, matrix: [:], request: input)
  }

  /// All artifacts of an input, in the order of their matrix; empty where nothing is connected.
  public func inputs(_ slot: String) -> [StageInput] {
    guard let input = request.inputs[slot] else { return [] }
    guard let items = input.items else {
      return [StageInput(slot: slot, name: slot, matrix: [:], request: input)]
    }
    return items.map { item in
      StageInput(
        slot: slot, name: item.name, matrix: item.matrix, kind: input.kind, path: item.path,
        digest: item.digest)
    }
  }

  /// The path to write an output to, as a file or as a folder.
  ///
  /// - Throws: `StageError` when the manifest declares no such output.
  public func output(_ slot: String) throws(StageError) -> String {
    guard let output = request.outputs[slot] else {
      throw StageError(code: .failed, message: "the manifest declares no output '\(slot)'")
    }
    return output.path
  }
}

extension StageContext {
  /// Reads an input with a reader of its format.
  ///
  /// - Parameters:
  ///   - slot: The input.
  ///   - reader: Takes the path.
  /// - Returns: What the reader made of it.
  /// - Throws: `StageError` that names the slot, with the words of the reader.
  public func read<Content>(
    _ slot: String, with reader: (_ path: String) throws -> Content
  ) throws(StageError) -> Content {
    let path = try input(slot).path
    do {
      return try reader(path)
    } catch {
      throw StageError(code: .badInput, message: "\(error)", slot: slot)
    }
  }

  /// Writes an output that is one text file.
  ///
  /// - Throws: `StageError` when the manifest declares no such output, or it cannot be written.
  public func write(_ text: String, to slot: String) throws(StageError) {
    let path = try output(slot)
    do {
      try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    } catch {
      throw StageError(
        code: .failed, message: "the output '\(slot)' cannot be written: \(error)", slot: slot)
    }
  }
}

// MARK: - Messages

extension StageContext {
  /// Tells how far the work is.
  ///
  /// Call it as often as you like: the runner thins it out.
  public func progress(_ done: Int, of total: Int, unit: String = "", message: String = "") {
    send(.progress(done: done, total: total, unit: unit, message: message))
  }

  /// Records a result of the stage; nil means that it is undefined here.
  public func metric(_ name: String, _ value: Double?) {
    send(.metric(name: name, step: nil, value: value.map { .double($0) } ?? .null))
  }

  /// Records a count.
  public func metric(_ name: String, _ value: Int) {
    send(.metric(name: name, step: nil, value: .int(value)))
  }

  /// Adds a point to a curve, such as a loss over epochs.
  public func metric(_ name: String, step: Int, _ value: Double) {
    send(.metric(name: name, step: step, value: .double(value)))
  }

  public func log(_ level: LogLevel, _ message: String) {
    send(.log(level: level, message: message))
  }

  /// Leaves Markdown in the notebook, beside the stage.
  public func note(_ markdown: String) { send(.note(markdown: markdown)) }

  /// Hands a file or folder below `scratch` to the runner.
  ///
  /// The runner gives it back as `resume` should this attempt not come to its end. Write it
  /// completely before the call.
  public func checkpoint(_ path: String) { send(.checkpoint(path: path)) }
}

/// An artifact that a stage reads.
public struct StageInput: Sendable {
  public let slot: String
  /// The instance it comes from, such as `device=pixel3`, or the slot's name.
  public let name: String
  /// The matrix values of that instance.
  public let matrix: [String: Value]
  public let kind: String
  /// A file or a folder, read-only.
  public let path: String
  /// SHA-256 in hexadecimal digits.
  public let digest: String

  init(
    slot: String, name: String, matrix: [String: Value], kind: String, path: String, digest: String
  ) {
    self.slot = slot
    self.name = name
    self.matrix = matrix
    self.kind = kind
    self.path = path
    self.digest = digest
  }

  init(slot: String, name: String, matrix: [String: Value], request: StageRequest.Input) {
    self.init(
      slot: slot, name: name, matrix: matrix, kind: request.kind, path: request.path,
      digest: request.digest)
  }
}
