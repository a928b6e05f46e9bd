public import RunRecord

/// Where runs are recorded: a git repository's log, or a folder where there is no repository.
public protocol RunHistory {
  /// Records a run.
  ///
  /// - Returns: The log's commit id, or the record's path.
  func append(_ record: RunRecord) throws(ProvenanceError) -> String

  /// The runs, newest first.
  func runs(limit: Int) throws(ProvenanceError) -> [RunSummary]

  /// The record of the run with this id, or with the only id that starts so.
  func record(run id: String) throws(ProvenanceError) -> RunRecord

  /// What is wanted of the record of the run with exactly this id; nil where there is none.
  func content<Content: RecordContent>(ofRecord id: String) throws(ProvenanceError) -> Content?

  /// The record that a user means by a run's id or its start, `latest`, `latest~1` or, in a
  /// repository, a branch, tag or commit, which stands for the newest run recorded for it.
  func resolve(_ revision: String) throws(ProvenanceError) -> RunRecord
}

extension RunHistory {
  /// What planning wants to know of the latest run; nil where there is none.
  public func pastRun() throws(ProvenanceError) -> PastRun? {
    guard let run = try runs(limit: 1).first else { return nil }
    return try content(ofRecord: run.id)
  }

  /// The record of `latest` or `latest~N`; nil where the text has another form.
  func latest(_ revision: String) throws(ProvenanceError) -> RunRecord? {
    guard let back = stepsBack(revision) else { return nil }
    let runs = try runs(limit: back + 1)
    guard back < runs.count else {
      let known = runs.isEmpty ? "no run is" : "only \(runs.count) of the runs are"
      throw ProvenanceError(
        .missingRecord,
        "'\(revision)' names no run, as \(known) recorded here; do 'pipeline run' first")
    }
    return try record(run: runs[back].id)
  }

  private func stepsBack(_ revision: String) -> Int? {
    if revision == "latest" { return 0 }
    guard revision.hasPrefix("latest~"), let back = Int(revision.dropFirst(7)),
      (0..<1_000_000).contains(back)
    else { return nil }
    return back
  }
}
