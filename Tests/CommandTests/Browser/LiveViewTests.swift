import Foundation
import StructuredValue
import Testing

/// Runs, changes and lineage in the page, and several runs at once.
@Suite(.serialized)
struct LiveViewTests {
  @Test func `two runs are picked and compared, and an artifact is followed both ways`() throws {
    let project = try ProjectFolder([
      "paper.yaml": pipeline(
        """
          - stage: measure
            run: ["python3", "${inputs.code}", "${params.height}", "${outputs.t}", "${outputs.f}"]
            inputs: {code: ./measure.py}
            outputs: {t: table/csv, f: figure/vega-lite}
            show: [{figure: f}]
          - stage: use
            run: "cat ${inputs.t} > ${outputs.o}"
            inputs: {t: measure.t}
            outputs: {o: text}
          - claim: It is high.
            measured: measure.height
            holds: ">= 3"

        """, head: "params: {height: 2}\n"),
      "measure.py": """
      import json, os, sys
      height = int(sys.argv[1])
      channel = os.fdopen(int(os.environ["PIPELINE_FD"]), "w", buffering=1)
      def say(**message): print(json.dumps(message), file=channel)
      say(type="hello", protocol=1, name="measure")
      rows = [{"name": "x", "value": height}, {"name": "y", "value": 1}]
      open(sys.argv[2], "w").write("name,value\\n" + "".join(f"{r['name']},{r['value']}\\n" for r in rows))
      json.dump({"data": {"values": rows}, "mark": "bar", "encoding": {"x": {"field": "name"},
        "y": {"field": "value", "type": "quantitative"}}}, open(sys.argv[3], "w"))
      say(type="result", outputs=["t", "f"], metrics={"height": height})
      """,
    ])
    try project.run("run", "-q")
    try project.run("run", "-q", "--set", "height=4")
    let server = try LiveServerProcess(project)
    let browser = try Browser()
    defer { browser.close() }
    let page = try browser.open(server.address)
    try page.wait(for: "up to date", in: "#bar-state")
    // The figure is drawn when it comes into view, and reacts soon after.
    try page.wait(
      for: "(document.querySelector('#stage-measure figure').scrollIntoView(), "
        + "document.querySelector('#stage-measure figure.awake'))")

    try page.click(".bar-views a[href='/runs']")
    try page.wait(for: "document.querySelectorAll('.run-list tbody tr').length === 2")
    try page.click("#compare")
    try page.wait(for: "What changed", in: "#view h1")
    #expect(
      try page.evaluate(
        "[...document.querySelectorAll('#view section > h2')].map((h) => h.textContent)"
      )
      .list?.prefix(4) == ["Claims", "Metrics", "Why", "Outputs"])
    try page.wait(for: "✗ fails", in: "#claims .turned td:nth-child(2)")
    try page.wait(for: "✓ holds", in: "#claims .turned td:nth-child(3)")
    try page.wait(for: "command", in: "#causes .origins")
    try page.wait(for: "measure.t", in: "#outputs")
    // Both states of the figure, in one on demand.
    try page.click("#outputs .pair-tools button")
    try page.wait(for: "document.querySelector('.figure-pair.overlay .both').checkVisibility()")
    try page.click(".view-nav a:nth-child(2)")
    try page.wait(for: "✗ fails", in: "#claims .turned td:nth-child(3)")

    // By names of git, too, and by ones that nobody has.
    try project.shell("git add paper.yaml && git commit -qm one")
    try page.click(".bar-views a[href='/runs']")
    try page.wait(for: "document.querySelector('#compare')")
    try page.evaluate("document.querySelector('[name=before-name]').value = 'no-such-tag'")
    try page.click("#compare")
    try page.wait(for: "no-such-tag", in: ".view-problem")

    // Backwards and forwards.
    try page.send("Page.navigate", ["url": .string(server.origin)])
    try page.click("#stage-measure .tools a")
    try page.wait(for: "Where it comes from", in: "#target")
    try page.wait(for: "measure.py", in: "#target .tree")
    try page.wait(for: "use", in: "#target")
    try page.wait(for: "It is high", in: "#target")
    try page.click("article a[href='/lineage?of=use.o']")
    try page.wait(for: "use.o", in: "#target h2")
    try page.wait(for: "measure.t", in: "#target .tree")
    #expect(page.problems == [])
    #expect(page.requests.allSatisfy { $0.hasPrefix(server.origin) || $0.hasPrefix("data:") })
  }

  @Test func `two runs at once are both followed, and one is cancelled without the other`() throws {
    let project = try ProjectFolder()
    let cells = ["left", "right"].map { name in
      """
        - stage: \(name)
          run: "echo \(name) begins; while ! test -e \(project.path)/go; do sleep 0.05; done; echo \(name) > ${outputs.o}"
          outputs: {o: text}
          sandbox: off

      """
    }
    try project.write("paper.yaml", pipeline(cells.joined()))
    let server = try LiveServerProcess(project)
    let browser = try Browser()
    defer { browser.close() }
    let page = try browser.open(server.address)
    try page.wait(for: "2 stages to run", in: "#bar-state")
    let run = try project.start(["run", "-q", "--only", "left"])
    run.standardError = FileHandle.nullDevice
    try run.run()
    try page.wait(for: "left begins", in: "#stage-left .log")
    #expect(try page.text("#stage-right .outcome").contains("not run yet"))
    try page.click("#stage-right [data-action=run]")
    try page.wait(for: "right begins", in: "#stage-right .log")
    try page.wait(for: "2 runs", in: "#bar-state")
    try page.wait(for: "▶ running", in: "#stage-left .outcome")
    try page.wait(for: "at right", in: "#bar-runs li:nth-child(1)")
    try page.wait(for: "at left", in: "#bar-runs li:nth-child(2)")
    // What a run has still to do is not started once more.
    try page.click("#stage-right [data-action=run]")
    try page.wait(for: "right is still to be done", in: "#banner")
    try page.send("Page.reload")
    try page.wait(for: "2 runs", in: "#bar-state")
    try page.click("#bar-runs li:nth-child(1) button")
    try page.wait(for: "0 of 1 done", in: "#bar-counts")
    try page.wait(for: "▶ running", in: "#stage-left .outcome")
    try page.wait(for: "document.querySelector('#bar-runs').hidden")
    try page.wait(for: "not run yet", in: "#stage-right .outcome")
    try project.write("go", "")
    run.waitUntilExit()
    #expect(run.terminationStatus == 0)
    try page.wait(for: "✓ up to date", in: "#stage-left .outcome")
    try page.wait(for: "1 stage to run", in: "#bar-state")
    #expect(page.problems == [])
  }
}
