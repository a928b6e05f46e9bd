import ArtifactComparison
import ContentHashing
import Foundation
public import Notebook
import Provenance
import RunRecord
import StructuredValue

/// The report as one HTML file that loads nothing: claims, metrics, where it began, outputs,
/// parameters, code.
public struct ChangePage {
  let report: ChangeReport
  let artifacts: any ArtifactReading
  let figures: any FigureDrawing
  var identifiers = PageIdentifiers()
  var parts: [RenderedPage.Part] = []

  /// More outputs than this are named, not opened.
  static let mostOutputs = 200

  private init(
    _ report: ChangeReport, _ artifacts: any ArtifactReading, _ figures: any FigureDrawing
  ) {
    self.report = report
    self.artifacts = artifacts
    self.figures = figures
    for name in ["content", "claims", "metrics", "causes", "outputs", "parameters", "code", "runs"]
    {
      _ = identifiers.make("", name)
    }
  }

  /// - `artifacts`: Gives the figures' specifications.
  /// - `figures`: Draws them for the page.
  public static func render(
    _ report: ChangeReport, artifacts: any ArtifactReading, figures: any FigureDrawing
  ) -> RenderedPage {
    var page = ChangePage(report, artifacts, figures)
    let body = page.body()
    let frame = StandalonePage(
      title: "\(page.title): what changed", toolVersion: report.after.tool.version,
      extraStyle: style, extraScript: script + "enlivenChanges(document);\n")
    page.parts.sort { ($1.size, $0.name) < ($0.size, $1.name) }
    return RenderedPage(html: frame.html(body), parts: page.parts)
  }

  /// The same for a page that has `style` and `script` already: a header and a `main` element.
  public static func fragment(
    _ report: ChangeReport, artifacts: any ArtifactReading, figures: any FigureDrawing
  ) -> String {
    var page = ChangePage(report, artifacts, figures)
    return page.body()
  }

  /// What the page has beyond the notebook's looks.
  public static var style: String { String(decoding: PackageResources.changes_css, as: UTF8.self) }
  public static var script: String { String(decoding: PackageResources.changes_js, as: UTF8.self) }

  private var title: String {
    let title = report.after.title.trimmingCharacters(in: .whitespacesAndNewlines)
    return title.isEmpty ? report.after.file : title
  }

  private mutating func body() -> String {
    let sections = [
      ("claims", "Claims", claims()), ("metrics", "Metrics", metrics()),
      ("causes", "Why", causes()), ("outputs", "Outputs", outputs()),
      ("parameters", "Parameters", parameters()), ("code", "Code and pipeline file", code()),
      ("runs", "The two runs", runs()),
    ].filter { !$0.2.isEmpty }
    var html = masthead(sections.map { ($0.0, $0.1) })
    html += "<main id=\"content\">\n"
    for (anchor, name, content) in sections {
      html +=
        "<section class=\"back change\" id=\"\(anchor)\"><h2>\(name)</h2>\n\(content)</section>\n"
    }
    return html + "</main>\n"
  }

  private func masthead(_ sections: [(String, String)]) -> String {
    var html = "<header class=\"masthead\"><h1 id=\"page-title\">What changed</h1>"
    html += "<p class=\"authors\">\(HTML.escape(title))</p><p class=\"facts\">"
    html += [report.before, report.after].map { run in
      var text = "<code>\(HTML.escape(run.id))</code>"
      if let commit = run.source?.commit {
        text += " at <code>\(HTML.escape(commit.prefix(9)))</code>"
        if run.source?.dirty == true { text += " with changes" }
      }
      return text
    }.joined(separator: " <span>→</span> ")
    html += "</p><p class=\"summary\">\(HTML.escape(report.summary))</p>"
    html += "<nav class=\"jump\" aria-label=\"Parts of the page\">"
    html += sections.map { "<a href=\"#\($0)\">\(HTML.escape($1))</a>" }.joined(separator: " ")
    return html + "</nav></header>\n"
  }

  // MARK: - Claims and metrics

  private func claims() -> String {
    let changes = report.comparison.claims
    guard !changes.isEmpty else { return "" }
    var html = "<div class=\"table-frame\"><table class=\"claim-table\"><thead><tr>"
    html += "<th scope=\"col\">Claim</th><th scope=\"col\">Before</th><th scope=\"col\">After</th>"
    html += "</tr></thead><tbody>\n"
    for change in changes {
      let claim = change.after ?? change.before
      html += "<tr\(change.verdictChanged ? " class=\"turned\"" : "")>"
      html += "<td>\(HTML.escape(claim?.claim ?? ""))<br><small><code>"
      html += "\(HTML.escape(claim?.measured ?? ""))</code> "
      html += "\(HTML.escape(claim?.holds ?? ""))</small></td>"
      for side in [change.before, change.after] {
        html += "<td class=\"verdict\">"
        if let side {
          html += "\(OutcomeMark.html(side.verdict))<br><span class=\"measured\">"
          html += "\(HTML.escape(ChangeText.measured(side)))</span>"
        } else {
          html += "<span class=\"badge\">absent</span>"
        }
        html += "</td>"
      }
      html += "</tr>\n"
    }
    return html + "</tbody></table></div>"
  }

  private mutating func metrics() -> String {
    let changes = report.metrics
    guard !changes.isEmpty else { return "" }
    let isJudged = changes.contains { $0.change.judgement != .neither }
    let rows = changes.map { instance, change -> [DataTable.Cell] in
      let share = change.relative.map { $0 * 100 }
      return [
        DataTable.Cell(text: instance),
        DataTable.Cell(text: change.name, title: change.after?.doc ?? change.before?.doc),
        ChangePage.cell(change.before), ChangePage.cell(change.after),
        DataTable.Cell(
          text: ChangeText.signed(change.difference), number: finite(change.difference)),
        DataTable.Cell(text: ChangeText.percent(change.relative), number: finite(share)),
      ]
        + (isJudged
          ? [DataTable.Cell(text: ChangePage.mark(change.judgement), isMarkup: true)] : [])
    }
    let table = DataTable(
      caption: "Metrics that changed",
      columns: [
        DataTable.Column(name: "Stage"), DataTable.Column(name: "Metric"),
        DataTable.Column(name: "Before", isNumeric: true),
        DataTable.Column(name: "After", isNumeric: true),
        DataTable.Column(name: "Δ", isNumeric: true),
        DataTable.Column(name: "Δ %", isNumeric: true),
      ] + (isJudged ? [DataTable.Column(name: "Verdict")] : []), rows: rows, visibleRows: 40)
    let html = table.html(identifier: identifiers.make("table-", "metrics"))
    guard !report.seeds.isEmpty else { return html }
    let items = report.seeds.map { HTML.element("li", $0.sentence) }.joined()
    return "<h3>Over seeds</h3><ul class=\"seeds\">\(items)</ul><h3>One by one</h3>\(html)"
  }

  private func finite(_ number: Double?) -> Double? { number.flatMap { $0.isFinite ? $0 : nil } }

  private static func cell(_ metric: MetricRecord?) -> DataTable.Cell {
    let number = metric?.value.double.flatMap { $0.isFinite ? $0 : nil }
    return DataTable.Cell(
      text: ChangeText.number(metric), number: number, title: metric?.value.text)
  }

  private static func mark(_ judgement: RunComparison.MetricChange.Judgement) -> String {
    switch judgement {
    case .better: "<span class=\"badge holds\"><span aria-hidden=\"true\">▲</span> better</span>"
    case .worse: "<span class=\"badge fails\"><span aria-hidden=\"true\">▼</span> worse</span>"
    case .neither: ""
    }
  }

  // MARK: - Causes

  private func causes() -> String {
    guard !report.changed.isEmpty else { return "" }
    var html = ""
    if !report.origins.isEmpty {
      html += "<ol class=\"origins\">"
      for origin in report.origins {
        let others = origin.reached.dropFirst()
        html += "<li>\(HTML.element("code", origin.instance)) "
        html += values(origin.change, from: origin.from)
        if !others.isEmpty {
          html += "<p class=\"aside\">explains "
          html += others.map { HTML.element("code", $0) }.joined(separator: ", ") + "</p>"
        }
        html += "</li>"
      }
      html += "</ol>"
    }
    let chain = CauseChain(report.comparison)
    var list = "<ul class=\"chain\">"
    for instance in report.changed {
      list += "<li>\(HTML.element("code", instance.name)) "
      list += HTML.element("span", class: "badge", ChangePage.words(instance.kind))
      list += links(chain.links(of: instance.name)) + "</li>\n"
    }
    list += "</ul>"
    return html
      + HTML.details("Every stage that changed, and its chain of causes", list)
  }

  private func links(_ links: [CauseChain.Link]) -> String {
    if links.isEmpty { return "" }
    return "<ul>"
      + links.map { link in
        var html = "<li>\(values(link.change, from: link.from))"
        if let upstream = link.upstream, !link.causes.isEmpty {
          html += " since in \(HTML.element("code", upstream))"
        }
        return html + self.links(link.causes) + "</li>"
      }.joined() + "</ul>"
  }

  private func values(_ change: RunComparison.ValueChange, from: String?) -> String {
    if let from { return "\(HTML.element("code", from)) changed" }
    if ["code", "shell", "command"].contains(change.name) {
      return HTML.escape(ChangeText.sentence(change))
    }
    return
      "\(HTML.element("code", change.name)) <del>\(HTML.escape(ChangeText.short(change.before)))"
      + "</del> → <ins>\(HTML.escape(ChangeText.short(change.after)))</ins>"
  }

  private static func words(_ kind: RunComparison.InstanceChange.Kind) -> String {
    switch kind {
    case .added: "added"
    case .removed: "removed"
    case .unchanged: "unchanged"
    case .rerun: "another key"
    case .irreproducible: "same key, other outputs"
    }
  }

  // MARK: - Parameters, code, runs

  private mutating func parameters() -> String {
    let changes = report.comparison.parameters
    guard !changes.isEmpty else { return "" }
    return ChangePage.changeTable(
      changes.map { change in
        (
          change.name, ChangeText.short(change.before, limit: 2000),
          ChangeText.short(change.after, limit: 2000)
        )
      }, name: "Parameter")
  }

  static func changeTable(_ rows: [(String, String, String)], name: String) -> String {
    var html = "<div class=\"table-frame\"><table><thead><tr><th scope=\"col\">\(name)</th>"
    html += "<th scope=\"col\">Before</th><th scope=\"col\">After</th></tr></thead><tbody>\n"
    for (name, before, after) in rows {
      html += "<tr><td>\(HTML.element("code", name))</td><td><del>\(HTML.escape(before))</del></td>"
      html += "<td><ins>\(HTML.escape(after))</ins></td></tr>\n"
    }
    return html + "</tbody></table></div>"
  }

  private func code() -> String {
    let fields: Set = ["code", "version", "stage", "command", "platform", "protocol"]
    let rows = report.changed.flatMap { instance in
      instance.fields.filter { change in
        fields.contains(change.name) || change.name.hasPrefix("tool.")
      }.map { change in
        (
          "\(instance.name) \(change.name)", ChangeText.short(change.before, limit: 4000),
          ChangeText.short(change.after, limit: 4000)
        )
      }
    }
    var html = rows.isEmpty ? "" : ChangePage.changeTable(rows, name: "Stage")
    for instance in report.changed {
      for change in instance.fields where change.name == "shell" {
        html += "<h3>\(HTML.element("code", instance.name)) command</h3>"
        html += ChangePage.lines(
          LineChanges.between(change.before?.text ?? "", change.after?.text ?? ""))
      }
    }
    for file in report.comparison.specification {
      html += "<h3>\(HTML.element("code", file.path))</h3>"
      html += ChangePage.lines(LineChanges.between(file.before ?? "", file.after ?? ""))
    }
    return html
  }

  /// Lines with a sign in front, those added and removed in their colours.
  static func lines(_ lines: [String]) -> String {
    "<pre class=\"changes\" tabindex=\"0\">"
      + lines.map { line in
        let text = HTML.escape(line)
        let sign = line.drop { $0 == " " }.first
        return sign == "+" ? "<ins>\(text)</ins>" : sign == "-" ? "<del>\(text)</del>" : text
      }.joined(separator: "\n") + "</pre>"
  }

  private func runs() -> String {
    func facts(_ run: RunRecord) -> [String: String] {
      var facts = [
        "Run": run.id, "Started": run.started, "Finished": run.finished,
        "Status": run.status.rawValue, "File": run.file, "Profile": run.profile ?? "none",
        "Tool": run.tool.version, "Platform": run.platform,
      ]
      facts["Commit"] = run.source?.commit ?? "none"
      if let branch = run.source?.branch { facts["Branch"] = branch }
      if run.source?.dirty == true {
        facts["Work tree"] = "with changes, kept as tree \(run.source?.snapshot ?? "?")"
      }
      facts["Stages"] = OutcomeMark.counts(run.instances)
      return facts
    }
    let (before, after) = (facts(report.before), facts(report.after))
    let order = [
      "Run", "Started", "Finished", "Status", "File", "Profile", "Commit", "Branch", "Work tree",
      "Stages", "Platform", "Tool",
    ]
    var html = "<div class=\"table-frame\"><table class=\"grid\"><thead><tr><td></td>"
    html += "<th scope=\"col\">Before</th><th scope=\"col\">After</th></tr></thead><tbody>\n"
    for name in order where before[name] != nil || after[name] != nil {
      html += "<tr><th scope=\"row\">\(name)</th><td>\(HTML.escape(before[name] ?? "–"))</td>"
      html += "<td>\(HTML.escape(after[name] ?? "–"))</td></tr>\n"
    }
    return html + "</tbody></table></div>"
  }
}
