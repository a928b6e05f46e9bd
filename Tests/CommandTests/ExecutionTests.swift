import ContentHashing
import Foundation
import StructuredValue
import Testing

@Suite(.serialized)
struct ExecutionTests {
  private func failing(_ cell: String) throws -> (ProjectFolder, ProjectFolder.Result) {
    let project = try ProjectFolder(["paper.yaml": pipeline(cell)])
    return (project, try project.run("run"))
  }

  @Test(arguments: [
    ("run: 'echo said; echo why >&2; exit 3'", "P0301: ended with exit code 3", "| why"),
    ("run: 'kill -SEGV $$'", "P0302: died of signal 11", "FAILED"),
    ("run: 'sleep 20'\n    timeout: 1s", "P0303: ran longer than its timeout of 1.0 s", "FAILED"),
    (
      "run: 'true'\n    outputs: {y: {kind: file}}",
      "P0305: ended well but did not write its output 'y'", "out/y"
    ),
    ("run: 'echo x > out/extra'", "P0308: wrote 'out/extra'", "declared outputs"),
    (
      "run: [no-such-program]\n    sandbox: off", "P0301: its program could not be started",
      "No such file"
    ),
    (
      "run: [cat, paper.yaml]\n    inputs: {code: ./paper.yaml}", "P0301: ended with exit code 1",
      "under this name: write '${inputs.code}' for it"
    ),
    (
      "run: 'exit 3'\n    retry: 2", "P0301: ended with exit code 3; it was not tried again",
      "retry: {max: 2, on: [exit:3]}"
    ),
    ("run: 'cat paper.yaml'", "P0307", "'paper.yaml', which is not among its inputs"),
    ("run: 'echo garbage >&3'", "P0306: broke the protocol", "'garbage'"),
    (
      "run: \"python3 -c 'import time; x = bytearray(300 << 20); x[::4096] = b\\\"a\\\" * len(x[::4096]); time.sleep(9)'\"\n    resources: {memory: 64MiB}",
      "P0304: was ended at", "over its limit of 64 MiB"
    ),
  ])
  func `a failure says what happened`(cell: String, message: String, more: String) throws {
    let (_, result) = try failing("  - stage: a\n    \(cell)\n")
    #expect(result.status == 1, "\(result.all)")
    #expect(result.errors.contains(message), "\(result.errors)")
    #expect(result.errors.contains(more), "\(result.errors)")
  }

  @Test(arguments: [
    ("print('{\"type\":\"progress\",\"done\":1}', file=c)", "before 'hello'"),
    ("print('{\"type\":\"hello\",\"protocol\":7,\"name\":\"x\"}', file=c)", "speaks protocol 7"),
    ("hello(); print('nonsense', file=c)", "not a JSON object"),
    ("hello(); c.write('x' * (2 << 20) + '\\n')", "longer than 1 MiB"),
    (
      "hello(); c.buffer.write(b'{\"type\":\"note\",\"markdown\":\"\\xff\"}\\n')", "not valid UTF-8"
    ),
    ("hello(); c.write('{\"type\":\"result\",\"metrics\":{\"a\": NaN}}\\n')", "as JSON has no NaN"),
    ("hello(); sys.exit(255)", "P0301: ended with exit code 255"),
    ("hello(); raise ValueError('my reason')", "P0301: ended with exit code 1\n"),
    ("hello()", "sent no 'result'"),
    ("pass", "without a single message"),
    (
      "hello(); print('{\"type\":\"result\"}', file=c); print('{\"type\":\"note\",\"markdown\":\"\"}', file=c)",
      "after 'result'"
    ),
    (
      "hello(); print('{\"type\":\"error\",\"message\":\"bad row\",\"location\":{\"slot\":\"t\",\"line\":88}}', file=c); sys.exit(1)",
      "input 't', line 88: bad row"
    ),
  ])
  func `a plugin that breaks the protocol is told how`(body: String, words: String) throws {
    let project = try ProjectFolder([
      "paper.yaml": pipeline("  - {stage: a, uses: odd@1}\n"),
      "Stages/odd/stage.yaml": "stage: odd\nversion: 1.0.0\nexec: [python3, main.py]\n",
      "Stages/odd/main.py": """
      import os, sys
      c = os.fdopen(int(os.environ["PIPELINE_FD"]), "w", buffering=1)
      def hello(): print('{"type":"hello","protocol":1,"name":"odd"}', file=c)
      \(body)
      c.flush()
      """,
    ])
    let result = try project.run("run")
    #expect(result.status == 1)
    #expect(result.errors.contains(words), "\(result.errors)")
  }

  @Test func `the example plugin and the skeleton run as they are`() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().path
    let project = try ProjectFolder([
      "paper.yaml": pipeline(
        """
          - stage: words
            uses: wordcount@1
            inputs: {text: ./a.txt}
            params: {top: 2}
          - stage: mine
            uses: mine@1
            inputs: {table: words.counts}
            params: {column: word}

        """), "a.txt": "the cat and the dog and the bird\n",
    ])
    #expect(try project.run("stage", "new", "mine").status == 0)
    let result = try project.run(
      "run", environment: ["PIPELINE_STAGES": root + "/Docs/examples"])
    #expect(result.status == 0, "\(result.all)")
    #expect(
      try project.run("show", "--output", "words.counts").output
        == "word,count\r\nthe,3\r\nand,2\r\n")
    #expect(
      try project.run("show", "--output", "mine.summary").output == #"{"rows": 2, "distinct": 2}"#)
    let wrong = try project.run(
      "run", "--set", "x=1", environment: ["PIPELINE_STAGES": root + "/Docs/examples"])
    #expect(wrong.status == 3)
  }

  @Test func `plugins that nobody can mean are warned of`() throws {
    let manifest = "version: 1.0.0\nexec: [\"true\"]\n"
    let project = try ProjectFolder([
      "paper.yaml": pipeline("  - {stage: a, uses: same@1}\n"),
      "Stages/one/stage.yaml": "stage: same\n" + manifest,
      "Stages/two/stage.yaml": "stage: same\n" + manifest,
      "Stages/three/stage.yaml": "stage: fetch\n" + manifest,
      "Stages/four/stage.yaml": "stage: four\nversion: 1.0.0\n",
      "Stages/five/Sources/x": "", "Stages/five/stage.yaml": "stage: five\nversion: 1.0.0\n",
    ])
    let result = try project.run("check")
    #expect(result.status == 0)
    for words in [
      "two/stage.yaml:1:1: warning P0132: the folder 'one' beside this one has a stage 'same', too",
      "three/stage.yaml:1:1: warning P0132: 'fetch' is built in, and this one is not used",
      "four/stage.yaml:1:1: warning P0132: the manifest of 'four' lacks 'exec'",
    ] {
      #expect(result.errors.contains(words), "\(result.errors)")
    }
    #expect(!result.errors.contains("five"))
  }

  @Test func `content that is not what its digest says has an exit code of its own`() throws {
    let project = try ProjectFolder([
      "paper.yaml": pipeline(
        """
          - stage: data
            uses: fetch@1
            params: {files: [{url: "https://a.example/x", sha256: "\(String(repeating: "0", count: 64))"}]}

        """), "mirror/a.example/x": "hello",
    ])
    let wrong = try project.run(
      "run", environment: ["PIPELINE_MIRROR": project.path + "/mirror", "PIPELINE_OFFLINE": "1"])
    #expect(wrong.status == 5, "\(wrong.all)")
    #expect(wrong.errors.contains("P0202"))
    #expect(wrong.errors.contains(Digest.of("hello").hex))
    let absent = try project.run(
      "run", environment: ["PIPELINE_MIRROR": "/nowhere", "PIPELINE_OFFLINE": "1"])
    #expect(absent.status == 4, "\(absent.all)")
    #expect(absent.errors.contains("P0204"))
  }

  @Test func `the paper and each of its chapters are right`() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let project = try ProjectFolder()
    // A copy, since a project gets a store where it is opened.
    try FileManager.default.copyItem(
      atPath: root.appending(path: "Pipelines").path, toPath: project.path + "/Pipelines")
    let files = try FileManager.default.contentsOfDirectory(atPath: project.path + "/Pipelines")
      .filter { $0.hasSuffix(".yaml") }
    #expect(files.contains("paper.yaml"))
    for file in files {
      let result = try project.run("check", "Pipelines/\(file)")
      #expect(result.status == 0, "\(result.all)")
    }
  }

  @Test func `the list of built-in stages is that of the folders`() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let folders = try FileManager.default.contentsOfDirectory(
      atPath: root.appending(path: "Stages").path)
    let project = try ProjectFolder()
    let listed = try project.run("stage", "list").output.split(separator: "\n")
    #expect(listed.count == folders.count)
    for line in listed {
      let name = try #require(line.split(separator: "@").first)
      // A name's capitals are its own: `smartdeal-report` lives in SmartDealReport.
      let folder = name.replacing("-", with: "")
      #expect(folders.contains { $0.lowercased() == folder }, "\(name)")
      #expect(try project.run("stage", "describe", String(name)).status == 0)
    }
  }

  @Test func `a retry waits and succeeds, and keep-going finishes the rest`() throws {
    let project = try ProjectFolder()
    let mark = project.path + "/mark"
    try project.write(
      "paper.yaml",
      pipeline(
        """
          - stage: flaky
            run: "test -e \(mark) || { touch \(mark); exit 75; }"
            retry: {max: 2, backoff: 0.1s}
            sandbox: off
          - {stage: bad, run: 'exit 1'}
          - {stage: after, run: 'true', needs: [bad]}
          - {stage: apart, run: 'sleep 0.2', needs: [flaky]}

        """))
    let result = try project.run("run", "--keep-going", "-j", "1")
    #expect(result.status == 1)
    #expect(result.errors.contains("retry    flaky"))
    #expect(result.errors.contains("blocked after: needs bad, which failed"))
    #expect(
      try project.outcomes() == [
        "flaky": "executed", "bad": "failed", "after": "blocked", "apart": "executed",
      ])
  }

  @Test func `selections, forcing and the matrix`() throws {
    let project = try ProjectFolder([
      "paper.yaml": pipeline(
        """
          - stage: a
            matrix: {x: [1, 2], y: [p, q], exclude: [{x: 2, y: q}], include: [{x: 3, y: r}]}
            run: "echo ${matrix.x}${matrix.y} > ${outputs.o}"
            outputs: {o: {kind: text}}
          - stage: one
            run: "cat ${inputs.i}"
            inputs: {i: "a[x=1,y=q].o"}
          - stage: all
            run: "cat ${inputs.i}/*"
            inputs: {i: "a[*].o"}
          - stage: same
            matrix: {x: [1, 2], y: [p]}
            run: "grep ${matrix.x}p ${inputs.i}"
            inputs: {i: a.o}

        """)
    ])
    #expect(try project.run("run", "--only", "one").status == 0)
    let first = try project.outcomes()
    #expect(first["one"] == "executed")
    #expect(first["a[x=1,y=q]"] == "executed")
    #expect(first["a[x=1,y=p]"] == "skipped")
    // Left out, they are still to be executed, for the reasons that they had.
    let plan = try project.run("plan").output
    #expect(plan.contains("no earlier result"))
    #expect(!plan.contains("not in the store"))
    #expect(try project.run("run").status == 0)
    #expect(try project.run("show", "--log", "all").output.contains("3r"))
    #expect(try project.outcomes()["same[x=2,y=p]"] == "executed")
    #expect(try project.run("run", "--force", "a[x=1]").status == 0)
    let forced = try project.outcomes()
    #expect(forced["a[x=1,y=p]"] == "executed")
    #expect(forced["a[x=2,y=p]"] == "cached")
    #expect(forced["all"] == "cached", "forced again, but with the same bytes")
    #expect(try project.run("run", "--only", "nope").status == 2)
  }

  @Test func `a secret that is not set is named when its stage fails`() throws {
    let (_, result) = try failing(
      "  - {stage: a, run: 'test -n \"$NO_SUCH_TOKEN\"', secrets: [NO_SUCH_TOKEN]}\n")
    #expect(result.errors.contains("its secret 'NO_SUCH_TOKEN' is not set"), "\(result.errors)")
  }

  @Test func `secrets reach their stage and nobody else`() throws {
    let project = try ProjectFolder([
      "paper.yaml": pipeline(
        """
          - {stage: a, run: 'echo "token $TOKEN"', secrets: [TOKEN]}
          - {stage: b, run: 'echo "none ${TOKEN-unset}"'}

        """.replacing("${TOKEN-unset}", with: "$${TOKEN-unset}"))
    ])
    let result = try project.run("run", "-v", environment: ["TOKEN": "hush-hush"])
    #expect(result.status == 0, "\(result.all)")
    #expect(result.errors.contains("token ••••"))
    #expect(result.errors.contains("none unset"))
    #expect(try project.shell("grep -r hush-hush . || true") == "")
  }

  @Test func `a plugin's words carry no secret into terminal, record or page`() throws {
    let project = try ProjectFolder([
      "paper.yaml": pipeline(
        """
          - {stage: a, uses: loud@1, secrets: [TOKEN]}
          - {stage: b, uses: loud@1, secrets: [TOKEN], env: {FAIL: "1"}}

        """),
      "Stages/loud/stage.yaml": "stage: loud\nversion: 1.0.0\nexec: [python3, main.py]\n",
      "Stages/loud/main.py": """
      import base64, json, os, sys
      c = os.fdopen(int(os.environ["PIPELINE_FD"]), "w", buffering=1)
      say = lambda **m: c.write(json.dumps(m) + "\\n")
      token = os.environ["TOKEN"]
      say(type="hello", protocol=1, name="loud")
      say(type="note", markdown="used " + token)
      say(type="progress", done=1, total=2, message=token)
      say(type="log", level="warn", message=base64.b64encode(token.encode()).decode())
      if "FAIL" in os.environ:
          say(type="error", message="refused: " + token)
          sys.exit(1)
      say(type="result", outputs=[], metrics={})
      """,
    ])
    let result = try project.run(
      "run", "--json", "--keep-going", environment: ["TOKEN": "hush-hush"])
    #expect(result.status == 1)
    #expect(result.output.contains("refused: ••••"), "\(result.all)")
    #expect(try project.run("show", "--json").output.contains("used ••••"))
    _ = try project.run("report", "--output", "page.html")
    for text in [
      result.all, try project.run("show", "--json").output, project.read("page.html") ?? "",
    ] {
      #expect(!text.isEmpty && !text.contains("hush-hush") && !text.contains("aHVzaC1odXNo"))
    }
    #expect(try project.shell("grep -rl hush-hush Artifacts || true") == "")
  }

  @Test func `a password in a URL is refused before anything is recorded`() throws {
    let zeros = String(repeating: "0", count: 64)
    let project = try ProjectFolder()
    for url in ["https://me:hush-hush@a.example/x", "https://hush-hush@a.example"] {
      try project.write(
        "paper.yaml",
        pipeline(
          "  - {stage: d, uses: fetch@1, params: {files: [{url: \"\(url)\", sha256: \"\(zeros)\"}]}}\n"
        ))
      let result = try project.run("run")
      #expect(result.status == 3, "\(result.all)")
      #expect(result.errors.contains("'files[0].url' has not the form that is asked for"))
      #expect(try project.shell("grep -rl hush-hush Artifacts .git || true") == "")
    }
    try project.write(
      "paper.yaml",
      pipeline(
        "  - {stage: d, uses: fetch@1, params: {files: [{url: \"https://a.example/x@y\", sha256: \"\(zeros)\"}]}}\n"
      ))
    #expect(try project.run("check").status == 0, "an @ in the path is no password")
  }

  @Test func `an input that changes while its stage starts is not kept under the old key`() throws {
    let project = try ProjectFolder([
      "paper.yaml": pipeline(
        """
          - {stage: first, run: 'echo new > "$TARGET"', env: {TARGET: "PATH/a.txt"}, sandbox: off}
          - {stage: second, run: 'cp ${inputs.x} ${outputs.y}', inputs: {x: ./a.txt}, outputs: {y: {kind: text}}, sandbox: off, needs: [first]}
          - {stage: zeroth, run: 'cat ${inputs.x}', inputs: {x: ./a.txt}, sandbox: off}

        """), "a.txt": "old\n",
    ])
    let text = try #require(project.read("paper.yaml"))
    try project.write("paper.yaml", text.replacing("PATH", with: project.path))
    // 'zeroth' makes the run look at the file before 'first' changes it.
    let result = try project.run("run", "-j", "1", "--keep-going")
    #expect(result.status == 1, "\(result.all)")
    #expect(
      result.errors.contains("'a.txt' changed while the run was starting it"), "\(result.all)")
    #expect(try project.run("run").status == 0)
    #expect(try project.run("show", "--output", "second.y").output == "new\n")
    try project.write("a.txt", "old\n")
    // 'first' is cached now, so nothing changes the file: the old content gives the old result.
    #expect(try project.run("run").status == 0)
    #expect(try project.run("show", "--output", "second.y").output == "old\n")
  }

  @Test func `a project's folder may have any name`() throws {
    let outer = try ProjectFolder()
    let name = "it's \"my\" $paper & ü"
    try outer.write(
      "\(name)/paper.yaml",
      pipeline(
        """
          - stage: a
            run: 'cd /; cd "$OLDPWD"; echo 1 > ${outputs.o}; echo 2 >> "${outputs.o}"; ls ./in >> ${outputs.o}'
            inputs: {code: ./paper.yaml}
            outputs: {o: {kind: text, publish: o.txt}}
          - {stage: b, run: [cp, "${inputs.i}", "${outputs.o}"], inputs: {i: a.o}, outputs: {o: text}}

        """))
    try outer.shell("git init -q \"$(ls)\"")
    let result = try outer.run("run", "-C", name)
    #expect(result.status == 0, "\(result.all)")
    #expect(outer.read("\(name)/o.txt") == "1\n2\ncode.yaml\n")
    try outer.shell("mkdir 'second one'")
    #expect(try outer.run("init", "-C", "second one").status == 0)
    #expect(try outer.run("run", "-C", "second one").status == 0)
  }

  @Test func `a matrix value may hold anything that a path may not`() throws {
    let project = try ProjectFolder([
      "paper.yaml": pipeline(
        """
          - {stage: a, matrix: {d: [x/y, ../../z]}, run: "echo '${matrix.d}' > ${outputs.o}", outputs: {o: {kind: text}}}
          - {stage: all, run: 'cat ${inputs.i}/* > ${outputs.o}', inputs: {i: "a[*].o"}, outputs: {o: {kind: text}}}

        """)
    ])
    let result = try project.run("run")
    #expect(result.status == 0, "\(result.all)")
    #expect(
      try project.run("show", "--output", "all.o").output.split(separator: "\n").sorted()
        == ["../../z", "x/y"])
  }

  @Test func `the network is closed unless a cell opens it`() throws {
    let script = "python3 -c 'import socket; print(len(socket.if_nameindex()))' > ${outputs.n}"
    let project = try ProjectFolder([
      "paper.yaml": pipeline(
        """
          - {stage: closed, run: "\(script)", outputs: {n: {kind: text}}}
          - {stage: open, run: "\(script)", outputs: {n: {kind: text}}, network: true}

        """)
    ])
    let result = try project.run("run")
    #expect(result.status == 0, "\(result.all)")
    if result.errors.contains("no sandbox") { return }
    #expect(try project.run("show", "--output", "closed.n").output == "1\n")
  }

  @Test func `a checkpoint is given to the next attempt of the same action`() throws {
    let project = try ProjectFolder([
      "paper.yaml": pipeline("  - {stage: a, uses: long@1, retry: 3}\n"),
      "Stages/long/stage.yaml": """
      stage: long
      version: 1.0.0
      exec: [python3, main.py]
      outputs: {total: {kind: text}}
      """,
      "Stages/long/main.py": """
      import json, os, sys
      c = os.fdopen(int(os.environ["PIPELINE_FD"]), "w", buffering=1)
      say = lambda **m: c.write(json.dumps(m) + "\\n")
      r = json.loads(sys.stdin.readline())
      say(type="hello", protocol=1, name="long")
      step = int(open(r["checkpoint"]).read()) if r["checkpoint"] else 0
      print("starting at", step)
      step += 1
      if step < 3:
          open(r["scratch"] + "/ck", "w").write(str(step))
          say(type="checkpoint", path="tmp/ck")
          say(type="error", message="interrupted", retryable=True)
          sys.exit(75)
      open(r["outputs"]["total"]["path"], "w").write(str(step))
      say(type="result", outputs=["total"], metrics={})
      """,
    ])
    let result = try project.run("run", "-v")
    #expect(result.status == 0, "\(result.all)")
    #expect(result.errors.contains("starting at 2"))
    #expect(try project.run("show", "--output", "a.total").output == "3")
    #expect(try project.shell("ls Artifacts/checkpoints") == "")
  }
}
