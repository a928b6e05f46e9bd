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
}
