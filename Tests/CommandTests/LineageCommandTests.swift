import Foundation
import StructuredValue
import Testing

struct LineageCommandTests {
  private func project() throws -> ProjectFolder {
    let project = try ProjectFolder([
      "paper.yaml": pipeline(
        """
          - {stage: a, run: "cp ${inputs.raw} ${outputs.t}; echo ${params.n}", inputs: {raw: ./raw.csv}, outputs: {t: {kind: table/csv, publish: out/t.csv}}}
          - {stage: b, run: "wc -l < ${inputs.t} > ${outputs.o}; : ${params.m}", inputs: {t: a.t}, outputs: {o: {kind: text}}}

        """, head: "params: {n: 1, m: 1}\n"), "raw.csv": "n\n1\n",
    ])
    try project.shell("git add . && git commit -qm first")
    #expect(try project.run("run").status == 0)
    return project
  }

  @Test func `a cached stage leads to the run and commit that executed it`() throws {
    let project = try project()
    let first = try project.record()["id"]?.string ?? ""
    let commit = try project.shell("git rev-parse HEAD").prefix(12)
    try project.shell("git commit -q --allow-empty -m second")
    #expect(try project.run("run", "--set", "m=2").status == 0)
    let result = try project.run("lineage", "b.o")
    #expect(result.status == 0)
    let lines = result.output.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
    #expect(lines[0].hasPrefix("b.o  text, "))
    #expect(lines.contains("in run \(first) at commit \(commit)"), "\(result.output)")
    #expect(
      lines.contains { $0.hasPrefix("from raw.csv (") && $0.hasSuffix("read from the project") })
    #expect(lines.last == "used by nothing")
  }

  @Test(arguments: ["raw.csv", "./raw.csv", "out/t.csv", "a.t", "a"])
  func `what used a path or an artifact`(target: String) throws {
    let project = try project()
    let result = try project.run("lineage", "--down", target)
    #expect(result.status == 0 && result.output.contains("used by b ("), "\(result.all)")
  }

  @Test func `a name of an earlier run is found, an unknown one is refused`() throws {
    let project = try project()
    try project.write(
      "paper.yaml",
      pipeline("  - {stage: c, run: 'echo x > ${outputs.o}', outputs: {o: {kind: text}}}\n"))
    #expect(try project.run("run").status == 0)
    #expect(try project.run("lineage", "a.t").output.contains("made by a"))
    let latest = try project.run("lineage", "a.t", "--run", "latest")
    #expect(latest.status == 2)
    #expect(latest.errors.contains("neither made nor read 'a.t'"))
    let unknown = try project.run("lineage", "nothing.x")
    #expect(unknown.status == 2 && unknown.output.isEmpty)
    #expect(
      unknown.errors == "error: none of the latest 2 runs made or read 'nothing.x'; "
        + "`pipeline show` lists the stages of the latest one\n")
    #expect(try project.run("lineage").status == 2)
  }

  @Test func `a page for one artifact, or for all of a run`() throws {
    let project = try project()
    #expect(try project.run("lineage", "b.o", "--html", "l.html").output == "l.html\n")
    #expect(project.read("l.html")?.contains("Where it comes from") == true)
    #expect(try project.run("lineage", "--html", "all.html").status == 0)
    #expect(project.read("all.html")?.contains("artifact-a-t") == true)
  }
}
