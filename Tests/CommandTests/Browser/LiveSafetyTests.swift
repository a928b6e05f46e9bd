import Foundation
import StructuredValue
import Testing

/// What a page must withstand, and whom it must serve.
@Suite(.serialized)
struct LiveSafetyTests {
  /// Whoever can make the page run this, can do all that its reader can.
  private static let evil =
    "<img src=x onerror=window.evil=1></script><script>window.evil=1</script>"

  /// A stage that says evil things wherever it can say anything.
  private static let liar = """
    import json, os, sys
    evil = open(sys.argv[1]).read()
    channel = os.fdopen(int(os.environ["PIPELINE_FD"]), "w", buffering=1)
    def say(**message): print(json.dumps(message), file=channel)
    say(type="hello", protocol=1, name=evil)
    say(type="progress", done=1, total=2, unit=evil, message=evil)
    say(type="metric", name=evil, step=1, value=1.5)
    say(type="metric", name=evil, step=2, value=2.5)
    say(type="metric", name="score" + evil, value=7)
    say(type="log", level="info", message=evil)
    say(type="note", markdown=evil)
    print(evil, flush=True)
    print("\\x1b[31mred\\x1b[0m \\x00 \\u202e backwards", flush=True)
    open(sys.argv[2], "w").write('a,b\\n"' + evil.replace('"', '""') + '",2\\n')
    json.dump({"description": evil, "title": evil, "data": {"values": [{"a": evil, "b": 1}]},
      "mark": "bar", "encoding": {"x": {"field": "a", "type": "nominal"}, "y": {"field": "b", "type": "quantitative"}}},
      open(sys.argv[3], "w"))
    say(type="result", outputs=["t", "f"], metrics={evil: 3})
    """

  @Test func `hostile text stays text, wherever it comes from`() throws {
    let evil = Self.evil
    let quoted = Value.string(evil).json()
    let project = try ProjectFolder([
      "paper.yaml": """
      pipeline: v1
      name: hostile
      title: \(quoted)
      params: {note: \(quoted), other: 1}
      cells:
        - text: \(Value.string("# \(evil)\n\n\(evil) [x](javascript:window.evil=1) $\(evil)$").json())
        - stage: liar
          description: \(quoted)
          matrix: {axis: [\(quoted), b]}
          run: ["python3", "${inputs.code}", "${inputs.words}", "${outputs.t}", "${outputs.f}", "${matrix.axis}", "${params.note}"]
          inputs: {code: ./liar.py, words: ./words.txt}
          outputs: {t: table/csv, f: figure/vega-lite}
          show: [metrics, {table: t}, {figure: f}, {text: t}]
        - stage: broken
          run: "cat ${inputs.words} >&2; exit 1"
          inputs: {words: ./words.txt}
        - claim: \(quoted)
          published: {value: 1, source: \(quoted)}
          measured: "broken.score"
          holds: ">= 0.5"
      """, "liar.py": Self.liar, "words.txt": evil,
    ])
    let server = try LiveServerProcess(project)
    let browser = try Browser()
    defer { browser.close() }
    let page = try browser.open(server.address)
    try page.wait(for: "to run", in: "#bar-state")
    try page.click("#run-all")
    try page.wait(for: "1 stage failed", in: "#bar-state")
    try page.wait(for: "2 up to date", in: "#stage-liar .outcome")
    try page.wait(for: "onerror=window.evil", in: "#stage-liar .curve figcaption")
    try page.wait(for: "onerror=window.evil", in: "#stage-broken .log")
    try page.wait(for: "onerror=window.evil", in: "#stage-broken .failure pre")
    // The figure is fetched when it comes into view.
    let figure = "document.querySelector('#stage-liar .panel:not([hidden]) figure.deferred')"
    try page.wait(
      for: "(\(figure)?.scrollIntoView({block: 'center', behavior: 'instant'}), !\(figure))")
    try page.click("#parameters")
    try page.wait(for: "document.querySelector('dialog #field-0').value.includes('onerror')")
    try page.evaluate("document.querySelector('dialog').close()")
    try page.click("#stage-liar [data-action=parameters]")
    try page.wait(for: "document.querySelector('dialog').open")
    #expect(try page.evaluate("window.evil === undefined").bool == true)
    #expect(try page.evaluate("document.querySelectorAll('img[src=x]').length").int == 0)
    #expect(
      try page.evaluate("document.querySelectorAll('[onerror], a[href^=javascript]').length").int
        == 0)
    #expect(page.requests.allSatisfy { $0.hasPrefix(server.origin) || $0.hasPrefix("data:") })
    #expect(page.problems == [])
    try page.send("Page.reload")
    try page.wait(for: "1 stage failed", in: "#bar-state")
    #expect(try page.evaluate("window.evil === undefined").bool == true)
  }

  @Test func `another site, though on this machine, can neither read nor act`() throws {
    let cells = "  - {stage: a, run: 'true'}\n"
    let project = try ProjectFolder(["paper.yaml": pipeline(cells)])
    let other = try ProjectFolder(["paper.yaml": pipeline(cells)])
    let server = try LiveServerProcess(project)
    let foreign = try LiveServerProcess(other, ["--read-only"])
    let browser = try Browser()
    defer { browser.close() }
    let page = try browser.open(server.address)
    try page.wait(for: "1 stage to run", in: "#bar-state")
    // The browser has the cookie of the first server now; the second one's page tries to use it.
    let attacker = try browser.open(foreign.address)
    try attacker.wait(for: "1 stage to run", in: "#bar-state")
    #expect(
      try attacker.evaluate("document.querySelector('#run-all, #cancel, .tools button')") == .null)
    for (target, options) in [
      ("\(server.origin)/state", "{credentials: 'include', mode: 'no-cors'}"),
      (
        "\(server.origin)/run",
        "{method: 'POST', credentials: 'include', mode: 'no-cors', body: '{}'}"
      ),
    ] {
      let outcome = try attacker.evaluate(
        "fetch(\(Value.string(target).json()), \(options)).then(() => 'came', () => 'refused')")
      #expect(outcome.string == "refused", "the page's own policy forbids it")
    }
    // Without a page's policy the server itself refuses, whatever the client.
    let script = """
      import http.client, sys
      def ask(method, path, **headers):
          connection = http.client.HTTPConnection("127.0.0.1", \(server.port), timeout=60)
          connection.putrequest(method, path, skip_host=True)
          for name, value in headers.items(): connection.putheader(name.replace("_", "-"), value)
          connection.endheaders()
          response = connection.getresponse()
          body = response.read().decode()
          return response.status, body, response.headers
      host = "127.0.0.1:\(server.port)"
      token = "\(server.address.split(separator: "=").last ?? "")"
      cookie = "pipeline-\(server.port)=" + token
      results = [
          ask("GET", "/", Host=host)[0],
          ask("GET", "/?token=wrong", Host=host)[0],
          ask("GET", "/state", Host=host)[0],
          ask("GET", "/page.js", Host=host)[0],
          ask("GET", "/view/runs", Host=host)[0],
          ask("GET", "/state", Host="evil.example", Cookie=cookie)[0],
          ask("GET", "/state", Host=host, Cookie=cookie, Origin="http://evil.example")[0],
          ask("POST", "/run", Host=host, Cookie=cookie, Content_Length="0")[0],
          ask("POST", "/run", Host=host, Cookie=cookie, Origin="http://" + host, Content_Length="0")[0],
          ask("GET", "/state", Host=host, Cookie=cookie)[0],
          ask("GET", "/../../../etc/passwd", Host=host, Cookie=cookie)[0],
      ]
      print(results)
      status, body, headers = ask("GET", "/?token=" + token, Host=host)
      print(status, "default-src 'none'" in headers["Content-Security-Policy"],
          "frame-ancestors 'none'" in headers["Content-Security-Policy"],
          "SameSite=Strict" in headers["Set-Cookie"], token in body)
      """
    try project.write("ask.py", script)
    let answers = try project.shell("python3 ask.py")
    #expect(
      answers == """
        [401, 401, 401, 401, 401, 421, 403, 403, 415, 200, 404]
        200 True True True False
        """)
    #expect(try project.run("log").output.contains("0") == false, "nothing ran")
    #expect(page.problems == [])
  }

  @Test(arguments: [1280, 390])
  func `all controls have names, and the page fits its window`(width: Int) throws {
    let project = try ProjectFolder([
      "paper.yaml": pipeline(
        """
          - text: "# A chapter\\n\\n## A section\\n\\nWords."
          - stage: a
            matrix: {k: [1, 2]}
            run: "echo x,y > ${outputs.o}; echo ${matrix.k},${params.n} >> ${outputs.o}"
            outputs: {o: table/csv}
            show: [{table: o}]
          - {stage: b, run: "exit 1", needs: [a]}

        """, head: "params: {n: 1, on: true, names: [x, y]}\n")
    ])
    let server = try LiveServerProcess(project)
    let browser = try Browser()
    defer { browser.close() }
    let page = try browser.open(server.address, width: width)
    try page.wait(for: "3 stages to run", in: "#bar-state")
    try page.click("#run-all")
    try page.wait(for: "1 stage failed", in: "#bar-state")
    try page.wait(for: "2 up to date", in: "#stage-a .outcome")
    #expect(
      try page.evaluate("document.documentElement.scrollWidth <= innerWidth").bool == true,
      "nothing makes the page scroll sideways")
    try check(page, least: 10)
    #expect(
      try page.evaluate(
        "(() => { const tab = getComputedStyle(document.querySelector('.tabs [aria-selected=true]'));"
          + " return tab.color !== tab.backgroundColor; })()"
      ).bool == true, "what is chosen can be read")
    // By keyboard alone: into the form, out of it, and back where one was.
    try page.evaluate("document.querySelector('#stage-b [data-action=parameters]').focus()")
    try press(page, "Enter", "\r", 13)
    try page.wait(for: "Parameters of b", in: "#form-title")
    try press(page, "Escape", "", 27)
    try page.wait(for: "document.activeElement.dataset.action === 'parameters'")
    try page.click("#parameters")
    try page.wait(for: "document.querySelectorAll('dialog .field').length === 3")
    try check(page, least: 6)
    for (view, mark) in [("runs", "table"), ("lineage?of=a", "#target"), ("lineage", "article")] {
      try page.send("Page.navigate", ["url": .string("\(server.origin)/\(view)")])
      try page.wait(for: "document.querySelector('#view \(mark)')")
      try page.wait(for: "1 stage failed", in: "#bar-state")
      #expect(
        try page.evaluate("document.documentElement.scrollWidth <= innerWidth").bool == true,
        "\(view) does not scroll sideways")
      try check(page, least: 5)
    }
    #expect(page.problems == [])
  }

  private func press(_ page: BrowserPage, _ key: String, _ text: String, _ code: Int) throws {
    for kind in ["keyDown", "keyUp"] {
      try page.send(
        "Input.dispatchKeyEvent",
        [
          "type": .string(kind), "key": .string(key),
          "text": .string(kind == "keyDown" ? text : ""),
          "windowsVirtualKeyCode": .int(code),
        ])
    }
  }

  /// Every control of the accessibility tree has a name, and states are said in words.
  private func check(_ page: BrowserPage, least: Int) throws {
    let nodes = try page.send("Accessibility.getFullAXTree")["nodes"]?.list ?? []
    let roles: Set<String> = [
      "button", "link", "textbox", "combobox", "checkbox", "progressbar", "tab", "dialog",
      "region", "group", "log", "image", "figure", "spinbutton",
    ]
    var controls = 0
    for node in nodes where node["ignored"]?.bool != true {
      let role = node["role"]?["value"]?.string ?? ""
      // A figure and an unnamed `details` element are no controls.
      guard roles.contains(role), role != "figure" else { continue }
      let name = node["name"]?["value"]?.string ?? ""
      if role == "group", node["properties"] == nil || name.isEmpty { continue }
      controls += 1
      #expect(!name.isEmpty, "\(role) without a name: \(node.json())")
    }
    #expect(controls >= least)
  }
}
