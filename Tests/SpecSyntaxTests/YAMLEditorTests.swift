import SpecSyntax
import StructuredValue
import Testing

struct YAMLEditorTests {
  private func edited(
    _ text: String, _ path: String, _ value: Value, spelling: String? = nil,
    after neighbours: [String] = []
  ) throws -> String {
    var editor = YAMLEditor(text, file: "f.yaml")
    let steps = path.split(separator: ".").map { step in
      Int(step).map { YAMLEditor.Step.index($0) } ?? .key(String(step))
    }
    try editor.set(steps, to: value, spelling: spelling, after: neighbours)
    return editor.text
  }

  /// Each layout with what it becomes; all else stays byte for byte.
  @Test(
    arguments: [
      ("a: 1\n", "a", 2, "a: 2\n"),
      ("a: 1", "a", 2, "a: 2"),
      ("a:   1   # why\n", "a", 2, "a:   2   # why\n"),
      ("a: 1# no comment\n", "a", 2, "a: 2\n"),
      ("? a\n: 1 # c\n", "a", 2, "? a\n: 2 # c\n"),
      ("# top\n\na: {b: 1, c: 2} # end\n", "a.b", 3, "# top\n\na: {b: 3, c: 2} # end\n"),
      ("a: { b : 1 , c: [1, 2] }\n", "a.c", [1, 3], "a: { b : 1 , c: [1, 3] }\n"),
      ("a: {b: x}\n", "a.b", "y z", "a: {b: y z}\n"),
      ("a: {b: x}\n", "a.b", "y, z", "a: {b: \"y, z\"}\n"),
      ("a: 'it''s # me'  # c\n", "a", "it's: you", "a: 'it''s: you'  # c\n"),
      ("a: \"x \\\" # y\" # c\n", "a", "z", "a: \"z\" # c\n"),
      ("a: x\n", "a", "true", "a: \"true\"\n"),
      ("a: x\n", "a", "", "a: \"\"\n"),
      ("a: 'x'\n", "a", 3, "a: 3\n"),
      (
        "a:\n  b:\n    c: 1 # deep\n  # after\nd: 2\n", "a.b.c", 5,
        "a:\n  b:\n    c: 5 # deep\n  # after\nd: 2\n"
      ),
      ("a:\n  1\nb: 2\n", "a", 7, "a:\n  7\nb: 2\n"),
      ("a: one\n  two\n  three # c\nb: 2\n", "a", "four", "a: four # c\nb: 2\n"),
      ("a:\nb: 2\n", "a", 1, "a: 1\nb: 2\n"),
      ("a: # empty\nb: 2\n", "a", 1, "a: 1 # empty\nb: 2\n"),
      ("a: {b: , c: 1}\n", "a.b", 2, "a: {b: 2 , c: 1}\n"),
      ("a: &x 1\nb: 2\n", "a", 3, "a: &x 3\nb: 2\n"),
      ("a: &x 1\nb: *x\n", "b", 3, "a: &x 1\nb: 3\n"),
      (
        "a: &x {k: 1}\nb:\n  <<: *x\n  l: 2\n", "b.k", 3,
        "a: &x {k: 1}\nb:\n  <<: *x\n  l: 2\n  k: 3\n"
      ),
      ("\"a b\": 1\n'c': 2\n", "a b", 3, "\"a b\": 3\n'c': 2\n"),
      ("a: http://x.y/z#f # c\n", "a", "http://q", "a: \"http://q\" # c\n"),
      (
        "a: |\n  one\n  two\n\n# c\nb: 1\n", "a", "three\nfour\n",
        "a: |\n  three\n  four\n\n# c\nb: 1\n"
      ),
      ("a: >-\n  one\n  two\nb: 1\n", "a", "three", "a: three\nb: 1\n"),
      ("a:\n  - 1\n  # two is next\n  - 2\nb: 1\n", "a", [3], "a: [3]\nb: 1\n"),
      ("a:\n- 1\n- 2\nb: 1\n", "a", [3], "a: [3]\nb: 1\n"),
      ("a:\n- {b: 1}\n-  c: 2\n   d: 3\n", "a.1.d", 4, "a:\n- {b: 1}\n-  c: 2\n   d: 4\n"),
      ("a:\n- 1\n- 2 # c\n", "a.1", 4, "a:\n- 1\n- 4 # c\n"),
      ("a: [1, 'x]', 3] # c\n", "a", [1], "a: [1] # c\n"),
      ("a: [\n  1, # one\n  2\n]\nb: 1\n", "a", [1], "a: [1]\nb: 1\n"),
      ("a: 1\r\nb: 2\r\n", "a", 3, "a: 3\r\nb: 2\r\n"),
      ("ä: \"😀\"\nb: {ü: 1, x: 2}\n", "b.x", 3, "ä: \"😀\"\nb: {ü: 1, x: 3}\n"),
    ] as [(String, String, Value, String)])
  func `a value changes and nothing else`(
    text: String, path: String, value: Value, wanted: String
  ) throws {
    #expect(try edited(text, path, value) == wanted)
  }

  @Test(
    arguments: [
      ("a: {b: 1}\n", "a.c", 2, "a: {b: 1, c: 2}\n"),
      ("a: {b: 1, }\n", "a.c", 2, "a: {b: 1, c: 2, }\n"),
      ("a: {}\n", "a.c", 2, "a: {c: 2}\n"),
      ("a:\n", "a.c", 2, "a: {c: 2}\n"),
      ("a:\n  b: 1 # one\n\nd: 1\n", "a.c", 2, "a:\n  b: 1 # one\n  c: 2\n\nd: 1\n"),
      (
        "a:\n  b:\n    - 1\n    - 2\n# d is next\nd: 1\n", "a.c", 2,
        "a:\n  b:\n    - 1\n    - 2\n  c: 2\n# d is next\nd: 1\n"
      ),
      ("a:\n  b: |\n    text\n", "a.c", 2, "a:\n  b: |\n    text\n  c: 2\n"),
      ("a:\n  b: 1", "a.c", 2, "a:\n  b: 1\n  c: 2"),
      ("a: 1\r\nb:\r\n  c: 2\r\n", "b.d", 3, "a: 1\r\nb:\r\n  c: 2\r\n  d: 3\r\n"),
      ("a: 1\n", "b.c", "x", "a: 1\nb: {c: x}\n"),
      ("- {s: x}\n- s: y\n  t: 1\n", "0.p.q", 2, "- {s: x, p: {q: 2}}\n- s: y\n  t: 1\n"),
    ] as [(String, String, Value, String)])
  func `a key is added where its map is`(
    text: String, path: String, value: Value, wanted: String
  ) throws {
    #expect(try edited(text, path, value) == wanted)
  }

  @Test func `a new key stands after the neighbour that is named`() throws {
    let text = "cells:\n  - stage: a\n    uses: x@1  # the one\n    show: [metrics]\n"
    let wanted =
      "cells:\n  - stage: a\n    uses: x@1  # the one\n    params: {lr: 1e-3}\n    show: [metrics]\n"
    #expect(
      try edited(
        text, "cells.0.params", ["lr": 0.001], spelling: "{lr: 1e-3}", after: ["inputs", "uses"])
        == wanted)
  }

  @Test func `numbers stay as their author spells them`() throws {
    #expect(try edited("a: 0.1\n", "a", 0.001, spelling: "1e-3") == "a: 1e-3\n")
    #expect(try edited("a: 0.1\n", "a", 0.5, spelling: "0.50") == "a: 0.50\n")
    #expect(try edited("a: 0.1\n", "a", 0.5, spelling: "[0.5]") == "a: 0.5\n", "another value")
    #expect(
      try edited("a: [1]\n", "a", [1, 2.5], spelling: "[1,  2.50]") == "a: [1,  2.50]\n")
    #expect(try edited("a: 1\n", "a", 1) == "a: 1\n")
  }

  @Test(
    arguments: [
      ("a: &x 1\nb: *x\n", "a", 2, "anchors"),
      ("a: &x {k: 1}\nb: *x\n", "b.k", 2, "alias"),
      ("a: &x {k: 1}\nb: *x\n", "a.k", 2, "anchors"),
      ("a: 1\n", "a.b", 2, "no place"),
      ("a: [1]\n", "a.3", 2, "no place"),
      ("a: [1\n", "a", 2, "not valid YAML"),
      ("!!str a: 1\n", "a", 2, "unusual"),
    ] as [(String, String, Value, String)])
  func `what cannot be done well is refused and changes nothing`(
    text: String, path: String, value: Value, words: String
  ) {
    let error = #expect(throws: YAMLEditError.self) { try edited(text, path, value) }
    #expect(error?.description.contains(words) ?? false, "\(error?.description ?? "")")
  }

  @Test(
    arguments: [
      ("a: 1\nb: 2 # gone\nc: 3\n", "b", "a: 1\nc: 3\n"),
      ("a: 1\nb: 2", "b", "a: 1"),
      ("a: 1\r\nb: 2\r\nc: 3\r\n", "b", "a: 1\r\nc: 3\r\n"),
      ("a: {b: 1, c: 2, d: 3} # end\n", "a.b", "a: {c: 2, d: 3} # end\n"),
      ("a: {b: 1, c: 2, d: 3}\n", "a.c", "a: {b: 1, d: 3}\n"),
      ("a: {b: 1, c: [2, {x: 3}]}\n", "a.c", "a: {b: 1}\n"),
      ("a: {b: 1, # one\n  c: 2}\n", "a.c", "a: {b: 1, # one\n  }\n"),
      ("a: {b: 1, # one\n  c: 2}\n", "a.b", "a: { # one\n  c: 2}\n"),
      ("a: {b: 1}\nc: 2\n", "a.b", "c: 2\n"),
      ("a:\n  b:\n    - 1\n    - 2\n  c: 3\n", "a.b", "a:\n  c: 3\n"),
      ("a:\n  b: |\n    x\n\n    y\n  # of c\n  c: 3\n", "a.b", "a:\n  # of c\n  c: 3\n"),
      (
        "- s: x\n  params:\n    lr: 1e-3 # why\n  show: [m]\n", "0.params.lr",
        "- s: x\n  show: [m]\n"
      ),
      ("- s: x\n  t: 1\n", "0.s", "- t: 1\n"),
      ("a:\nb: 1\n", "a", "b: 1\n"),
    ] as [(String, String, String)])
  func `a key is taken out, with an empty map around it`(
    text: String, path: String, wanted: String
  ) throws {
    var editor = YAMLEditor(text, file: "f.yaml")
    try editor.remove(
      path.split(separator: ".").map { step in
        Int(step).map { YAMLEditor.Step.index($0) } ?? .key(String(step))
      })
    #expect(editor.text == wanted)
  }

  @Test(
    arguments: [
      ("a: {b: 1} # of a\n", "a: {} # of a\n"), ("a:\n  b: 1 # of b\nc: 2\n", "a: {}\nc: 2\n"),
    ])
  func `an emptied map can stay`(text: String, wanted: String) throws {
    var editor = YAMLEditor(text, file: "f.yaml")
    try editor.remove([.key("a"), .key("b")], withEmptyMap: false)
    #expect(editor.text == wanted)
  }

  @Test(
    arguments: [
      ("a: &x 1\nb: *x\n", ["a"], "anchors"), ("a: 1\n", ["b"], "no place"),
      ("a: &x {k: 1}\nb:\n  <<: *x\n  l: 2\n", ["b", "k"], "no place"),
      ("- s: x\n  # of t\n  t: 1\n", ["0", "s"], "by hand"),
    ] as [(String, [String], String)])
  func `a key that others need stays`(text: String, path: [String], words: String) {
    var editor = YAMLEditor(text, file: "f.yaml")
    let error = #expect(throws: YAMLEditError.self) {
      try editor.remove(path.map { Int($0).map { YAMLEditor.Step.index($0) } ?? .key($0) })
    }
    #expect(error?.description.contains(words) ?? false, "\(error?.description ?? "")")
    #expect(editor.text == text)
  }

  /// Every scalar of a real file is changed in turn; reading back is part of each change, and the
  /// number of lines shows that the layout stays.
  @Test func `every value of a long file can be changed without a trace elsewhere`() throws {
    let text = """
      # A pipeline of many styles
      pipeline: v1
      params: {devices: [pixel3, raspi4], lr: 1e-3, name: 'it''s'}   # by hand
      profiles:
        quick: {devices: [pixel3]}
        # nothing in here yet
        full:
          devices:
            - pixel3   # first
            - "raspi 4"

      cells:
        - text: |
            # One proxy device
              indented: not a key
            Rank {{ srcc.lowest | .2 }}.
        - stage: tables
          uses: fetch@1
          params: {files: [{url: "https://a.example/#x", sha256: 9f2c}]}
        -   stage: model
            uses: predictor@2
            matrix: {device: "${params.devices}"}
            params:
              device: "${matrix.device}"
              note: a plain text
                over two lines
              rate: 0.5  # why
        - claim: >
            It carries over
            to others.
          holds: ">= 0.9"

      """
    let (node, _) = YAMLReader.read(text, file: "f")
    var paths: [[YAMLEditor.Step]] = []
    func walk(_ value: Value, _ path: [YAMLEditor.Step]) {
      switch value {
      case .map(let map): for (key, member) in map { walk(member, path + [.key(key)]) }
      case .list(let list):
        for (index, item) in list.enumerated() { walk(item, path + [.index(index)]) }
      default: paths.append(path)
      }
    }
    walk(try #require(node?.value), [])
    #expect(paths.count == 21)
    for path in paths {
      var editor = YAMLEditor(text, file: "f")
      try editor.set(path, to: 4711)
      let old = text.split(separator: "\n", omittingEmptySubsequences: false)
      let new = editor.text.split(separator: "\n", omittingEmptySubsequences: false)
      let kept = Set(old).subtracting(new)
      #expect(kept.count <= 4, "\(path): \(kept)")
      #expect(editor.text.contains("4711"))
      #expect(new.last == old.last)
      for comment in ["# by hand", "# nothing in here yet", "# why", "# first"] {
        #expect(editor.text.contains(comment), "\(path) lost \(comment)")
      }
    }
  }
}
