public import ContentHashing
public import Foundation
public import RunRecord
import StructuredValue

extension RunRecord {
  /// The record as JSON with sorted keys, so that equal records are equal bytes.
  public func canonicalBytes() throws(ProvenanceError) -> Data {
    try checkDurations()
    return Data(jsonBytes)
  }

  func checkDurations() throws(ProvenanceError) {
    guard instances.allSatisfy({ $0.seconds.isFinite && $0.cpuSeconds.isFinite }) else {
      throw ProvenanceError(
        .badRecord, "run \(id) holds a duration that JSON can't; it was not recorded")
    }
  }

  /// Reads what `canonicalBytes()` wrote.
  ///
  /// - Parameters:
  ///   - bytes: JSON.
  ///   - place: Where the bytes come from, for the message.
  /// - Throws: `P0605` where they are no record.
  public init(bytes: Data, from place: String) throws(ProvenanceError) {
    self = try readRecord(RecordParts(head: Array(bytes)), from: place)
  }

  /// The digest of the specification's files with their names.
  public var specificationDigest: Digest {
    .canonical(
      "specification/v1",
      .list(specification.map { .map(["path": .string($0.path), "text": .string($0.text)]) }))
  }

  /// Whether the id can be a file's name anywhere: letters, digits, `-` and `_`, at least four.
  static func isUsable(id: String) -> Bool {
    id.utf8.count >= 4 && id.utf8.count <= 100
      && id.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
          true
        default: false
        }
      }
  }

  func checkId() throws(ProvenanceError) {
    guard Self.isUsable(id: id) else {
      throw ProvenanceError(
        .badRecord, "'\(id)' can't be a run's id, which has 4 to 100 letters, digits, '-' and '_'")
    }
  }
}

/// Reads a record, or what is wanted of it.
func readRecord<Content: RecordContent>(
  _ parts: RecordParts, from place: String
) throws(ProvenanceError) -> Content {
  do {
    return try Content(parts: parts)
  } catch {
    throw ProvenanceError(
      .badRecord,
      "\(place) is no record that this version reads (\(error)); a newer 'pipeline' may read it")
  }
}
