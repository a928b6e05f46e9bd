import Foundation
import StructuredValue
import Synchronization

/// The process that runs one attempt of a built-in stage: the program itself, executed again.
public enum StageHost {
  /// Runs a stage that the runner asked for and tells the runner what came of it.
  ///
  /// - Returns: The exit status: 0, or 1 after an error message.
  public static func run<S: Stage>(_ type: S.Type) async -> Int32 {
    guard let descriptor = ProcessInfo.processInfo.environment["PIPELINE_FD"].flatMap(Int32.init)
    else {
      FileHandle.standardError.write(
        Data("a stage process needs the descriptor that the runner names in PIPELINE_FD\n".utf8))
      return 1
    }
    let channel = MessageChannel(descriptor: descriptor)
    do {
      let request = try readRequest()
      channel.send(.hello(protocol: 1, name: request.stage, version: request.version))
      try await run(type, request: request, send: channel.send)
      channel.send(.result(outputs: request.outputs.keys.sorted(), metrics: [:]))
      return 0
    } catch {
      channel.send(message(for: error))
      return 1
    }
  }

  /// Runs a stage in this process.
  public static func run<S: Stage>(
    _ type: S.Type, request: StageRequest, send: @escaping @Sendable (StageMessage) -> Void
  ) async throws {
    let parameters: S.Parameters = try decode(request.params)
    try await S().run(parameters, in: StageContext(request: request, send: send))
  }

  private static func readRequest() throws -> StageRequest {
    guard let line = readLine(strippingNewline: true) else {
      throw StageError(code: .failed, message: "the runner sent no request")
    }
    return try JSONDecoder().decode(StageRequest.self, from: Data(line.utf8))
  }

  private static func decode<Parameters: Decodable>(_ params: Value) throws -> Parameters {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    decoder.keyDecodingStrategy = .custom { path in
      let name = path[path.count - 1].stringValue
      return ParameterKey(stringValue: camelCase(name))
    }
    do {
      return try decoder.decode(Parameters.self, from: Data(params.json().utf8))
    } catch let error as DecodingError {
      throw StageError(code: .badParameter, message: "the parameters do not fit: \(error)")
    }
  }

  /// `train-rows` and `train_rows` become `trainRows`.
  private static func camelCase(_ name: String) -> String {
    let words = name.split(whereSeparator: { $0 == "-" || $0 == "_" })
    guard let first = words.first else { return name }
    return first + words.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
  }

  private static func message(for error: any Error) -> StageMessage {
    if let error = error as? StageError {
      return .error(
        code: error.code.name, message: error.message, isRetryable: error.isRetryable,
        slot: error.slot, line: error.line)
    }
    return .error(
      code: "failed", message: "\(error)", isRetryable: false, slot: nil, line: nil)
  }
}

private struct ParameterKey: CodingKey {
  var stringValue: String
  var intValue: Int? { nil }
  init(stringValue: String) { self.stringValue = stringValue }
  init?(intValue: Int) { return nil }
}

/// Writes messages from any thread, each as one whole line.
private final class MessageChannel: Sendable {
  private let descriptor: Mutex<Int32>

  init(descriptor: Int32) { self.descriptor = Mutex(descriptor) }

  func send(_ message: StageMessage) {
    let bytes = Array((message.line + "\n").utf8)
    descriptor.withLock { descriptor in
      var sent = 0
      while sent < bytes.count {
        let count = bytes[sent...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        if count < 0 && errno == EINTR { continue }
        // The runner is gone; it has taken this process's tree with it or is about to.
        if count <= 0 { return }
        sent += count
      }
    }
  }
}
