import Foundation
import Provenance
import RunRecord
import Testing

struct RecordFolderTests {
  @Test func `records outside of a repository can be listed, read and resolved`() throws {
    let folder = try TestRepository(nil)
    let records = RecordFolder(path: "\(folder.path)/Artifacts/runs")
    #expect(try records.runs(limit: 9).isEmpty)
    #expect(throws: ProvenanceError.self) { try records.resolve("latest") }
    let runs = ["20261123-000001-aaaaaa", "20261123-000002-bbbbbb"].map { sampleRecord($0) }
    for run in runs {
      let kept = try records.keep(run, log: nil)
      #expect(kept.file?.hasSuffix("\(run.id)/record.json") == true)
      #expect(kept.warning?.contains("Provenance is off") == true)
    }
    // Left by a run that is still going.
    try folder.write("", to: "Artifacts/runs/20261123-000003-cccccc/journal")
    #expect(try records.runs(limit: 9) == runs.reversed().map { RunSummary(of: $0) })
    #expect(try records.resolve("latest") == runs[1])
    #expect(try records.resolve("latest~1") == runs[0])
    #expect(try records.resolve("20261123-000001") == runs[0])
    let error = #expect(throws: ProvenanceError.self) { try records.resolve("main") }
    #expect(error?.code == .missingRecord)
  }

  @Test func `a record that can't be read is named`() throws {
    let folder = try TestRepository(nil)
    try folder.write("{", to: "20261123-000001-aaaaaa/record.json")
    let error = #expect(throws: ProvenanceError.self) {
      try RecordFolder(path: folder.path).record(run: "20261123-000001-aaaaaa")
    }
    #expect(error?.code == .badRecord)
    #expect(error?.message.contains("20261123-000001-aaaaaa/record.json") == true)
  }

  @Test func `equal records are equal bytes`() throws {
    let record = sampleRecord("20261123-000001-aaaaaa")
    let bytes = try record.canonicalBytes()
    let again = try RunRecord(bytes: bytes, from: "memory")
    #expect(again == record)
    #expect(try again.canonicalBytes() == bytes)
  }
}
