import ContentHashing
import Exports
import Foundation
import RunRecord
import StructuredValue
import Testing

/// The rules of RO-Crate 1.1 and of the Process, Workflow and Provenance Run Crate profiles 0.5 that
/// a crate of ours must keep.
struct ResearchCrateTests {
  private func crate(
    _ run: SampleRun = SampleRun(), license: String? = nil, limit: Int = 1 << 20,
    isStored: @escaping (ArtifactRecord) -> Bool = { _ in true }
  ) throws -> ResearchCrate {
    try ResearchCrate(
      run.exported, recordBytes: "{}", license: license, limit: limit, isStored: isStored)
  }

  private func entities(_ crate: ResearchCrate) -> [String: Value] {
    let pairs = (crate.metadata["@graph"]?.list ?? []).map { ($0["@id"]?.string ?? "", $0) }
    return Dictionary(pairs) { first, _ in first }
  }

  /// The identifiers that a member refers to.
  private func references(_ value: Value?) -> [String] {
    switch value {
    case .map: value?["@id"]?.string.map { [$0] } ?? []
    case .list(let items): items.flatMap { references($0) }
    default: []
    }
  }

  private func types(_ entity: Value?) -> [String] {
    entity?["@type"]?.list?.compactMap(\.string) ?? [entity?["@type"]?.string ?? ""]
  }

  @Test func `identifiers are unique, and every reference leads to an entity`() throws {
    let crate = try crate()
    let all = (crate.metadata["@graph"]?.list ?? []).compactMap { $0["@id"]?.string }
    #expect(Set(all).count == all.count)
    let known = entities(crate)
    for (identifier, entity) in known {
      for (member, value) in entity.map ?? [:] where member != "@id" {
        for reference in references(value) where !reference.hasPrefix("https://bioschemas") {
          if identifier == "ro-crate-metadata.json", member == "conformsTo" { continue }
          #expect(known[reference] != nil, "\(identifier) \(member) \(reference)")
        }
      }
    }
  }

  @Test func `the root names its profiles, its workflow, its files and its actions`() throws {
    let crate = try crate(license: "https://creativecommons.org/licenses/by/4.0/")
    let known = entities(crate)
    let root = try #require(known["./"])
    for profile in ["process/0.5", "workflow/0.5", "provenance/0.5"] {
      let conforms = references(root["conformsTo"])
      #expect(conforms.contains("https://w3id.org/ro/wfrun/\(profile)"))
    }
    #expect(references(root["license"]) == ["https://creativecommons.org/licenses/by/4.0/"])
    #expect(references(root["mainEntity"]) == ["workflow/paper.yaml"])
    for key in ["name", "description", "datePublished"] { #expect(root[key]?.string != nil) }
    let files = known.filter { types($0.value).contains("File") }.keys.sorted()
    #expect(references(root["hasPart"]).sorted() == files)
    // What is described is inside, and the other way round.
    #expect(crate.contents.map(\.path).sorted() == files)
    #expect(
      types(known["workflow/paper.yaml"]) == [
        "File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo",
      ])
  }

  @Test func `an instance is an action of a tool, controlled for a step`() throws {
    let known = entities(try crate())
    let action = try #require(known["#action-fit-device-fpga"])
    #expect(references(action["instrument"]) == ["#tool-predictor-1.4.0"])
    let objects = references(action["object"])
    #expect(objects.contains("artifacts/data-table.csv"))
    #expect(references(action["result"]) == ["artifacts/fit-device-fpga-scatter.vl.json"])
    #expect(action["actionStatus"] == "http://schema.org/CompletedActionStatus")
    let failed = try #require(known["#action-late"])
    #expect(failed["actionStatus"] == "http://schema.org/FailedActionStatus")
    #expect(failed["error"] == "exit code 1 plain")
    let control = try #require(known["#control-fit-device-fpga"])
    #expect(references(control["instrument"]) == ["workflow/paper.yaml#fit"])
    #expect(references(control["object"]) == ["#action-fit-device-fpga"])
    let organize = try #require(known.values.first { $0["@type"] == "OrganizeAction" })
    #expect(references(organize["object"]).count == 4)
    #expect(references(organize["instrument"]) == ["#pipeline-0.1.0"])
    #expect(references(organize["result"]) == ["#run-20261123-163417-3f9a2c"])
    let step = try #require(known["workflow/paper.yaml#fit"])
    #expect(references(step["workExample"]) == ["#tool-predictor-1.4.0"])
    #expect(step["position"] == "2")
    let read = references(known["#action-data"]?["object"])
    #expect(read.contains("#source-\(Digest.of("raw").hex)"))
  }

  @Test func `parameters have their values, outputs their files`() throws {
    let known = entities(try crate())
    let seed = try #require(known["#parameter-seed"])
    #expect(seed["additionalType"] == "Integer")
    #expect(known[references(seed["workExample"]).first ?? ""]?["value"] == 7)
    #expect(known["#parameter-deep-on"]?["additionalType"] == "Boolean")
    #expect(known["#output-data-table"]?["additionalType"] == "File")
    for entity in known.values where entity["@type"] == "FormalParameter" {
      #expect(!references(entity["workExample"]).isEmpty, "\(entity)")
    }
  }

  @Test func `equal bytes are one file, and what is too large or gone is only described`() throws {
    let whole = try crate()
    #expect(
      whole.contents.filter { $0.path.hasSuffix(".vl.json") }.count == 1, "two devices, one plot")
    #expect(whole.leftOut.isEmpty)
    let small = try crate(limit: 20)
    #expect(small.leftOut == ["data.table", "fit[device=fpga].scatter"])
    let gone = try crate { $0.slot != "note" }
    #expect(gone.leftOut == ["data.note"])
    #expect(!gone.contents.contains { $0.path.contains("note") })
  }

  @Test func `a run that executed nothing makes no crate`() {
    var run = SampleRun()
    for index in run.record.instances.indices { run.record.instances[index].outcome = .skipped }
    let error = #expect(throws: ExportError.self) { try crate(run) }
    #expect(error?.description.contains("executed no stage") == true)
  }

  @Test func `hostile texts stay values, and paths stay inside`() throws {
    var run = SampleRun(text: "../../x\" \u{7}</script>")
    run.record.instances[0].outputs[0].slot = "../../../etc/passwd"
    let crate = try crate(run)
    #expect(crate.contents.allSatisfy { !$0.path.contains("..") })
    let json = crate.metadata.json(indented: true)
    let check = "import json, sys; print(len(json.load(open(sys.argv[1]))['@graph']) > 20)"
    #expect(try PythonCheck.run(check, on: json).output == "True\n")
  }
}

struct MarkdownDocumentTests {
  @Test func `cells in reading order, figures beside the document`() {
    let document = MarkdownDocument(SampleRun().exported, figureFolder: "paper-figures")
    #expect(
      document.files.map(\.path) == [
        "paper-figures/fit-device-fpga-scatter.svg", "paper-figures/fit-device-pixel3-scatter.svg",
      ])
    for text in [
      "# Paper plain\n\n*Run `20261123-163417-3f9a2c` of `paper.yaml`, profile `quick`",
      "\n| device | ms |\n| --- | --- |\n| plain | 1.5 |\n\n*1 of 2 rows of `data.table`*\n",
      "\n```text\nnote plain\n\n```\n",
      "![fit\\[device=fpga\\].scatter](<paper-figures/fit-device-fpga-scatter.svg>)",
      "| instance | rmse |\n| --- | --- |\n| device=fpga | 0.5 ms |",
      "**late failed** (P0301): exit code 1 plain",
      "> **✓ holds**: Small plain\n>\n> measured 0.5 (`fit[device=fpga].rmse`), published 0.4",
    ] {
      #expect(document.text.contains(text), "\(text)")
    }
  }

  @Test func `a fence in a text does not end the block`() {
    var run = SampleRun()
    let note = run.artifacts.add("```\nout\n````\n")
    run.record.instances[0].outputs[1].digest = note
    let text = MarkdownDocument(run.exported, figureFolder: "f").text
    #expect(text.contains("`````text\n```\nout\n````\n\n`````"))
  }
}
