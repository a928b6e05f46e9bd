import Foundation
import RunRecord
import StructuredValue

extension PageWriter {
  /// The line below the title: when, from which commit, how it went.
  func masthead() -> String {
    var html = "<header class=\"masthead\"><h1 id=\"page-title\">\(HTML.escape(title))</h1>"
    if !options.authors.isEmpty {
      html += HTML.element("p", class: "authors", options.authors.joined(separator: ", "))
    }
    var facts = [HTML.element("time", RunTime.day(record.started))]
    if let source = record.source, let commit = source.commit {
      let state = source.dirty ? " with changes" : ""
      facts.append("commit <code>\(HTML.escape(commit.prefix(9)))</code>\(state)")
    }
    if let profile = record.profile { facts.append("profile \(HTML.escape(profile))") }
    let counts = OutcomeMark.counts(record.instances)
    if !counts.isEmpty { facts.append("<a href=\"#pipeline\">stages: \(counts)</a>") }
    // Times are whole seconds: none passed in a run of hits, or on a page before any run.
    if let seconds = RunTime.seconds(record.started, record.finished), seconds > 0 {
      facts.append(HTML.escape(NumberText.duration(seconds)))
    }
    if record.status == .interrupted { facts.append("<b>interrupted</b>") }
    return html + "<p class=\"facts\">\(facts.joined(separator: "<span> · </span>"))</p></header>\n"
  }

  var title: String {
    let title = record.title.trimmingCharacters(in: .whitespacesAndNewlines)
    return title.isEmpty ? (record.name.isEmpty ? record.file : record.name) : title
  }

  /// Chapters and their sections.
  func contents() -> String {
    let shown = headings.filter { $0.level <= 3 }
    guard shown.count > 1 else { return "" }
    var html = "<nav class=\"contents\" aria-label=\"Contents\"><details open><summary>Contents"
    html += "</summary><ol>"
    for heading in shown {
      html += "<li class=\"level-\(heading.level)\"><a href=\"#\(heading.identifier)\">"
      html += "\(HTML.escape(heading.text))</a></li>"
    }
    html += "<li class=\"level-2\"><a href=\"#pipeline\">The pipeline</a></li>"
    html += "<li class=\"level-2\"><a href=\"#provenance\">Provenance</a></li>"
    return html + "</ol></details></nav>\n"
  }

  func pipeline() -> String {
    let graph = StageGraph(record, anchors, edges: options.edges)
    var html = "<section class=\"back\" id=\"pipeline\"><h2>The pipeline</h2>"
    html += "<p class=\"aside\">\(NumberText.grouped(record.instances.count)) stage instances: "
    html += "\(OutcomeMark.counts(record.instances)). Each box leads to its stage.</p>"
    if !graph.nodes.isEmpty {
      html += "<div class=\"graph-frame\" tabindex=\"0\" role=\"region\" "
      html += "aria-label=\"Stages of the pipeline\">\(GraphDrawing(graph).svg())</div>"
    }
    return html + withoutCell() + "</section>\n"
  }

  mutating func provenance() -> String {
    var html = "<section class=\"back\" id=\"provenance\"><h2>Provenance</h2>"
    html += PageWriter.pairs(runFacts())
    html += PageWriter.section("To reproduce this page")
    html += "<pre class=\"commands\" tabindex=\"0\">\(HTML.escape(commands()))</pre>"
    if !record.parameters.isEmpty {
      languages.insert("json")
      let json = Value.map(record.parameters).json(indented: true)
      html += HTML.details("Parameters of the pipeline", PageWriter.source(json, "json"))
    }
    for file in record.specification {
      languages.insert("yaml")
      html += HTML.details(
        "<code>\(HTML.escape(file.path))</code>", PageWriter.source(file.text, "yaml"))
    }
    return html + "</section>\n"
  }

  private static func source(_ text: String, _ language: String) -> String {
    let limit = 64 << 10
    let isLong = text.utf8.count > limit
    let shown = isLong ? String(decoding: text.utf8.prefix(limit), as: UTF8.self) + "\n…" : text
    return
      "<pre tabindex=\"0\"><code class=\"language-\(language)\">\(HTML.escape(shown))</code></pre>"
  }

  private func runFacts() -> [(String, String)] {
    var facts = [
      ("Run", PageWriter.code(record.id)), ("Started", HTML.escape(record.started)),
      ("Finished", HTML.escape(record.finished)), ("Status", HTML.escape(record.status.rawValue)),
    ]
    if let source = record.source {
      if let commit = source.commit { facts.append(("Commit", PageWriter.code(commit))) }
      if let branch = source.branch { facts.append(("Branch", PageWriter.code(branch))) }
      if let remote = source.remote { facts.append(("Repository", PageWriter.code(remote))) }
      facts.append(
        (
          "Work tree",
          source.dirty
            ? "with uncommitted changes, kept as tree \(PageWriter.code(source.snapshot ?? "?"))"
            : "clean"
        ))
    } else {
      facts.append(("Source", "not in a git repository"))
    }
    facts.append(("Profile", HTML.escape(record.profile ?? "none")))
    if !record.overrides.isEmpty {
      facts.append(("Overrides", PageWriter.code(overrides.joined(separator: " "))))
    }
    facts.append(("Platform", HTML.escape(record.platform)))
    facts.append(("Tool", HTML.escape("pipeline \(record.tool.version)")))
    return facts
  }

  private var overrides: [String] {
    record.overrides.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.text)" }
  }

  private func commands() -> String {
    var lines: [String] = []
    if let source = record.source, let commit = source.commit {
      if let remote = source.remote {
        lines.append("git clone \(Shell.quote(remote)) paper && cd paper")
      }
      lines.append("git checkout \(Shell.quote(commit))")
      if source.dirty, let snapshot = source.snapshot {
        lines.append("git fetch origin 'refs/pipeline/*:refs/pipeline/*'")
        lines.append("git restore --source=\(Shell.quote(snapshot)) -- .")
      }
    }
    var run = "pipeline run \(Shell.quote(record.file))"
    if let profile = record.profile { run += " --profile \(Shell.quote(profile))" }
    for override in overrides { run += " --set \(Shell.quote(override))" }
    return (lines + [run]).joined(separator: "\n")
  }
}

/// Times of a record, for people.
package enum RunTime {
  package static func seconds(_ start: String, _ end: String) -> Double? {
    guard let first = date(start), let last = date(end) else { return nil }
    return last.timeIntervalSince(first)
  }

  /// `23 November 2026, 16:34 UTC`; what isn't a time is shown as it stands.
  package static func day(_ text: String) -> String {
    guard date(text) != nil else { return text }
    let months = [
      "January", "February", "March", "April", "May", "June", "July", "August", "September",
      "October", "November", "December",
    ]
    let digits = text.split { !$0.isNumber }
    guard digits.count >= 5, let month = Int(digits[1]), (1...12).contains(month),
      let day = Int(digits[2])
    else { return text }
    return "\(day) \(months[month - 1]) \(digits[0]), \(digits[3]):\(digits[4]) UTC"
  }

  private static func date(_ text: String) -> Date? { try? Date(text, strategy: .iso8601) }
}
