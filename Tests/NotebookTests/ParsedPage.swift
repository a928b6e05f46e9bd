import Foundation

/// A page as Python's HTML parser reads it.
struct ParsedPage: Decodable {
  struct Element: Decodable {
    var tag: String
    var attributes: [String: String]
  }

  var elements: [Element]
  /// All text outside of scripts and styles.
  var text: String
  /// The contents of script elements.
  var scripts: [String]
  /// Tags that were closed in the wrong order or not at all.
  var unbalanced: [String]

  var identifiers: [String] { elements.compactMap { $0.attributes["id"] } }
  func all(_ tag: String) -> [Element] { elements.filter { $0.tag == tag } }

  init(_ html: String) throws {
    let folder = FileManager.default.temporaryDirectory
    let input = folder.appendingPathComponent("page-\(UUID().uuidString).html")
    let output = input.appendingPathExtension("json")
    defer { for file in [input, output] { try? FileManager.default.removeItem(at: file) } }
    try Data(html.utf8).write(to: input)
    try Data().write(to: output)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "-c", ParsedPage.script, input.path]
    process.standardOutput = try FileHandle(forWritingTo: output)
    try process.run()
    process.waitUntilExit()
    self = try JSONDecoder().decode(ParsedPage.self, from: Data(contentsOf: output))
  }

  private static let script = """
    import json, sys
    from html.parser import HTMLParser
    VOID = {"meta", "link", "br", "hr", "img", "input", "col"}
    class Reader(HTMLParser):
        def __init__(self):
            super().__init__()
            self.stack, self.elements, self.text, self.scripts, self.bad = [], [], [], [], []
        def handle_starttag(self, tag, attrs):
            self.elements.append({"tag": tag, "attributes": {k: v or "" for k, v in attrs}})
            if tag not in VOID: self.stack.append(tag)
        def handle_startendtag(self, tag, attrs):
            self.elements.append({"tag": tag, "attributes": {k: v or "" for k, v in attrs}})
        def handle_endtag(self, tag):
            if not self.stack or self.stack.pop() != tag: self.bad.append(tag)
        def handle_data(self, data):
            inside = self.stack[-1] if self.stack else ""
            if inside == "script": self.scripts.append(data)
            elif inside != "style": self.text.append(data)
    reader = Reader()
    reader.feed(open(sys.argv[1], encoding="utf-8").read())
    reader.close()
    json.dump({"elements": reader.elements, "text": "".join(reader.text),
               "scripts": reader.scripts, "unbalanced": reader.bad + reader.stack}, sys.stdout)
    """
}
