import Foundation
import StructuredValue
import Testing

/// What enters an action key and what does not (runner specification, section 5).
struct KeyTests {
  private static let paper = pipeline(
    """
      - text: Prose.
      - stage: upper
        run: "tr a-z A-Z < ${inputs.x} > ${outputs.y}"
        inputs: {x: ./a.txt}
        outputs: {y: {kind: text}}
        env: {MODE: "1"}
        tools: ["cat tool.txt"]
      - stage: count
        run: "wc -c < ${inputs.x} > ${outputs.n}; echo ${params.p} >&2"
        inputs: {x: upper.y}
        outputs: {n: {kind: text}}

    """, head: "params: {p: 1}\n")

  private func project() throws -> ProjectFolder {
    let project = try ProjectFolder([
      "paper.yaml": Self.paper, "a.txt": "hello\n", "tool.txt": "v1\n",
    ])
    try project.write(
      "paper.yaml", Self.paper.replacing("cat tool.txt", with: "cat \(project.path)/tool.txt"))
    #expect(try project.run("run").status == 0)
    #expect(try project.outcomes() == ["upper": "executed", "count": "executed"])
    return project
  }

  private func edit(_ project: ProjectFolder, _ old: String, _ new: String) throws {
    let text = try #require(project.read("paper.yaml"))
    try #require(text.contains(old))
    try project.write("paper.yaml", text.replacing(old, with: new))
  }

  @Test(arguments: [
    ("text: Prose.", "text: Other prose."), ("- stage: upper\n", "# a comment\n  - stage: upper\n"),
    ("env: {MODE: \"1\"}", "env: {MODE: \"1\"}\n    description: Words."),
    ("env: {MODE: \"1\"}", "env: {MODE: \"1\"}\n    tags: [slow]"),
    ("env: {MODE: \"1\"}", "env: {MODE: \"1\"}\n    resources: {memory: 4GiB, cpus: 1}"),
    ("env: {MODE: \"1\"}", "env: {MODE: \"1\"}\n    timeout: 1h\n    retry: 3"),
    ("outputs: {y: {kind: text}}", "outputs: {y: {kind: text, publish: out/y.txt}}"),
  ])
  func `what cannot change a result changes no key`(old: String, new: String) throws {
    let project = try project()
    try edit(project, old, new)
    #expect(try project.run("run").status == 0)
    #expect(try project.outcomes() == ["upper": "cached", "count": "cached"])
  }

  @Test func `another name, time or place changes no key`() throws {
    let project = try project()
    try project.shell("touch -d '2001-01-01' a.txt")
    try edit(project, "stage: upper", "stage: shout")
    try edit(project, "x: upper.y", "x: shout.y")
    #expect(try project.run("run").status == 0)
    #expect(try project.outcomes() == ["shout": "cached", "count": "cached"])
    let copy = try ProjectFolder()
    try copy.shell("cp -r '\(project.path)/.' . && mkdir -p deep && true")
    #expect(try copy.run("run", "-C", copy.path).status == 0)
    #expect(try copy.outcomes() == ["shout": "cached", "count": "cached"])
  }

  @Test func `an input's content counts, and equal output stops the rebuild`() throws {
    let project = try project()
    try project.write("a.txt", "HELLO\n")
    #expect(try project.run("run").status == 0)
    // The same bytes come out, so nothing after it has to be done again.
    #expect(try project.outcomes() == ["upper": "executed", "count": "cached"])
    let why = try project.record()["instances"]?.list?.first?["why"]?.string
    #expect(why?.hasPrefix("input.x ") == true, "\(why ?? "")")
  }

  @Test(arguments: [
    ("MODE: \"1\"", "MODE: \"2\"", "env.MODE 1 → 2"),
    ("tr a-z A-Z", "tr a-y A-Y", "the command changed"),
    ("env: {MODE: \"1\"}", "env: {MODE: \"1\"}\n    salt: new", "salt.stage absent → new"),
    ("kind: text}}\n    env", "kind: file}}\n    env", "output.y text → file"),
    ("name: test", "name: test\nsalt: s", "salt.pipeline absent → s"),
  ])
  func `explain names what changed, from what to what`(
    old: String, new: String, sentence: String
  ) throws {
    let project = try project()
    try edit(project, old, new)
    let explained = try project.run("explain", "upper")
    #expect(explained.output.contains("run, \(sentence)"), "\(explained.all)")
    #expect(try project.run("run").status == 0)
    #expect(try project.outcomes()["upper"] == "executed")
  }

  @Test func `a tool's output and a parameter count`() throws {
    let project = try project()
    try project.write("tool.txt", "v2\n")
    #expect(try project.run("explain", "upper").output.contains("v1 → v2"))
    #expect(try project.run("run", "--set", "p=2").status == 0)
    #expect(try project.outcomes() == ["upper": "executed", "count": "executed"])
  }

  @Test func `the executable bit of a file in a folder counts, its time does not`() throws {
    let project = try ProjectFolder([
      "paper.yaml": pipeline("  - {stage: a, run: 'ls ${inputs.d}', inputs: {d: ./d}}\n"),
      "d/x.sh": "echo",
    ])
    #expect(try project.run("run").status == 0)
    try project.shell("touch d/x.sh")
    #expect(try project.run("run").status == 0)
    #expect(try project.outcomes() == ["a": "cached"])
    try project.shell("chmod +x d/x.sh")
    #expect(try project.run("run").status == 0)
    #expect(try project.outcomes() == ["a": "executed"])
  }

  @Test func `twenty processes agree on a key`() throws {
    let project = try project()
    let keys = try (0..<20).map { _ in
      try project.run("explain", "upper", "--key").output
    }
    #expect(Set(keys).count == 1)
  }

  @Test func `a run of nothing but hits notices every change afterwards`() throws {
    let project = try project()
    // Files younger than a second are not trusted, so the receipt comes with a later run.
    try project.shell("touch -d '2001-01-01' a.txt paper.yaml tool.txt")
    Thread.sleep(forTimeInterval: 1.1)
    for _ in 0..<2 { #expect(try project.run("run").status == 0) }
    #expect(try project.run("run").errors.contains("nothing to do: all 2 stages are cached"))
    try project.write("a.txt", "other\n")
    #expect(try project.run("run").errors.contains("2 executed"))
    try project.shell("touch -d '2001-01-01' a.txt")
    Thread.sleep(forTimeInterval: 1.1)
    for _ in 0..<2 { #expect(try project.run("run").status == 0) }
    #expect(try project.run("run").errors.contains("nothing to do"))
    try project.shell("rm -r Artifacts/blob")
    #expect(try project.run("run").errors.contains("executed"))
  }

  @Test func `a receipt answers its own question only, and only whole`() throws {
    let project = try project()
    try project.shell("touch -d '2001-01-01' a.txt paper.yaml tool.txt")
    Thread.sleep(forTimeInterval: 1.1)
    for _ in 0..<2 { #expect(try project.run("run").status == 0) }
    #expect(try project.run("run", "-q").errors == "")
    #expect(try project.run("run").errors.contains("nothing to do"))
    #expect(try project.run("run", "paper.yaml", "--quiet").errors == "")
    #expect(try project.run("run", "--set", "p=2").errors.contains("executed"))
    #expect(try project.run("run", "--json").output.contains(#""event":"ended""#))
    #expect(try project.run("run", "absent.yaml").status == 4)
    #expect(try project.run("run", "--set").status == 2)
    try project.shell(
      "for f in Artifacts/receipts/*; do chmod +w $f; truncate -s -9 $f; done")
    #expect(try project.run("run").errors.contains("2 cached"))
  }
}
