import ContentHashing
import Foundation
import Notebook
import RunRecord
import StructuredValue
import Testing

/// The environment of the repository, where it has one.
enum DrawingEnvironment {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
  static let python = root.appendingPathComponent(".venv/bin/python").path
  static let exists = FileManager.default.isExecutableFile(atPath: python)
}

/// Draws every figure as one given SVG.
struct FixedDrawing: FigureDrawing {
  var svg = "<svg viewBox=\"0 0 9 9\"><rect id=\"a\" width=\"9\" height=\"9\"/></svg>"
  var bundle: String? = "window.vegaEmbed = null;"
  func draw(_ specs: [String]) -> [DrawnFigure] { specs.map { _ in .svg(svg) } }
  func interactiveBundle() -> String? { bundle }
}

struct PageTests {
  private func page(_ paper: SamplePaper, _ figures: any FigureDrawing = FixedDrawing()) -> String {
    NotebookPage(record: paper.record, artifacts: paper.artifacts, figures: figures).html()
  }

  @Test func `identifiers are unique, links resolve and tags are balanced`() throws {
    let parsed = try ParsedPage(page(SamplePaper()))
    #expect(parsed.unbalanced.isEmpty)
    let identifiers = Set(parsed.identifiers)
    #expect(identifiers.count == parsed.identifiers.count)
    let links = parsed.all("a").compactMap { $0.attributes["href"] }.filter { $0.hasPrefix("#") }
    #expect(links.count > 20)
    for link in links {
      let target = String(link.dropFirst())
      #expect(identifiers.contains(target), "nothing is called \(target)")
    }
  }

  @Test func `equal records give equal bytes`() {
    #expect(page(SamplePaper()) == page(SamplePaper()))
  }

  @Test func `nothing is loaded from anywhere`() throws {
    let parsed = try ParsedPage(page(SamplePaper()))
    for element in parsed.elements where element.tag != "a" {
      for name in ["src", "href", "srcset", "poster", "action"] {
        let address = element.attributes[name] ?? "data:"
        #expect(address.hasPrefix("data:"), "\(element.tag) loads \(address)")
      }
    }
    let policy = parsed.all("meta").compactMap { $0.attributes["content"] }.joined()
    #expect(policy.contains("default-src 'none'"))
    #expect(!policy.contains("unsafe-eval"))
  }

  @Test func `a long list of claims shows the first ones and all that fail`() throws {
    var paper = SamplePaper()
    paper.record.cells = (0..<40).map { index in
      .claim(
        ClaimRecord(
          claim: "Claim \(index).", published: nil, source: nil, measured: "a.b",
          measuredValue: .int(1), holds: ">= 0", verdict: index == 30 ? .fails : .holds, note: nil))
    }
    let html = NotebookPage(
      record: paper.record, artifacts: paper.artifacts, figures: FixedDrawing()
    ).html()
    let parsed = try ParsedPage(html)
    let rows = parsed.all("tr").filter { $0.attributes["class"] == "more" }
    #expect(rows.count == 40 - 12 - 1)
    #expect(parsed.text.contains("Show all 40 claims"))
  }

  @Test func `many notes of a matrix are folded`() throws {
    var paper = SamplePaper()
    let index = try #require(paper.record.instances.firstIndex { $0.outcome == .executed })
    paper.record.instances[index].notes = (0..<9).map { "Note number \($0)." }
    let html = NotebookPage(
      record: paper.record, artifacts: paper.artifacts, figures: FixedDrawing()
    ).html()
    #expect(html.contains("6 more notes"))
    #expect(try ParsedPage(html).text.contains("Note number 8."))
  }

  @Test func `claims come first, with their verdicts in words`() throws {
    let text = try ParsedPage(page(SamplePaper())).text
    #expect(text.contains("1 of 3 claims hold"))
    #expect(text.contains("1 failing, 1 unmeasured"))
    let claims = try #require(text.range(of: "claims hold"))
    let prose = try #require(text.range(of: "Architectures are compared"))
    #expect(claims.lowerBound < prose.lowerBound)
    for word in ["holds", "fails", "unmeasured", "0.8123", "Lu et al. 2021, Fig. 5", "≥ 0.5"] {
      #expect(text.contains(word))
    }
  }

  @Test func `a matrix is one table of metrics with a row for each instance`() throws {
    let html = page(SamplePaper())
    let start = try #require(html.range(of: "id=\"metrics-predictor\""))
    let table = html[start.upperBound...].prefix { _ in true }
    let end = try #require(table.range(of: "</table>"))
    let rows = table[..<end.lowerBound].components(separatedBy: "<tr").count - 2
    #expect(rows == SamplePaper.devices.count)
    for value in ["0.412", "0.722", "1.032"] { #expect(table[..<end.lowerBound].contains(value)) }
  }

  @Test func `failures tell message, code, excerpt and how to run the stage again`() throws {
    let text = try ParsedPage(page(SamplePaper())).text
    #expect(text.contains("P0301"))
    #expect(text.contains("ValueError: table 'eyeriss' has 0 rows"))
    #expect(
      text.contains("pipeline run Pipelines/paper.yaml --only 'predictor[device=eyeriss]'"))
  }

  @Test func `missing artifacts leave a visible box`() throws {
    let text = try ParsedPage(page(SamplePaper())).text
    #expect(text.contains("Table training.gone is missing."))
    #expect(text.contains("The store has no file \(Digest.of("gone").short)."))
  }

  @Test func `logs are read as a terminal shows them and end at the last lines`() throws {
    let text = try ParsedPage(page(SamplePaper())).text
    #expect(text.contains("100 %\nok 4 files"))
    #expect(!text.contains("12 %"))
    #expect(text.contains("epoch 300 loss"))
    #expect(!text.contains("epoch 99 loss"))
  }

  @Test func `without vl-convert the page shows each figure's data and what to install`() throws {
    let paper = SamplePaper()
    let drawer = VegaLiteDrawer(python: "/nowhere/python")
    let parsed = try ParsedPage(page(paper, drawer))
    #expect(parsed.text.contains("vl-convert is not installed"))
    #expect(parsed.text.contains("pip install -r requirements.txt"))
    #expect(parsed.text.contains("arch 17"))
    #expect(parsed.scripts.allSatisfy { $0.utf8.count < 800_000 })
  }

  @Test func `a page without figures carries no library for them`() {
    var paper = SamplePaper()
    paper.record.cells = [.text("Only words.")]
    paper.record.instances = []
    let rendered = NotebookPage(
      record: paper.record, artifacts: paper.artifacts,
      figures: FixedDrawing(bundle: String(repeating: "x", count: 1 << 20))
    ).render()
    #expect(rendered.html.utf8.count < 150_000)
    #expect(rendered.heavyParts.isEmpty)
  }

  @Test func `a value in prose links to the stage that measured it`() throws {
    let paper = SamplePaper()
    var options = NotebookPage.Options()
    options.prose = { text in
      text.replacingOccurrences(
        of: "{{ srcc.lowest }}",
        with: NotebookPage.lineageLink("0.78", metric: "srcc.lowest", in: paper.record))
    }
    let html = NotebookPage(
      record: paper.record, artifacts: paper.artifacts, figures: FixedDrawing(), options: options
    ).html()
    #expect(html.contains("correlation is <a href=\"#stage-srcc\" title=\"srcc.lowest, run 2026"))
    #expect(NotebookPage.lineageLink("1", metric: "no.such", in: paper.record) == "1")
  }

  @Test func `a thousand stages make a page of a few megabytes`() throws {
    var paper = SamplePaper()
    let log = paper.artifacts.add(String(repeating: "a line of the log\n", count: 5_000))
    paper.record.cells = []
    paper.record.instances = []
    for index in 0..<1_000 {
      paper.record.cells.append(
        .stage(
          StageCellRecord(id: "s\(index)", uses: "x@1", description: nil, show: [.metrics([])])))
      paper.record.instances.append(
        InstanceRecord(
          name: "s\(index)", cell: "s\(index)", outcome: .executed, why: "new",
          key: Digest.of("\(index)"), keyFields: ["param.seed": .int(index)],
          inputs: index == 0
            ? []
            : [
              InputRecord(
                slot: "in", kind: "file", digest: Digest.of("\(index - 1)"),
                from: "s\((index - 1) / 2).out")
            ],
          outputs: [
            ArtifactRecord(
              slot: "out", kind: "file", digest: Digest.of("\(index)"), isTree: false, size: 10)
          ], metrics: ["loss": MetricRecord(value: .double(Double(index) / 7))], log: log))
    }
    let html = page(paper)
    #expect(html.utf8.count < 6_000_000)
    try Sample.save(html, as: "thousand.html")
  }

  @Test(.enabled(if: DrawingEnvironment.exists, "needs .venv with requirements.txt"))
  func `vl-convert draws the sample's figures, and known ones without Python`() throws {
    let paper = SamplePaper()
    var options = NotebookPage.Options()
    options.authors = ["A. Reader", "B. Writer"]
    options.prose = { text in
      text.replacingOccurrences(
        of: "{{ srcc.lowest }}",
        with: NotebookPage.lineageLink("0.78", metric: "srcc.lowest", in: paper.record))
    }
    final class Kept { var files: [Digest: [UInt8]] = [:] }
    let kept = Kept()
    let cache = VegaLiteDrawer.Cache(
      load: { kept.files[$0] }, store: { kept.files[$0] = $1 })
    let drawer = VegaLiteDrawer(python: DrawingEnvironment.python, cache: cache)
    let rendered = NotebookPage(
      record: paper.record, artifacts: paper.artifacts, figures: drawer, options: options
    ).render()
    let parsed = try ParsedPage(rendered.html)
    #expect(parsed.unbalanced.isEmpty)
    #expect(Set(parsed.identifiers).count == parsed.identifiers.count)
    #expect(parsed.all("svg").count == 6)
    #expect(rendered.heavyParts.contains { $0.name.hasPrefix("interactive figures") })
    #expect(kept.files.count == 6)
    let count = kept.files.count
    let again = NotebookPage(
      record: paper.record, artifacts: paper.artifacts, figures: drawer, options: options)
    #expect(again.html() == rendered.html)
    #expect(kept.files.count == count)
    try Sample.save(rendered.html, as: "sample.html")
  }

  @Test(.enabled(if: DrawingEnvironment.exists, "needs .venv with requirements.txt"))
  func `a figure that can't be drawn says why and spoils no other`() throws {
    let drawer = VegaLiteDrawer(python: DrawingEnvironment.python)
    let good = SampleFigures.loss()
    let remote = #"{"data":{"url":"https://example.org/x.csv"},"mark":"point"}"#
    let drawn = drawer.draw(["{", good, "[1]", remote])
    guard case .failure = drawn[0], case .svg = drawn[1], case .failure(let why) = drawn[2],
      case .failure = drawn[3]
    else {
      Issue.record("\(drawn.map { "\($0)".prefix(200) })")
      return
    }
    #expect(why.contains("a Vega-Lite specification is a JSON object"))
  }
}

/// Pages to look at: set `PIPELINE_SAMPLE_PAGES` to a folder.
enum Sample {
  static func save(_ html: String, as name: String) throws {
    guard let folder = ProcessInfo.processInfo.environment["PIPELINE_SAMPLE_PAGES"] else { return }
    try Data(html.utf8).write(to: URL(fileURLWithPath: folder).appendingPathComponent(name))
  }
}
