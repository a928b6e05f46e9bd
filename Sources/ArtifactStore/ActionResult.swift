public import ContentHashing
import Foundation
public import StructuredValue

/// What an action gave.
public struct ActionResult: Codable, Hashable, Sendable {
  /// The instance that executed it first.
  public var instance: String
  public var outputs: [String: ActionOutput] = [:]
  public var metrics: [String: Value] = [:]
  /// Markdown for the notebook.
  public var notes: [String] = []
  public var log: Digest?
  /// Seconds of wall time.
  public var seconds: Double = 0
  public var cpuSeconds: Double = 0
  /// Bytes at the peak, of the largest process.
  public var peakMemory: Int = 0
  /// The components of the key.
  public var keyFields: Value

  public init(instance: String, keyFields: Value) {
    self.instance = instance
    self.keyFields = keyFields
  }
}

/// An output of an action.
public struct ActionOutput: Codable, Hashable, Sendable {
  public var kind: String
  public var digest: Digest
  public var isTree: Bool
  /// Bytes.
  public var size: Int

  public init(kind: String, digest: Digest, isTree: Bool, size: Int) {
    self.kind = kind
    self.digest = digest
    self.isTree = isTree
    self.size = size
  }
}

extension ActionResult {
  /// The entry's file: one line of JSON and one with its digest, so that a torn entry is seen for
  /// what it is.
  var text: String {
    let json = value.json()
    return json + "\n" + Digest.of(json).hex + "\n"
  }

  private var value: Value {
    [
      "instance": .string(instance),
      "outputs": .map(
        outputs.mapValues { output in
          [
            "kind": .string(output.kind), "digest": .string(output.digest.hex),
            "isTree": .bool(output.isTree), "size": .int(output.size),
          ]
        }),
      "metrics": .map(metrics), "notes": .list(notes.map { .string($0) }),
      "log": log.map { .string($0.hex) } ?? .null, "seconds": .double(seconds),
      "cpuSeconds": .double(cpuSeconds), "peakMemory": .int(peakMemory), "keyFields": keyFields,
    ]
  }

  init?(text: [UInt8]) {
    let lines = text.split(separator: UInt8(ascii: "\n"), maxSplits: 2)
    guard lines.count == 2,
      Digest(String(decoding: lines[1], as: UTF8.self)) == Digest.of(Array(lines[0])),
      let result = try? JSONDecoder().decode(ActionResult.self, from: Data(lines[0]))
    else { return nil }
    self = result
  }
}
