import Foundation
import StructuredValue
import Testing

struct DiffTests {
  /// A paper with a table, a figure and two claims, run twice.
  private func project() throws -> ProjectFolder {
    let project = try ProjectFolder([
      "paper.yaml": pipeline(
        """
          - stage: data
            run: |
              seq ${params.n} | sed '1i n' > ${outputs.t}
              echo '{"$schema":"https://vega.github.io/schema/vega-lite/v5.json","data":{"values":[{"n":${params.n}}]},"mark":"bar","encoding":{"x":{"field":"n","type":"quantitative"}}}' > ${outputs.f}
              echo '{"type":"metric","name":"rows","value":${params.n}}' >&3
            outputs: {t: {kind: table/csv}, f: {kind: figure/vega-lite}}
            show: [{figure: f}, {table: t}, metrics]
          - {stage: use, run: "wc -l < ${inputs.t} > ${outputs.o}", inputs: {t: data.t}, outputs: {o: {kind: text}}}
          - claim: At most five rows.
            measured: data.rows
            holds: "<= 5"

        """, head: "params: {n: 5}\n")
    ])
    #expect(try project.run("run").status == 0)
    #expect(try project.run("run", "--set", "n=6").status == 0)
    return project
  }

  @Test func `a page shows the claim that turned, the cause, the cells and the figures`() throws {
    let project = try project()
    let result = try project.run("diff", "--html", "d.html")
    #expect(result.status == 0 && result.output == "d.html\n", "\(result.all)")
    let page = try #require(project.read("d.html"))
    for text in [
      "<tr class=\"turned\"><td>At most five rows.", "the command changed",
      "explains <code>use</code>", "5 → 6 rows, 1 added", "<ins>+ 6</ins>",
      "<figure class=\"before\">", "<figure class=\"both\">", "<del>5</del>",
    ] {
      #expect(page.contains(text), "\(text)")
    }
    #expect(!page.contains("class=\"gap\""), "the figures are drawn")
    #expect(
      try project.run("diff", "--html", "none/d.html").errors
        == "error: 'none/d.html' cannot be written: its folder does not exist\n")
    #expect(try project.run("diff", "--html", "none/d.html").status == 7)
  }

  @Test func `JSON and Markdown tell the same`() throws {
    let project = try project()
    let json = try Value(json: project.run("diff", "--json").output)
    #expect(json["artifacts"]?.list?.map { $0["slot"]?.string } == ["f", "t", "o"])
    #expect(json["origins"]?.list?.first?["explains"] == ["data", "use"])
    let markdown = try project.run("diff", "--md").output
    #expect(markdown.contains("| At most five rows. | holds | fails | 5 → 6 |"), "\(markdown)")
    #expect(try project.run("diff", "--md", "--json").status == 2)
    #expect(try project.run("diff", "--tolerance", "2").status == 2)
  }

  @Test func `a tolerance hides noise inside artifacts`() throws {
    let project = try ProjectFolder([
      "paper.yaml": pipeline(
        "  - {stage: a, run: 'printf \"k,v\\nx,${params.v}\\n\" > ${outputs.t}', outputs: {t: {kind: table/csv}}}\n",
        head: "params: {v: 1.000}\n")
    ])
    #expect(try project.run("run").status == 0)
    #expect(try project.run("run", "--set", "v=1.001").status == 0)
    #expect(try project.run("diff").output.contains("[x] v: 1.0 → 1.001"))
    #expect(try project.run("diff", "--tolerance", "0.01").output.contains("no difference"))
  }
}
