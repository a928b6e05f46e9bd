import Notebook
import Testing

struct SVGFilterTests {
  private func filtered(_ content: String) -> String {
    let svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 9 9\">\(content)</svg>"
    let result = SVGFilter.filter(svg, prefix: "p-", label: "L") ?? ""
    let start = "<svg aria-label=\"L\" role=\"img\" viewBox=\"0 0 9 9\">"
    #expect(result.hasPrefix(start))
    return String(result.dropFirst(start.count).dropLast("</svg>".count))
  }

  @Test(
    arguments: [
      // Numbers to a hundredth of a pixel, in all ways of writing them.
      (
        "<path d=\"M1.23456,-0.001L.5.25e1-7,10A1.5,2,0,0,1,3.14159,2\"/>",
        "<path d=\"M1.23,0L.5 2.5-7,10A1.5,2,0,0,1,3.14,2\"/>"
      ),
      ("<path d=\"M0,1.0000001e-7L12.999,1\"/>", "<path d=\"M0,0L13,1\"/>"),
      // What draws nothing, and what says what holds anyway.
      (
        "<g><path class=\"background\" d=\"\"/><g></g></g><rect opacity=\"1\" transform=\"translate(0,0)\" width=\"2\"/>",
        "<rect width=\"2\"/>"
      ),
      // What a group's elements have in common, but not what groups do not hand down.
      (
        "<g><rect fill=\"red\" opacity=\".5\" x=\"1\"/><rect fill=\"red\" opacity=\".5\" x=\"2\"/></g>",
        "<g fill=\"red\"><rect opacity=\".5\" x=\"1\"/><rect opacity=\".5\" x=\"2\"/></g>"
      ),
      (
        "<g fill=\"blue\"><rect fill=\"red\"/><rect fill=\"red\"/></g>",
        "<g fill=\"blue\"><rect fill=\"red\"/><rect fill=\"red\"/></g>"
      ),
      ("<g><rect fill=\"red\"/><rect/></g>", "<g><rect fill=\"red\"/><rect/></g>"),
      // Marks are told by the label of the whole.
      ("<circle aria-label=\"x: 1\" role=\"graphics-symbol\" r=\"2\"/>", "<circle r=\"2\"/>"),
      ("<text x=\"1\"> a &lt; b </text>", "<text x=\"1\"> a &lt; b </text>"),
    ])
  func `what draws the same stays, in fewer bytes`(content: String, wanted: String) {
    #expect(filtered(content) == wanted)
  }

  @Test func `where something is enlarged, numbers stay as they are`() {
    let content = "<g transform=\"scale(100)\"><rect x=\"0.0123\"/></g>"
    #expect(filtered(content) == content)
  }

  @Test(arguments: ["", "<svg>", "<p/>"])
  func `what is no drawing gives none`(svg: String) {
    #expect(SVGFilter.filter(svg, prefix: "p", label: "L") == nil)
  }
}
