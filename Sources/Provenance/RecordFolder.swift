import Foundation
public import RunRecord

/// The records of runs as files, `<folder>/<run-id>/record.json`, for work outside a repository
/// and for runs that the repository could not take.
public struct RecordFolder: RunHistory {
  /// The folder, most often `Artifacts/runs`.
  public var path: String

  public init(path: String) { self.path = path }

  public func append(_ record: RunRecord) throws(ProvenanceError) -> String {
    try record.checkId()
    let bytes = try record.canonicalBytes()
    let folder = URL(fileURLWithPath: path).appendingPathComponent(record.id)
    let file = folder.appendingPathComponent("record.json")
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try bytes.write(to: file, options: .atomic)
    } catch {
      throw ProvenanceError(
        .notWritable, "\(file.path) can't be written (\(error.localizedDescription))")
    }
    return file.path
  }

  public func runs(limit: Int) throws(ProvenanceError) -> [RunSummary] {
    var summaries: [RunSummary] = []
    for id in ids().sorted(by: >).prefix(max(0, limit)) {
      summaries.append(RunSummary(of: try record(exactly: id)))
    }
    return summaries
  }

  public func record(run id: String) throws(ProvenanceError) -> RunRecord {
    try record(exactly: try onlyMatch(id, in: ids(), place: path))
  }

  public func resolve(_ revision: String) throws(ProvenanceError) -> RunRecord {
    if let record = try latest(revision) { return record }
    return try record(run: revision)
  }

  public func content<Content: RecordContent>(
    ofRecord id: String
  ) throws(ProvenanceError) -> Content? {
    ids().contains(id) ? try content(exactly: id) : nil
  }

  private func record(exactly id: String) throws(ProvenanceError) -> RunRecord {
    try content(exactly: id)
  }

  private func content<Content: RecordContent>(
    exactly id: String
  ) throws(ProvenanceError) -> Content {
    let file = URL(fileURLWithPath: path).appendingPathComponent(id)
      .appendingPathComponent("record.json")
    let bytes: Data
    do {
      bytes = try Data(contentsOf: file)
    } catch {
      throw ProvenanceError(
        .missingRecord, "\(file.path) can't be read (\(error.localizedDescription))")
    }
    return try readRecord(RecordParts(head: Array(bytes)), from: file.path)
  }

  /// The runs that have a record; a folder without one is a run that is still going or was killed.
  private func ids() -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    return names.filter { name in
      RunRecord.isUsable(id: name)
        && FileManager.default.fileExists(atPath: "\(path)/\(name)/record.json")
    }
  }
}

/// The only id that equals or starts with a text.
func onlyMatch(
  _ prefix: String, in ids: [String], place: String
) throws(ProvenanceError) -> String {
  if ids.contains(prefix) { return prefix }
  let matches = prefix.isEmpty ? [] : ids.filter { $0.hasPrefix(prefix) }.sorted()
  guard let match = matches.first else {
    throw ProvenanceError(
      .missingRecord,
      "no run '\(prefix)' is recorded in \(place); 'pipeline log' lists the runs")
  }
  guard matches.count == 1 else {
    throw ProvenanceError(
      .missingRecord,
      "'\(prefix)' could be any of \(matches.count) runs (\(matches.prefix(3).joined(separator: ", "))"
        + "\(matches.count > 3 ? ", …" : "")); give more of the id")
  }
  return match
}

/// What became of a run's record.
public struct KeptRecord: Hashable, Sendable {
  /// The commit on `refs/pipeline/log`; nil where git did not take the record.
  public var commit: String?
  /// The record's file; nil where git took it.
  public var file: String?
  /// Why git did not take the record, in a sentence for the user.
  public var warning: String?
}

extension RecordFolder {
  /// Records a run in the repository's log or, where there is none or it fails, in this folder.
  ///
  /// - Throws: When neither takes the record.
  public func keep(
    _ record: RunRecord, log: ProvenanceLog?
  ) throws(ProvenanceError) -> KeptRecord {
    guard let log else {
      return KeptRecord(
        file: try append(record),
        warning: "Provenance is off, as this is not a git repository; 'git init' turns it on.")
    }
    do {
      return KeptRecord(commit: try log.append(record))
    } catch {
      let file = try append(record)
      return KeptRecord(
        file: file, warning: "\(error.message). The run's record is kept in \(file).")
    }
  }
}
