import ContentHashing
import Exports
import RunRecord
import StructuredValue
import Testing

struct JupyterNotebookTests {
  private func notebook(_ run: SampleRun = SampleRun()) -> Value {
    JupyterNotebook(run.exported).value
  }

  private func cells(_ notebook: Value) -> [Value] { notebook["cells"]?.list ?? [] }

  private func text(_ value: Value?) -> String {
    value?.string ?? (value?.list ?? []).compactMap(\.string).joined()
  }

  @Test(arguments: ["plain", "</script>\"'\\ \u{7}ß \n * _ $ { # 日本"])
  func `nbformat finds the notebook valid, whatever the texts hold`(text: String) throws {
    let json = notebook(SampleRun(text: text)).json(indented: true)
    let check = """
      import sys, nbformat
      notebook = nbformat.read(sys.argv[1], as_version=nbformat.NO_CONVERT)
      nbformat.validate(notebook)
      print(notebook.nbformat, notebook.nbformat_minor, len(notebook.cells))
      compile(notebook.cells[1].source, "parameters", "exec")
      scope = {}
      exec(notebook.cells[1].source, scope)
      print(sorted(scope["params"]), scope["params"]["deep"]["on"], scope["params"]["deep"]["none"])
      """
    let result = try PythonCheck.run(check, on: json)
    #expect(result.output == "4 5 11\n['deep', 'rate', 'seed'] True None\n")
    #expect(result.status == 0)
  }

  @Test func `cells keep their ids, which are unique`() {
    let ids = cells(notebook()).compactMap { $0["id"]?.string }
    #expect(Set(ids).count == ids.count)
    #expect(
      ids.filter { !$0.hasPrefix("text-") && !$0.hasPrefix("claim-") } == [
        "provenance", "parameters", "about-data", "stage-data", "stage-fit", "stage-late",
      ])
    var later = SampleRun()
    later.record.id = "20271123-163417-3f9a2c"
    later.record.instances[0].metrics["rows"]?.value = 3
    #expect(cells(notebook(later)).compactMap { $0["id"]?.string } == ids)
  }

  @Test func `a stage shows its command, figures as Vega-Lite and SVG, tables and metrics`() throws
  {
    let all = cells(notebook())
    let data = try #require(all.first { $0["id"] == "stage-data" })
    #expect(
      text(data["source"]) == """
        # stage data
        #   cut -d, -f1
        #   sort # plain
        # cached, key \(SampleRun().record.instances[0].key?.short ?? "none")
        !pipeline run paper.yaml --profile quick --set seed=7 --only data
        """)
    #expect(data["execution_count"]?.isNull == true)
    let outputs = data["outputs"]?.list ?? []
    #expect(text(outputs[0]["data"]?["text/plain"]) == "data.table: 1 of 2 rows")
    let html = text(outputs[0]["data"]?["text/html"])
    #expect(html.contains("<td>plain</td><td>1.5</td>"))
    #expect(text(outputs[1]["text"]) == "note plain\n")
    let metrics = text(outputs[2]["data"]?["text/markdown"])
    #expect(metrics.contains("| rows | 2 |"))
    let fit = try #require(all.first { $0["id"] == "stage-fit" })
    let figure = try #require(fit["outputs"]?.list?[1]["data"])
    #expect(figure["application/vnd.vegalite.v5+json"]?["mark"] == "bar")
    let drawing = text(figure["image/svg+xml"])
    #expect(drawing.hasPrefix("<svg"))
    #expect(text(fit["outputs"]?.list?[0]["data"]?["text/markdown"]) == "**device=fpga**")
  }

  @Test func `a failure is an error output, and a lost artifact is named`() throws {
    var run = SampleRun()
    run.record.instances[0].outputs[0].digest = .of("gone")
    let all = cells(notebook(run))
    let late = try #require(all.first { $0["id"] == "stage-late" }?["outputs"]?.list?.first)
    #expect(late["output_type"] == "error" && late["ename"] == "P0301")
    #expect(late["evalue"] == "exit code 1 plain")
    let data = try #require(all.first { $0["id"] == "stage-data" }?["outputs"]?.list?.first)
    #expect(
      text(data["data"]?["text/plain"]) == "table data.table is missing: the store has no such file"
    )
  }
}
