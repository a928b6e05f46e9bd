import Foundation
import StructuredValue
import Testing

struct ExportTests {
  private func project() throws -> ProjectFolder {
    let project = try ProjectFolder([
      "paper.yaml": pipeline(
        """
          - text: "There are {{ data.rows | .1 }} rows."
          - stage: data
            run: |
              seq ${params.n} | sed '1i n' > ${outputs.t}
              echo '{"data":{"values":[{"n":${params.n}}]},"mark":"bar"}' > ${outputs.f}
              echo '{"type":"metric","name":"rows","value":${params.n}}' >&3
            outputs: {t: {kind: table/csv}, f: {kind: figure/vega-lite}}
            show: [{figure: f}, {table: t}, metrics]
          - {claim: At most five rows., measured: data.rows, holds: "<= 5"}

        """, head: "title: Rows\nparams: {n: 5}\n")
    ])
    #expect(try project.run("run").status == 0)
    return project
  }

  @Test func `a notebook holds text, parameters and drawn figures`() throws {
    let project = try project()
    let result = try project.run("export", "--ipynb", "paper.ipynb")
    #expect(result.status == 0 && result.output == "paper.ipynb\n", "\(result.all)")
    let notebook = try Value(json: try #require(project.read("paper.ipynb")))
    let cells = notebook["cells"]?.list ?? []
    #expect(
      cells.map { $0["cell_type"]?.string } == ["markdown", "code", "markdown", "code", "markdown"])
    #expect(cells[2]["source"] == ["There are 5.0 rows."])
    let figure = cells[3]["outputs"]?.list?.first?["data"]
    #expect(figure?["image/svg+xml"]?.list?.first?.string?.contains("<svg") == true, "\(cells[3])")
    #expect(figure?["application/vnd.vegalite.v5+json"]?["mark"] == "bar")
  }

  @Test func `TeX and citation follow the run, and --check finds what is stale`() throws {
    let project = try project()
    let export = ["export", "--tex", "m.tex", "--bib", "c.bib"]
    func run(_ more: String...) throws -> ProjectFolder.Result {
      let words = export + more
      return try project.run(
        words[0], words[1], words[2], words[3], words[4], words.count > 5 ? words[5] : "latest")
    }
    let missing = try run("--check")
    #expect(missing.status == 10)
    #expect(missing.errors.hasPrefix("'m.tex' does not exist; export it again\n"))
    #expect(try run().output == "m.tex\nc.bib\n")
    #expect(try run("--check").status == 0)
    #expect(project.read("m.tex")?.contains("\\pipeline@set{.2}{data.rows}{5.00}\n") == true)
    #expect(project.read("c.bib")?.contains("1 of 1 claims held") == true)
    #expect(try project.run("run", "--set", "n=6").status == 0)
    let stale = try run("--check")
    #expect(stale.status == 10)
    #expect(stale.errors.contains("'m.tex' differs from what the run gives; export it again"))
    #expect(project.read("m.tex")?.contains("{data.rows}{5.00}") == true, "--check writes nothing")
  }

  @Test func `a citation to standard output, an unknown run, and no form at all`() throws {
    let project = try project()
    let citation = try project.run("export", "--bib", "-")
    #expect(citation.status == 0 && citation.output.hasPrefix("@software{pipeline-"))
    let unknown = try project.run("export", "nothing", "--bib", "-")
    #expect(unknown.status != 0 && unknown.output.isEmpty)
    let none = try project.run("export")
    #expect(none.status == 2)
    #expect(none.errors.contains("name a form to write: --ipynb"), "\(none.errors)")
  }

  @Test func `a crate is a new folder or archive, whole or not there`() throws {
    let project = try project()
    #expect(try project.run("export", "--ro-crate", "crate").output == "crate\n")
    #expect(project.read("crate/artifacts/data-t.csv") == "n\n1\n2\n3\n4\n5\n")
    #expect(project.read("crate/workflow/paper.yaml") == project.read("paper.yaml"))
    let metadata = try Value(json: try #require(project.read("crate/ro-crate-metadata.json")))
    #expect(metadata["@graph"]?.list?.contains { $0["@type"] == "OrganizeAction" } == true)
    let again = try project.run("export", "--ro-crate", "crate")
    #expect(again.status == 2)
    #expect(
      again.errors == "error: 'crate' is already there; name a new path, or remove it first\n")
    #expect(try project.run("export", "--ro-crate", "c.zip").status == 0)
    #expect(
      try project.shell("python3 -m zipfile -l c.zip").contains("artifacts/data-t.csv"))
    let nowhere = try project.run("export", "--ro-crate", "c.zip/x")
    #expect(nowhere.status == 7 && nowhere.errors.hasPrefix("error: 'c.zip/x' cannot be written: "))
    #expect(try project.shell("ls -A | grep part || true").isEmpty)
    #expect(try project.run("export", "--ro-crate", "d", "--license", "mine").status == 2)
  }

  @Test func `Markdown has its figures beside it`() throws {
    let project = try project()
    #expect(try project.run("export", "--md", "paper.md").output == "paper.md\n")
    let text = try #require(project.read("paper.md"))
    #expect(text.contains("There are 5.0 rows."))
    #expect(text.contains("![data.f](<paper-figures/data-f.svg>)"))
    #expect(project.read("paper-figures/data-f.svg")?.contains("<svg") == true)
    #expect(try project.run("export", "--md", "paper.md", "--check").status == 0)
  }
}
