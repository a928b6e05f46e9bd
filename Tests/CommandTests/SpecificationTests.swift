import Foundation
import Testing

struct SpecificationTests {
  @Test func `all mistakes are reported at once, with place and suggestion`() throws {
    let project = try ProjectFolder([
      "paper.yaml": pipeline(
        """
          - stage: one
            run: "true"
            parms: {x: 1}
          - stage: two
            uses: fetsh@1
          - stage: three
            run: "true"
            inputs: {x: oen.y, z: one.y}
          - stage: one
            run: "true"

        """)
    ])
    let result = try project.run("check")
    #expect(result.status == 3)
    for text in [
      "paper.yaml:6:5: error P0103: unknown key 'parms' in the stage 'one'",
      "    |     ^", "help: did you mean 'params'?",
      "paper.yaml:8:11: error P0130: there is no stage 'fetsh'", "did you mean 'fetch'?",
      "paper.yaml:11:17: error P0123: there is no stage cell 'oen'", "did you mean 'one'?",
      "paper.yaml:11:27: error P0123: the stage 'one' has no output 'y'",
      "error P0102: the stage 'one' stands here twice", "paper.yaml:4:12: it stands here, too",
    ] {
      #expect(result.errors.contains(text), "\(text)\n\(result.errors)")
    }
  }

  @Test(arguments: [
    (
      "- stage: a\n    run: 'true'\n    inputs: {x: b.y}\n    outputs: {y: {kind: file}}\n  - stage: b\n    run: 'true'\n    inputs: {x: a.y}\n    outputs: {y: {kind: file}}",
      "P0120: the stages wait for each other"
    ),
    ("- stage: a\n\trun: x", "a tab indents this line"),
    ("- stage: a\n    run: 'true'\n    run: 'false'", "P0102"),
    ("- stage: a\n    run: [a, {b: 1}]", "P0104"),
    ("- stage: a\n    uses: fetch", "does not say which version it wants"),
    ("- stage: a\n    uses: fetch@9", "P0131"),
    ("- stage: a\n    uses: fetch@1\n    params: {files: []}", "P0133"),
    ("- stage: a\n    uses: fetch@1\n    params: {files: [{url: x, sha: y}]}", "did you mean"),
    ("- stage: A b\n    run: 'true'", "cannot name a stage"),
    ("- stage: a\n    run: 'true'\n    inputs: {x: ../../x/y}", "P0122"),
    ("- stage: a\n    run: 'true'\n    inputs: {x: /etc/passwd}", "is absolute"),
    ("- stage: a\n    run: 'echo ${params.nope}'", "P0110"),
    ("- claim: x\n    measured: a.b\n    holds: maybe", "is no condition"),
    ("- text: '{{ nope.x }}'", "there is no stage cell 'nope'"),
    ("- stage: a\n    run: 'true'\n    show: [{figure: f}]", "no output of 'a'"),
    ("- stage: a\n    run: 'true'\n    resources: {memory: lots}", "a size such as 2GiB"),
    ("- stage: a\n    run: 'true'\n    sandbox: perhaps", "'strict' or 'off'"),
    ("- prose: x", "a cell needs one of"),
    ("- stage: a\n    run: 'true'\n    inputs: {x: './*.csv'}", "is a pattern"),
    ("- stage: a\n    run: 'true'\n    timeout: 9999999999999999999d", "of at most ten years"),
    ("- stage: a\n    run: 'true'\n    retry: {backoff: 1e40d}", "a duration such as"),
    (
      "- stage: a\n    run: 'true'\n    resources: {memory: 900000TiB}",
      "paper.yaml:4:12: error P0104: a asks"
    ),
    ("- stage: a\n    run: [echo, ${params.n}]", "needs quotes, as \"${params.name}\" does"),
    ("- stage: a\n    run: 'echo ${HOME:-x}'", "of the shell's own is written '$${'"),
    ("- stage: a\n    run: 'true'\n    inputs: {../../x: ./paper.yaml}", "cannot name an input"),
    ("- stage: a\n    run: 'true'\n    outputs: {a/b: text}", "cannot name an input or output"),
  ])
  func `a mistake is one clear sentence`(cell: String, words: String) throws {
    let project = try ProjectFolder(["paper.yaml": pipeline("  " + cell + "\n")])
    let result = try project.run("run")
    #expect(result.status == 3, "\(result.all)")
    #expect(result.errors.contains(words), "\(result.errors)")
  }

  @Test func `missing and unreadable files have their exit codes`() throws {
    let project = try ProjectFolder(["bad.yaml": "pipeline: v1\ncells: [\n"])
    #expect(try project.run("run", "nothing.yaml").status == 4)
    #expect(try project.run("run").status == 4)
    #expect(try project.run("run", "bad.yaml").status == 3)
    #expect(try project.run("run", "--nonsense").status == 2)
    #expect(try project.run("--help").status == 0)
  }

  @Test(arguments: [
    ("mkdir x.yaml", 4, "error P0201: 'x.yaml' cannot be read; is it a folder, or not yours?\n"),
    (
      "printf 'a: b\\nc: \\377' > x.yaml", 3,
      "x.yaml:2:4: error P0101: the file is not UTF-8 text from here on\n"
    ),
    (": > x.yaml", 3, "x.yaml:1:1: error P0101: the file is empty\n"),
    (
      "printf 'pipeline: v9\\ncells: []' > x.yaml", 3,
      "x.yaml:1:11: error P0104: the file is of version 'v9', this program reads v1\n"
    ),
    ("echo 'pipeline: v1' > x.yaml", 3, "x.yaml:1:1: error P0104: the pipeline has no cells\n"),
    (
      "printf 'pipeline: v1\\ncells:\\n  - include: gone.yaml' > x.yaml", 3,
      "x.yaml:3:14: error P0201: there is no file 'gone.yaml'\n"
    ),
    (
      "printf 'pipeline: v1\\ncells:\\n  - include: x.yaml' > x.yaml", 3,
      "x.yaml:3:14: error P0120: files include each other: x.yaml → x.yaml\n"
    ),
  ])
  func `a file that is no pipeline is refused in one sentence`(
    make: String, status: Int, message: String
  ) throws {
    let project = try ProjectFolder()
    try project.shell(make)
    let result = try project.run("run", "x.yaml")
    #expect(Int(result.status) == status)
    #expect(result.errors.hasPrefix(message), "\(result.errors)")
    #expect(result.output.isEmpty)
  }

  @Test func `a missing input, folder, command or run has its sentence and exit code`() throws {
    let project = try ProjectFolder([
      "paper.yaml": pipeline(
        "  - {stage: a, run: 'cat ${inputs.x}', inputs: {x: ./none.csv}}\n")
    ])
    let input = try project.run("run")
    #expect(input.status == 4, "\(input.all)")
    #expect(input.errors.contains("blocked a: '\(project.path)/none.csv' does not exist\n"))
    let folder = try project.run("run", "-C", "/none")
    #expect(folder.status == 2)
    #expect(folder.errors == "error: there is no folder '/none' to work in\n")
    let command = try project.run("rnu")
    #expect(command.status == 2)
    #expect(command.errors == "error: there is no command 'rnu'; did you mean 'run'?\n")
    let run = try project.run("show", "99999999")
    #expect(run.status == 2)
    #expect(run.errors.hasPrefix("error P0603: no run '99999999' is recorded"))
    let report = try project.run("report", "-o", "none/x.html")
    #expect(
      report.errors
        == "error: 'none/x.html' cannot be written: its folder does not exist\n", "\(report.errors)"
    )
    #expect(report.status == 7)
  }

  @Test func `a store that cannot be one is named`() throws {
    let project = try ProjectFolder([
      "paper.yaml": pipeline("  - {stage: a, run: 'true'}\n"), "Artifacts": "a file",
    ])
    let result = try project.run("run")
    #expect(result.status == 7)
    #expect(result.errors.hasPrefix("error P0403: making '\(project.path)/Artifacts/"))
    #expect(project.read("Artifacts") == "a file")
  }

  @Test func `parameters and profiles must exist`() throws {
    let project = try ProjectFolder([
      "paper.yaml": pipeline(
        "  - {stage: a, run: 'true'}\n", head: "params: {samples: 1}\nprofiles: {quick: {}}\n")
    ])
    let set = try project.run("check", "--set", "sampels=2")
    #expect(set.status == 3)
    #expect(set.errors.contains("did you mean 'samples'?"))
    let profile = try project.run("check", "--profile", "quik")
    #expect(profile.errors.contains("the profiles are quick"))
    #expect(try project.run("check", "--profile", "quick", "--set", "samples=2").status == 0)
  }

  @Test(arguments: [
    ("count=abc", "--set gives 'count' string \"abc\", where the file has integer 3"),
    ("on=1", "where the file has boolean true"),
    ("list=a", "where the file has list"), ("rate=[1]", "where the file has number 0.5"),
  ])
  func `an override keeps the type of its parameter`(override: String, words: String) throws {
    let head = "params: {count: 3, on: true, list: [1], rate: 0.5, any: null, name: x}\n"
    let project = try ProjectFolder([
      "paper.yaml": pipeline("  - {stage: a, run: 'true'}\n", head: head)
    ])
    let wrong = try project.run("check", "--set", override)
    #expect(wrong.status == 3)
    #expect(wrong.errors.contains(words), "\(wrong.errors)")
    let right = [
      "count=4", "count=0.5", "rate=1", "any=[1]", "name=5", "list=[]", "on=false", "count=",
      "rate='x'",
    ]
    let options = right.flatMap { ["--set", $0] }
    let result = try project.run(["check"] + options)
    #expect(result.status == 0, "\(result.all)")
  }

  @Test func `a parameter made of another one is refused where it stands`() throws {
    let project = try ProjectFolder([
      "paper.yaml": pipeline(
        "  - {stage: a, run: 'true'}\n", head: "params: {base: x, all: ['${params.base}/y']}\n")
    ])
    let result = try project.run("check")
    #expect(result.status == 3)
    #expect(
      result.errors.hasPrefix(
        "paper.yaml:3:25: error P0111: a parameter's value is taken as it is"),
      "\(result.errors)")
  }

  @Test(arguments: [
    (["log", "-n", "0"], "--limit is 0, but must be at least 1"),
    (["gc", "--keep-runs=-1"], "--keep-runs is -1"),
    (["gc", "--minimum-age", "nan"], "--minimum-age is nan"),
    (["run", "--mirror", "none"], "error: '--mirror none' names no folder"),
    (["show", "nothing"], "error P0603: no run 'nothing' is recorded"),
  ])
  func `a wrong option is named, with the exit code for usage`(
    arguments: [String], words: String
  ) throws {
    let project = try ProjectFolder([
      "paper.yaml": pipeline("  - {stage: a, run: 'true'}\n")
    ])
    let result = try project.run(arguments)
    #expect(result.status == 2)
    #expect(result.errors.contains(words), "\(result.errors)")
  }

  @Test func `a profile that is no map loses no parameter`() throws {
    let project = try ProjectFolder([
      "paper.yaml": pipeline(
        "  - {stage: a, run: 'echo ${params.n}'}\n", head: "params: {n: 1}\nprofiles: {quick: 5}\n")
    ])
    let result = try project.run("check", "--profile", "quick")
    #expect(result.status == 3)
    #expect(result.errors.contains("'quick' in the pipeline is integer 5, where a map"))
    #expect(!result.errors.contains("there is no 'params.n'"), "\(result.errors)")
  }

  @Test func `chapters, profiles, prose and claims work together`() throws {
    let project = try ProjectFolder([
      "paper.yaml": """
      pipeline: v1
      title: Whole
      params: {n: 3}
      profiles: {full: {n: 5}}
      cells:
        - text: "There are {{ count.n | .1 }}."
        - include: chapters/one.yaml
        - claim: Five.
          published: {value: 5, source: Somebody 2020}
          measured: count.n
          holds: within 10% of published
        - claim: Never measured.
          measured: off.n
          holds: ">= 0"
      """,
      "chapters/one.yaml": """
      cells:
        - stage: count
          run: 'cat ${inputs.x} >&2; echo "{\\"type\\":\\"metric\\",\\"name\\":\\"n\\",\\"value\\":${params.n}}" >&3'
          inputs: {x: ./data.txt}
        - {stage: off, run: 'true', when: false}
      """, "chapters/data.txt": "beside its chapter",
    ])
    #expect(try project.run("run").status == 0)
    #expect(try project.run("run", "--check-claims").status == 1)
    let full = try project.run("run", "--profile", "full")
    #expect(full.errors.contains("✓ Five. (5, wanted within 10% of published, published 5)"))
    #expect(full.errors.contains("– Never measured."))
    #expect(try project.outcomes() == ["count": "executed", "off": "skipped"])
    _ = try project.run("report", "--output", "page.html")
    let page = project.read("page.html") ?? ""
    for text in ["Whole", ">5.0</a>.", "Somebody 2020", "holds"] {
      #expect(page.contains(text), "\(text)")
    }
  }
}
