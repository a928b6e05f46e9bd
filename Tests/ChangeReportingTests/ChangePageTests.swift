import ChangeReporting
import ContentHashing
import Foundation
import Notebook
import RunRecord
import StructuredValue
import Testing

struct ChangePageTests {
  private func page(_ runs: SampleRuns, _ drawer: RecordingDrawer) -> String {
    ChangePage.render(
      ChangeReport(from: runs.before, to: runs.after), artifacts: runs.artifacts, figures: drawer
    ).html
  }

  @Test func `a claim that turned comes first, and metrics say whether they are better`() throws {
    let html = page(SampleRuns(), RecordingDrawer())
    let turned = try #require(html.range(of: "<tr class=\"turned\"><td>Turns plain"))
    let stayed = try #require(html.range(of: "<tr><td>Stays plain"))
    #expect(turned.lowerBound < stayed.lowerBound)
    for text in [
      "1 claim with another verdict", "4 metrics (2 better, 2 worse)", "▲</span> better",
      "▼</span> worse", "data-sort=\"0.25\"", "<del>plain2</del> → <ins>plain3</ins>",
      "<del>- slope: 2</del>", "<ins>+ slope: 3</ins>",
    ] {
      #expect(html.contains(text), "\(text)")
    }
  }

  @Test func `figures stand side by side, and on common axes where they show the same fields`()
    throws
  {
    let drawer = RecordingDrawer()
    let html = page(SampleRuns(), drawer)
    #expect(html.components(separatedBy: "<figure class=\"before\">").count == 3)
    #expect(html.components(separatedBy: "<figure class=\"both\">").count == 3)
    // Two figures of two devices, and what lays each pair over each other.
    #expect(drawer.asked.count == 6)
    let both = try Value(json: drawer.asked[2])
    #expect(both["layer"]?.list?.count == 2)
    #expect(both["layer"]?.list?.first?["mark"] == ["type": "line", "opacity": 0.3])
    #expect(both["layer"]?.list?.last?["mark"] == "line")
    #expect(both["layer"]?.list?.last?["title"] == nil)
  }

  @Test func `figures of other fields, facets or named data are not laid over each other`() {
    for (old, new) in [
      (#""encoding":{"x":{"field":"n"}}"#, #""encoding":{"x":{"field":"m"}}"#),
      (#""encoding":{"column":{"field":"n"}}"#, #""encoding":{"column":{"field":"m"}}"#),
      (#""datasets":{"a":[]}"#, #""datasets":{"a":[1]}"#),
    ] {
      var runs = SampleRuns()
      for (path, text) in [(\SampleRuns.before, old), (\.after, new)] {
        runs[keyPath: path].instances[1].outputs[0].digest =
          runs.artifacts.add("{\"mark\":\"bar\",\(text)}")
        runs[keyPath: path].instances.removeLast()
      }
      let drawer = RecordingDrawer()
      #expect(!page(runs, drawer).contains("class=\"both\""))
      #expect(drawer.asked.count == 2)
    }
  }

  @Test func `a figure that is gone from the store is named as missing`() {
    var runs = SampleRuns()
    runs.before.instances[1].outputs[0].digest = .of("gone")
    #expect(
      page(runs, RecordingDrawer()).contains("<strong>Not drawn.</strong> The store has no file."))
  }

  @Test func `hostile text stays text`() {
    let attack = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&`"
    let html = page(SampleRuns(text: attack), RecordingDrawer())
    #expect(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"))
    #expect(!html.contains("<script>alert"))
    #expect(!html.contains("<img src=x"))
  }

  @Test func `nothing is loaded, and only the page's own scripts may run`() throws {
    let html = page(SampleRuns(), RecordingDrawer())
    #expect(html.contains("default-src 'none'"))
    #expect(!html.contains("src=\"http"))
    let scripts = html.components(separatedBy: "<script>").count - 1
    let policy = try #require(
      html.components(separatedBy: "script-src ").last?.prefix { $0 != ";" })
    #expect(policy.split(separator: " ").count == scripts)
  }
}
