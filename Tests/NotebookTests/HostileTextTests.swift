import ContentHashing
import Foundation
import Notebook
import RunRecord
import StructuredValue
import Testing

/// Whatever stands in names, texts, logs, tables and figures stays text.
struct HostileTextTests {
  static let attack = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&`"

  private func page() -> String {
    let attack = HostileTextTests.attack
    let artifacts = MemoryArtifacts()
    let table = artifacts.add(
      "\(attack.replacing("\"", with: "")),b\n1,\"\(attack.replacing("\"", with: "\"\""))\"\n")
    let log = artifacts.add("before \(attack) after\n")
    let figure = artifacts.add(
      Value.map(["title": .string(attack), "description": .string(attack)]).json())
    var record = SamplePaper().record
    record.title = attack
    record.profile = attack
    record.overrides = [attack: .string(attack)]
    record.parameters = [attack: .string(attack)]
    record.specification = [RunRecord.SpecificationFile(path: attack, text: attack)]
    record.source = RunRecord.Source(
      commit: attack, tree: attack, branch: attack, remote: attack, dirty: true, snapshot: attack)
    record.cells = [
      .text(
        "# \(attack)\n\n\(attack)\n\n`\(attack)` $x<y \(attack)$\n\n```\(attack)\n\(attack)\n```"),
      .text(
        "[a](javascript:alert(3)) [b](data:text/html;base64,xx) ![c](https://example.org/i.png)"),
      .stage(
        StageCellRecord(
          id: attack, uses: attack, description: attack,
          show: [
            .figure(slot: attack), .table(slot: "t", rows: nil), .text(slot: "l"), .metrics([]),
          ])),
      .claim(
        ClaimRecord(
          claim: attack, published: .string(attack), source: attack,
          measured: "\(attack).\(attack)",
          measuredValue: .string(attack), holds: attack, verdict: .fails, note: attack)),
    ]
    let output = { (slot: String, kind: String, digest: Digest) in
      ArtifactRecord(
        slot: slot, kind: kind, digest: digest, isTree: false, size: 1, published: attack)
    }
    record.instances = ["one", attack].map { value in
      InstanceRecord(
        name: "\(attack)[x=\(value)]", cell: attack, matrix: [attack: .string(value)],
        plugin: attack, version: attack, outcome: .failed, why: attack, key: table,
        keyFields: ["param.\(attack)": .string(attack)],
        inputs: [InputRecord(slot: attack, kind: attack, digest: log, from: attack)],
        outputs: [
          output(attack, "figure/vega-lite", figure), output("t", "table/csv", table),
          output("l", "text", log),
        ],
        metrics: [attack: MetricRecord(value: .string(attack), unit: attack, doc: attack)],
        notes: [attack], log: log, sandbox: attack,
        error: StageFailure(code: attack, message: attack, excerpt: [attack]))
    }
    let svg = """
      <svg onload="alert(4)" width="5"><script>alert(5)</script><style>*{x:url(//y)}</style>
      <a href="javascript:alert(6)" xmlns:xlink="x" xlink:href="javascript:alert(7)"><text>kept</text></a>
      <foreignObject><iframe src="//z"/></foreignObject><image href="https://example.org/t.png"/>
      <rect id="r" fill="url(https://example.org/f)" stroke="url(#r)" onclick="alert(8)"/></svg>
      """
    let rendered = NotebookPage(
      record: record, artifacts: artifacts, figures: FixedDrawing(svg: svg)
    ).html()
    return rendered
  }

  @Test func `no element, handler or address comes from the record`() throws {
    let parsed = try ParsedPage(page())
    #expect(parsed.unbalanced.isEmpty)
    let known: Set = ["img", "iframe", "foreignobject", "image", "object", "embed"]
    for element in parsed.elements {
      #expect(!known.contains(element.tag), "\(element)")
      for (name, value) in element.attributes {
        #expect(!name.hasPrefix("on"), "\(element.tag) has \(name)")
        if name == "href" { #expect(!value.lowercased().hasPrefix("javascript:")) }
        if name == "href" { #expect(!value.hasPrefix("data:text/html")) }
        if ["fill", "stroke"].contains(name) { #expect(!value.contains("example.org")) }
      }
    }
    #expect(parsed.text.contains("kept"))
    #expect(Set(parsed.identifiers).count == parsed.identifiers.count)
  }

  @Test func `scripts are ours alone and named by the policy`() throws {
    let parsed = try ParsedPage(page())
    let policy = try #require(
      parsed.all("meta").compactMap { $0.attributes["content"] }.first {
        $0.contains("script-src")
      })
    let running = parsed.all("script").filter { $0.attributes["type"] == nil }
    #expect(policy.components(separatedBy: "'sha256-").count - 1 == running.count)
    for script in parsed.scripts where !script.hasPrefix("{") {
      #expect(!script.contains("alert("))
    }
  }

  @Test func `the reader sees the text as it was written`() throws {
    let parsed = try ParsedPage(page())
    #expect(parsed.text.contains("before \(HostileTextTests.attack) after"))
    #expect(parsed.text.contains("</script><script>alert(1)</script><img src=x onerror=alert(2)>"))
  }
}

struct MarkdownInThePageTests {
  private func text(_ markdown: String) -> String {
    var record = SamplePaper().record
    record.cells = [.text(markdown)]
    record.instances = []
    let html = NotebookPage(
      record: record, artifacts: MemoryArtifacts(), figures: FixedDrawing()
    ).html()
    let start = html.range(of: "<section class=\"prose\">")
    let rest = start.map { html[$0.upperBound...] } ?? ""
    return String(rest[..<(rest.range(of: "</section>")?.lowerBound ?? rest.endIndex)])
  }

  @Test(arguments: [
    ("$a_1 * b_2 * c$", "<p><span class=\"math\">$a_1 * b_2 * c$</span></p>"),
    ("$$x\n< y$$", "<p><span class=\"math display\">$$x\n&lt; y$$</span></p>"),
    ("It costs $5 and $6.", "<p>It costs $5 and $6.</p>"),
    ("`$a$` and \\$b$", "<p><code>$a$</code> and $b$</p>"),
    ("    $a_b_c$", "<pre><code>$a_b_c$\n</code></pre>"),
    ("[x](http://e.org/$a$)", "<p><a href=\"http://e.org/$a$\">x</a></p>"),
    ("a <b>c</b>", "<p>a &lt;b&gt;c&lt;/b&gt;</p>"),
    ("~~old~~", "<p><del>old</del></p>"),
    ("![plot](https://e.org/a.png)", "<p><a href=\"https://e.org/a.png\">Image: plot</a></p>"),
  ])
  func `formulas, code and HTML each stay what they are`(markdown: String, expected: String) {
    #expect(text(markdown).trimmingCharacters(in: .newlines) == expected)
  }

  @Test func `headings sink below the title and repeat without clash`() {
    #expect(
      text("# Results\n# Results").contains(
        "<h2 id=\"results\">Results</h2>\n<h2 id=\"results-2\">Results</h2>"))
  }
}
