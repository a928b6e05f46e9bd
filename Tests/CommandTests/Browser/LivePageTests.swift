import Foundation
import StructuredValue
import Testing

/// The live page in a real browser.
///
/// Every wait is for a condition; a slow machine only makes it take longer.
@Suite(.serialized)
struct LivePageTests {
  @Test func `a page follows a run that a terminal started, and survives reload and many tabs`()
    throws
  {
    let project = try ProjectFolder()
    let go = project.path + "/go"
    try project.write(
      "paper.yaml",
      pipeline(
        """
          - text: "# What this shows\\n\\nIt measures {{ train.score | .2 }}."
          - stage: train
            run: ["python3", "${inputs.code}", "${outputs.o}", "\(go)"]
            inputs: {code: ./train.py}
            outputs: {o: text}
            sandbox: off
            show: [metrics]
          - stage: after
            run: "cat ${inputs.i} > ${outputs.o}"
            inputs: {i: train.o}
            outputs: {o: text}
            show: [{text: o}]

        """))
    // It goes on when the test has seen the first half.
    try project.write(
      "train.py",
      """
      import json, os, sys, time
      channel = os.fdopen(int(os.environ["PIPELINE_FD"]), "w", buffering=1)
      def say(**message): print(json.dumps(message), file=channel)
      say(type="hello", protocol=1, name="train")
      for step in range(100):
          say(type="metric", name="loss", step=step, value=1 / (step + 1))
          print("step", step, flush=True)
          if step == 49:
              say(type="progress", done=50, total=100, unit="steps", message="half-way")
              while not os.path.exists(sys.argv[2]): time.sleep(0.02)
      open(sys.argv[1], "w").write("made by train")
      say(type="result", outputs=["o"], metrics={"score": 0.75})
      """)
    let server = try LiveServerProcess(project)
    let browser = try Browser()
    defer { browser.close() }
    let page = try browser.open(server.address)
    try page.wait(for: "2 stages to run", in: "#bar-state")
    #expect(try page.evaluate("location.search").string == "", "the token leaves the address bar")

    let run = try project.start(["run", "-q"])
    run.standardError = FileHandle.nullDevice
    try run.run()
    try page.wait(for: "running", in: "#bar-state")
    try page.wait(for: "50 of 100 steps · half-way", in: "#stage-train .live-head")
    try page.wait(for: "step 49", in: "#stage-train .log")
    try page.wait(for: "loss", in: "#stage-train .curve figcaption")
    #expect(
      try page.evaluate("document.querySelector('#stage-train progress').value").double == 0.5)
    try page.wait(
      for:
        "document.querySelector('#stage-train .curve-line').getAttribute('points').split(' ').length >= 40"
    )
    #expect(try page.text("#stage-train .outcome").contains("▶ running"))
    #expect(try page.text("#stage-after .outcome").contains("… queued"))
    #expect(
      try page.evaluate("document.querySelector('.graph a[href=\"#stage-train\"]').ariaLabel")
        .string
        == "train: running")

    // More tabs than a browser has connections for; each follows.
    let tabs = try (0..<7).map { _ in try browser.open(server.address) }
    for tab in tabs {
      // Hidden tabs draw only their title.
      try tab.wait(for: "document.title.startsWith('▶ 0 of 2 done')")
      try tab.send("Page.bringToFront")
      try tab.wait(for: "half-way", in: "#stage-train .live-head")
    }
    try page.send("Page.bringToFront")
    try page.send("Page.reload")
    try page.wait(for: "half-way", in: "#stage-train .live-head")
    try page.wait(
      for:
        "document.querySelector('#stage-train .curve-line')?.getAttribute('points').split(' ').length >= 40"
    )

    try project.write("go", "")
    run.waitUntilExit()
    #expect(run.terminationStatus == 0)
    for tab in [page] + tabs {
      try tab.send("Page.bringToFront")
      try tab.wait(for: "up to date", in: "#bar-state")
      try tab.wait(for: "made by train", in: "#stage-after pre.output")
      try tab.wait(for: "0.75", in: ".prose")
      try tab.wait(for: "0.75", in: "#stage-train .tiles")
      try tab.wait(for: "✓ up to date", in: "#stage-train .outcome")
      #expect(tab.problems == [])
      #expect(tab.requests.allSatisfy { $0.hasPrefix(server.origin) || $0.hasPrefix("data:") })
    }
    // The curve stays when the run is over.
    try page.send("Page.bringToFront")
    try page.wait(for: "0.01", in: "#stage-train .curve b")
  }

  /// Ten stages; the fourth fails as long as its parameter is below its limit.
  private static let tenStages = """
    pipeline: v1
    name: ten
    # What the stages share.
    params: {limit: 3, pace: 0.05}   # the limit is by experience
    cells:
      - stage: s0
        run: "sleep ${params.pace}; echo zero > ${outputs.o}"
        outputs: {o: text}
      - stage: s1
        run: "sleep ${params.pace}; cat ${inputs.i} > ${outputs.o}; echo one >> ${outputs.o}"
        inputs: {i: s0.o}
        outputs: {o: text}
      - stage: words
        uses: wordcount@1
        inputs: {text: s1.o}
        params:
          top: 1   # only the best
        show: [{table: counts}]
      - stage: judge
        run: "echo judging; test ${params.limit} -ge 5 || { echo the limit is too low >&2; exit 3; }; cp ${inputs.i} ${outputs.o}"
        inputs: {i: words.counts}
        outputs: {o: text}

    """
    + (4..<10).map { index in
      """
        - stage: s\(index)
          run: "sleep ${params.pace}; cat ${inputs.i} > ${outputs.o}; echo \(index) >> ${outputs.o}"
          inputs: {i: \(index == 4 ? "judge" : "s\(index - 1)").o}
          outputs: {o: text}
          show: [{text: o}]

      """
    }.joined()

  @Test func `ten stages run, one fails, a parameter is changed in a form, and all succeed`() throws
  {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .resolvingSymlinksInPath().path
    let project = try ProjectFolder(["paper.yaml": Self.tenStages])
    // Copied, so that the sandbox finds it wherever this package's folders are linked to.
    try project.shell("mkdir Stages && cp -rL '\(root)/Docs/examples/wordcount' Stages/")
    let server = try LiveServerProcess(project)
    let browser = try Browser()
    defer { browser.close() }
    let page = try browser.open(server.address)
    try page.wait(for: "10 stages to run", in: "#bar-state")
    #expect(try page.evaluate("document.querySelectorAll('.graph a').length").int == 10)

    // It fails.
    try page.click("#run-all")
    try page.wait(for: "1 stage failed", in: "#bar-state")
    try page.wait(for: "✗ failed", in: "#stage-judge .outcome")
    try page.wait(for: "the limit is too low", in: "#stage-judge")
    try page.wait(for: "○ not run yet", in: "#stage-s9 .outcome")
    try page.wait(for: "✓ up to date", in: "#stage-s1 .outcome")
    try page.wait(
      for:
        "document.querySelector('.graph a[href=\"#stage-judge\"]').getAttribute('class') === 'failed'"
    )

    // A wrong value is refused in words, and the file stays as it is.
    try page.click("#stage-words [data-action=parameters]")
    try page.wait(for: "Parameters of words", in: "#form-title")
    try page.evaluate("document.querySelector('#field-0').value = '-4'")
    try page.click("dialog button.primary")
    try page.wait(for: "must be", in: "dialog .form-problem")
    #expect(project.read("paper.yaml") == Self.tenStages)
    try page.evaluate("document.querySelector('#field-0').value = '2'")
    try page.click("dialog button.primary")
    try page.wait(for: "!document.querySelector('dialog').open")
    try page.wait(for: "◐ stale", in: "#stage-words .outcome")
    try page.wait(for: "param.top 1 → 2", in: "#stage-words .live-why")

    // The cause is removed in the form of the failed stage, and it and what it needs is run.
    try page.click("#stage-judge [data-action=parameters]")
    try page.wait(for: "params.limit", in: "dialog label")
    try page.evaluate(
      "[...document.querySelectorAll('dialog label')].find((l) => l.textContent === 'params.limit').control.value = '5'"
    )
    try page.click("dialog .form-buttons button:nth-child(2)")
    try page.wait(for: "✓ up to date", in: "#stage-judge .outcome")
    try page.wait(for: "✓ up to date", in: "#stage-words .outcome")
    try page.wait(for: "○ not run yet", in: "#stage-s4 .outcome")
    try page.wait(for: "6 stages to run", in: "#bar-state")
    #expect(
      project.read("paper.yaml")
        == Self.tenStages.replacing("limit: 3", with: "limit: 5").replacing(
          "top: 1", with: "top: 2"))

    // All succeed.
    try page.click("#run-all")
    try page.wait(for: "up to date", in: "#bar-state")
    try page.wait(for: "9", in: "#stage-s9 pre.output")
    #expect(try project.record()["status"]?.string == "succeeded")

    // An edit in an editor shows at once, and so does its mistake.
    try project.write("paper.yaml", (project.read("paper.yaml") ?? "") + "  - stage: [\n")
    try page.wait(for: "not valid YAML", in: "#banner")
    try page.wait(for: "document.querySelector('#run-all').disabled")
    try project.write(
      "paper.yaml",
      Self.tenStages.replacing("limit: 3", with: "limit: 6").replacing(
        "echo zero", with: "echo nought"))
    try page.wait(for: "◐ stale", in: "#stage-s0 .outcome")
    try page.wait(for: "document.querySelector('#banner').hidden")

    // A run can be cancelled, a single cell forced.
    try project.write(
      "paper.yaml",
      Self.tenStages.replacing("pace: 0.05", with: "pace: 300").replacing(
        "limit: 3", with: "limit: 7"))
    try page.wait(for: "the command changed", in: "#stage-s0 .live-why")
    try page.click("#run-all")
    try page.wait(for: "▶ running", in: "#stage-s0 .outcome")
    try page.click("#cancel")
    try page.wait(for: "last run was cancelled", in: "#bar-counts")
    try project.write(
      "paper.yaml",
      Self.tenStages.replacing("limit: 3", with: "limit: 5").replacing("top: 1", with: "top: 2"))
    try page.wait(for: "up to date", in: "#bar-state")
    let before = try project.record()["id"]?.string
    try page.click("#stage-s0 [data-action=force]")
    try page.wait(for: "forced", in: "#stage-s0 .pairs")
    #expect(try project.record()["id"]?.string != before)
    #expect(try project.outcomes()["s0"] == "executed")
    #expect(try project.outcomes()["s1"] != "executed")

    // What a run of one cell leaves out keeps what it has to show, stale as it may be.
    try project.write(
      "paper.yaml",
      Self.tenStages.replacing("limit: 3", with: "limit: 5").replacing("top: 1", with: "top: 2")
        .replacing("echo 9", with: "echo nine").replacing("echo zero", with: "echo nil"))
    try page.wait(for: "◐ stale", in: "#stage-s9 .outcome")
    try page.click("#stage-s0 [data-action=run]")
    try page.wait(for: "✓ up to date", in: "#stage-s0 .outcome")
    try page.wait(for: "9 stages to run", in: "#bar-state")
    #expect(try page.text("#stage-s9 .outcome").contains("◐ stale"))
    #expect(try page.text("#stage-s9 pre.output").contains("9"))
    try project.write(
      "paper.yaml",
      Self.tenStages.replacing("limit: 3", with: "limit: 5").replacing("top: 1", with: "top: 2"))
    try page.wait(for: "up to date", in: "#bar-state")

    // A value is taken out of the file, with the map that held nothing else; the default holds then.
    try page.click("#stage-words [data-action=parameters]")
    try page.wait(for: "Parameters of words", in: "#form-title")
    try page.click("dialog .field:has(#field-0) .unset")
    try page.wait(for: "document.querySelector('#field-0').disabled")
    try page.click("dialog button.primary")
    try page.wait(for: "!document.querySelector('dialog').open")
    try page.wait(for: "◐ stale", in: "#stage-words .outcome")
    #expect(
      project.read("paper.yaml")
        == Self.tenStages.replacing("limit: 3", with: "limit: 5").replacing(
          "    params:\n      top: 1   # only the best\n", with: ""))
    try page.click("#stage-words [data-action=parameters]")
    try page.wait(for: "document.querySelector('#field-0')?.placeholder.startsWith('default: ')")
    #expect(page.problems == [])
  }
}
