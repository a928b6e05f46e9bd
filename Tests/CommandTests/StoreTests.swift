import Foundation
import StructuredValue
import Testing

struct StoreTests {
  private func project(git: Bool = true) throws -> ProjectFolder {
    let project = try ProjectFolder(
      [
        "paper.yaml": pipeline(
          """
            - stage: a
              run: "seq ${params.n} | sed '1i n' > ${outputs.t}; echo '{\\"type\\":\\"metric\\",\\"name\\":\\"rows\\",\\"value\\":${params.n}}' >&3"
              outputs: {t: {kind: table/csv, publish: out/t.csv}}
            - {stage: b, run: "wc -l < ${inputs.t} > ${outputs.o}", inputs: {t: a.t}, outputs: {o: {kind: text}}}

          """, head: "params: {n: 5}\n")
      ], git: git)
    let result = try project.run("run")
    #expect(result.status == 0, "\(result.all)")
    return project
  }

  @Test func `a damaged object is found, named, put aside and made anew`() throws {
    let project = try project()
    let instance = try #require(try project.record()["instances"]?.list?.first)
    let digest = try #require(instance["outputs"]?.list?.first?["digest"]?.string)
    try project.shell(
      "f=Artifacts/blob/\(digest.prefix(2))/\(digest); chmod +w $f; echo damage >> $f")
    let found = try project.run("fsck")
    #expect(found.status == 5)
    #expect(found.output.contains("damaged: blob \(digest), used by a;"), "\(found.all)")
    #expect(try project.run("fsck").status == 0)
    #expect(try project.run("run").status == 0)
    #expect(try project.outcomes() == ["a": "executed", "b": "cached"])
  }

  @Test func `an output that is a link is never taken for a file of the store's own`() throws {
    let project = try ProjectFolder([
      "mine.txt": "mine",
      "paper.yaml": pipeline(
        """
          - stage: a
            run: 'echo x > in.txt; ln -s "$PWD/in.txt" ${outputs.o}; echo y > tmp/y; ln tmp/y ${outputs.p}'
            outputs: {o: text, p: text}
          - {stage: b, run: 'ln -s "${params.root}/mine.txt" ${outputs.o}', outputs: {o: text}, sandbox: off}
          - {stage: c, run: 'rmdir out; ln -s "${params.root}" out', outputs: {mine: text}, sandbox: off}
          - {stage: d, run: 'mkdir ${outputs.o}', outputs: {o: text}}

        """, head: "params: {root: ''}\n"),
    ])
    let result = try project.run("run", "--keep-going", "--set", "root=\(project.path)")
    #expect(result.status == 1)
    #expect(
      result.errors.contains(
        "b P0308: its output 'o' is a link to '\(project.path)/mine.txt', outside of its folder; "
          + "copy the file instead\n"), "\(result.errors)")
    #expect(result.errors.contains("c P0308: its output 'mine' is a link"), "\(result.errors)")
    #expect(
      result.errors.contains("d P0305: its output 'o' is a folder, where text is one file"),
      "\(result.errors)")
    #expect(try project.run("show", "--output", "a.o").output == "x\n")
    #expect(try project.run("show", "--output", "a.p").output == "y\n")
    #expect(try project.shell("find Artifacts/blob -type l -o -type f -links +1").isEmpty)
    #expect(try project.shell("stat -c %a mine.txt") == "644")
  }

  @Test func `what is no file is damage, and is put aside, too`() throws {
    let project = try project()
    try project.shell(
      """
      for f in $(find Artifacts/blob Artifacts/tree Artifacts/action -type f | head -3); do
        chmod +w $f; rm $f; done
      i=0; for f in $(find Artifacts/blob Artifacts/action -type f); do
        i=$((i + 1)); chmod +w $f; rm $f; [ $i = 1 ] && mkdir $f || ln -s /etc/passwd $f; done
      """)
    #expect(try project.run("fsck").status == 5)
    #expect(try project.run("fsck").status == 0)
    #expect(try project.run("run").status == 0)
    #expect(try project.run("fsck").status == 0)
  }

  @Test func `without its store a run is compared as far as its record goes`() throws {
    let project = try project()
    #expect(try project.run("run", "--set", "n=6").status == 0)
    try project.shell("rm -rf Artifacts")
    let lost = try project.run("diff")
    #expect(lost.output.contains("rows 5 → 6"), "\(lost.all)")
    #expect(
      lost.output.contains("the first one and the second one are not in this store"), "\(lost.all)")
    let shown = try project.run("show", "--output", "a.t")
    #expect(shown.status == 5 && shown.errors.contains("is not in this store"), "\(shown.all)")
    #expect(try project.run("run", "--set", "n=6").status == 0)
    let half = try project.run("diff", "latest~2", "latest")
    #expect(half.output.contains("the first one is not in this store"), "\(half.all)")
  }

  @Test func `runs in a repository that git does not trust are not said to be missing`() throws {
    let project = try project()
    let given = try project.shell("chown -R 65534 .git . 2>/dev/null && echo yes || true")
    guard given == "yes" else { return }  // needs the right to give files away
    let quiet = ["HOME": "\(project.path)/none", "GIT_CONFIG_NOSYSTEM": "1"]
    for command in [["log"], ["show"], ["gc", "--yes", "--minimum-age", "0"]] {
      let result = try project.run(command, environment: quiet)
      #expect(
        result.errors.hasPrefix("warning: the runs cannot be read: the repository around"),
        "\(result.all)")
      #expect(result.errors.contains("belongs to another user"))
    }
    let refused = try project.run("gc", "--yes", "--minimum-age", "0", environment: quiet)
    #expect(refused.status == 7)
    #expect(refused.errors.contains("error P0601: what the runs need cannot be told"))
    try project.shell("chown -R $(id -u) . .git")
    #expect(try project.run("run").status == 0)
    #expect(try project.outcomes() == ["a": "cached", "b": "cached"])
  }

  @Test func `garbage is not collected where the runs cannot be read`() throws {
    let project = try project()
    try project.shell("mv .git away")
    let result = try project.run("gc", "--yes", "--minimum-age", "0")
    #expect(result.status == 7, "\(result.all)")
    #expect(result.errors.hasPrefix("error P0601: no run is recorded here, though the store has"))
    try project.shell("mv away .git")
    #expect(try project.run("run").status == 0)
    #expect(try project.outcomes() == ["a": "cached", "b": "cached"])
  }

  @Test(arguments: [
    ["plan"], ["status"], ["check"], ["explain", "a"], ["log"], ["schema"], ["stage", "list"],
    ["gc"], ["fsck"],
  ])
  func `looking at a project makes no store`(command: [String]) throws {
    let project = try ProjectFolder([
      "paper.yaml": pipeline("  - {stage: a, run: 'cat ${inputs.i}', inputs: {i: ./paper.yaml}}\n")
    ])
    let scratch = "\(project.path)/tmp"
    try project.shell("mkdir tmp")
    let result = try project.run(command, environment: ["TMPDIR": scratch])
    #expect(result.status == 0, "\(result.all)")
    #expect(try project.shell("ls -A . tmp") == ".:\n.git\npaper.yaml\ntmp\n\ntmp:")
  }

  @Test func `what a killed process left half written is removed by the next run`() throws {
    let project = try project()
    let dead = try project.shell("sh -c 'echo $$'")
    try project.write("Artifacts/tmp/\(dead)-17", "half")
    try project.write("Artifacts/tmp/\(getpid())-17", "being written")
    #expect(try project.run("run", "--set", "n=6").status == 0)
    #expect(try project.shell("ls Artifacts/tmp") == "\(getpid())-17")
  }

  @Test func `a store of a newer program is refused`() throws {
    let project = try project()
    try project.write("Artifacts/format", "99\n")
    let result = try project.run("run")
    #expect(result.status == 7)
    #expect(result.errors.contains("has format 99, this program knows format 1"))
    for text in ["", "root:x:0\nmore"] {
      try project.write("Artifacts/format", text)
      let damaged = try project.run("run")
      #expect(damaged.status == 5)
      #expect(
        damaged.errors.contains("format' is damaged; if the store is of this program, write 1"))
    }
  }

  @Test func `garbage is shown, then removed, and never what a run needs`() throws {
    let project = try project()
    #expect(try project.run("run", "--set", "n=6").status == 0)
    let shown = try project.run("gc", "--keep-runs", "1", "--minimum-age", "0")
    #expect(shown.output.contains("4 objects"), "\(shown.all)")
    #expect(try project.run("gc", "--keep-runs", "1", "--minimum-age", "0", "--yes").status == 0)
    #expect(try project.run("run", "--set", "n=6").status == 0)
    #expect(try project.outcomes() == ["a": "cached", "b": "cached"])
    #expect(try project.run("run").status == 0)
    #expect(try project.outcomes() == ["a": "executed", "b": "executed"])
  }

  @Test func `outside of a repository everything works but the record says so`() throws {
    let project = try project(git: false)
    let result = try project.run("run", "--set", "n=6")
    #expect(result.errors.contains("git init"), "\(result.errors)")
    #expect(try project.run("log").output.split(separator: "\n").count == 2)
    #expect(try project.run("diff").output.contains("rows 5 → 6"))
    #expect(try project.run("init").output.contains("made a git repository"))
  }

  @Test func `a published file that was edited is kept`() throws {
    let project = try project()
    #expect(project.read("out/t.csv") == "n\n1\n2\n3\n4\n5\n")
    try project.write("out/t.csv", "mine\n")
    let result = try project.run("run", "--set", "n=2")
    #expect(result.errors.contains("had been edited; it is kept as"))
    #expect(project.read("out/t.csv") == "n\n1\n2\n")
    #expect(try project.shell("cat out/t.csv.orig-*") == "mine")
  }

  @Test func `diff names parameter, metric and table changes`() throws {
    let project = try project()
    #expect(try project.run("run", "--set", "n=6").status == 0)
    let diff = try project.run("diff")
    for text in ["param  n 5 → 6", "rows 5 → 6", "5 → 6, 0 removed, 1 added", "a.t changed"] {
      #expect(diff.output.contains(text), "\(text)\n\(diff.all)")
    }
    #expect(try project.run("diff", "--exit-code").status == 10)
    #expect(try project.run("diff", "latest", "latest", "--exit-code").status == 0)
    #expect(try project.run("diff", "nothing", "latest").status != 0)
    #expect(try project.run("lineage", "b.o").output.contains("a"))
  }

  @Test func `the user's repository stays as it is`() throws {
    let project = try project()
    try project.shell("git add paper.yaml && git commit -qm first && git branch other")
    let look =
      "cat .git/HEAD .git/config; sha256sum .git/index; git branch -a; git status --porcelain; git stash list"
    let before = try project.shell(look)
    #expect(try project.run("run", "--set", "n=9").status == 0)
    #expect(
      try project.shell(look).replacing("?? out/\n", with: "")
        == before.replacing("?? out/\n", with: ""))
    #expect(
      try project.shell("git log --format=%s -1 refs/pipeline/log").hasSuffix(
        "succeeded: 2 executed"))
    #expect(try project.shell("git notes --ref pipeline show HEAD").contains("\"status\""))
    #expect(try project.run("show", "HEAD").status == 0)
  }

  @Test func `check --rerun tells the reproducible from the rest`() throws {
    let project = try project()
    let good = try project.run("check", "--rerun")
    #expect(good.status == 0)
    #expect(good.output.contains("reproduced 2 of 2 outputs of 2 stages"))
    try project.write(
      "paper.yaml",
      pipeline(
        "  - {stage: r, run: 'od -An -N4 -tu4 /dev/urandom > ${outputs.o}', outputs: {o: {kind: text}}}\n"
      ))
    #expect(try project.run("run").status == 0)
    let bad = try project.run("check", "--rerun")
    #expect(bad.status == 8, "\(bad.all)")
    #expect(bad.output.contains("r.o differs: line 1"), "\(bad.all)")
  }

  @Test func `a full disk stops cleanly and loses nothing`() throws {
    let project = try ProjectFolder([
      "paper.yaml": pipeline(
        """
          - {stage: small, run: 'echo x > ${outputs.o}', outputs: {o: {kind: text}}, sandbox: off}
          - {stage: big, run: 'head -c 8000000 /dev/zero > /tmp/$$; cp /tmp/$$ ${outputs.o}; rm /tmp/$$', inputs: {i: small.o}, outputs: {o: {kind: file}}, sandbox: off}

        """)
    ])
    try project.shell("mkdir Artifacts")
    let mounted = try project.shell(
      "mount -t tmpfs -o size=4m tmpfs '\(project.path)/Artifacts' 2>/dev/null && echo yes || true")
    guard mounted == "yes" else { return }  // needs the right to mount
    let full = try project.run("run")
    #expect(full.status == 1 || full.status == 7, "\(full.all)")
    #expect(
      full.errors.contains("No space left") || full.errors.contains("is full"), "\(full.errors)")
    try project.shell("mount -o remount,size=64m '\(project.path)/Artifacts'")
    #expect(try project.run("run").status == 0)
    #expect(try project.outcomes() == ["small": "cached", "big": "executed"])
    try project.shell("umount '\(project.path)/Artifacts'")
  }
}
