import Foundation
import Provenance
import RunRecord

/// The runs of a project as a form in which two are picked to be compared.
struct RunList {
  var runs: [RunSummary]
  /// What is picked at first; the newest two where that is nil or no run of the list.
  var before: String?
  var after: String?

  var html: String {
    let after = picked(self.after, at: 0)
    // The newest of the same pipeline that is older.
    let later = runs.firstIndex { $0.id == after } ?? 0
    let former = runs.indices.first { $0 > later && runs[$0].name == runs[later].name }
    let before = picked(self.before, at: former ?? 1)
    var html = "<header class=\"masthead\"><h1 id=\"page-title\">Runs</h1>"
    html += "<p class=\"summary\">Pick two to see what changed between them, and why.</p></header>"
    html += "<main id=\"content\">"
    guard !runs.isEmpty else {
      return html + "<p>No run is recorded yet.</p></main>"
    }
    html += "<form class=\"pick\" action=\"/changes\" method=\"get\">"
    html += "<div class=\"table-frame\" tabindex=\"0\" role=\"region\" aria-label=\"Runs\">"
    html += "<table class=\"run-list\"><thead><tr>"
    html += [
      "Before", "After", "Started (UTC)", "Run", "Pipeline", "Stages", "Claims", "Commit", "",
    ]
    .map { "<th scope=\"col\">\($0)</th>" }.joined()
    html += "</tr></thead><tbody>\n"
    for run in runs { html += row(run, before, after) }
    html += "</tbody></table></div>"
    html += "<p class=\"pick-names\"><label>or before: <input name=\"before-name\" "
    html +=
      "placeholder=\"commit, branch or tag\" autocomplete=\"off\" spellcheck=\"false\"></label> "
    html += "<label>after: <input name=\"after-name\" placeholder=\"commit, branch or tag\" "
    html += "autocomplete=\"off\" spellcheck=\"false\"></label> "
    html += "<button type=\"submit\" class=\"primary\" id=\"compare\">Compare</button></p></form>"
    return html + "</main>\n"
  }

  private func picked(_ wanted: String?, at index: Int) -> String? {
    if let wanted, runs.contains(where: { $0.id == wanted }) { return wanted }
    return runs.indices.contains(index) ? runs[index].id : runs.last?.id
  }

  private func row(_ run: RunSummary, _ before: String?, _ after: String?) -> String {
    let id = PageShell.escape(run.id)
    var html = "<tr>"
    for (name, choice) in [("before", before), ("after", after)] {
      html += "<td><input type=\"radio\" name=\"\(name)\" value=\"\(id)\" "
      html += "aria-label=\"\(id) as the run \(name)\"\(choice == run.id ? " checked" : "")></td>"
    }
    let time = run.started.replacing("T", with: " ").replacing("Z", with: "")
    html += "<td class=\"when\">\(PageShell.escape(time))</td><td><code>\(id)</code></td>"
    html += "<td>\(PageShell.escape(run.name))</td><td>\(RunList.mark(run.status)) "
    let order = ["executed", "cached", "failed", "skipped", "blocked", "cancelled"]
    let outcomes = order.compactMap { name in run.outcomes[name].map { "\($0) \(name)" } }
    html += "<small>\(outcomes.joined(separator: ", "))</small></td>"
    let claims = run.claims.values.reduce(0, +)
    html +=
      "<td class=\"number\">\(claims == 0 ? "–" : "\(run.claims["holds"] ?? 0)/\(claims)")</td>"
    html +=
      "<td>\(run.source.map { "<code>\(PageShell.escape(String($0.prefix(9))))</code>" } ?? "–")"
    html += run.dirty ? " <small>with changes</small></td>" : "</td>"
    let lineage = ViewDesk.address("/lineage", [("run", run.id)])
    return html
      + "<td><a href=\"\(lineage)\" aria-label=\"Lineage in run \(id)\">Lineage</a></td></tr>\n"
  }

  private static func mark(_ status: RunRecord.Status) -> String {
    let (style, sign) =
      switch status {
      case .succeeded: ("executed", "✓")
      case .failed: ("failed", "✗")
      case .interrupted: ("cancelled", "■")
      }
    return "<span class=\"badge \(style)\"><span aria-hidden=\"true\">\(sign)</span> "
      + "\(status.rawValue)</span>"
  }

  /// Above a comparison: ways to others.
  static func line(_ before: String, _ after: String) -> String {
    let others = ViewDesk.address("/runs", [("before", before), ("after", after)])
    let turned = ViewDesk.address("/changes", [("before", after), ("after", before)])
    return "<nav class=\"view-nav\" aria-label=\"Other comparisons\">"
      + "<a href=\"\(others)\">Pick other runs</a> <a href=\"\(turned)\">Swap before and after</a></nav>"
  }
}

/// A form that asks for an artifact, with all names of a run to choose from.
struct ArtifactChoice {
  var record: RunRecord
  var target: String?
  /// Whether the page is about this run, whatever newer ones there are.
  var isPinned: Bool

  var html: String {
    let names = record.instances.flatMap { instance in
      [instance.name] + instance.outputs.map { "\(instance.name).\($0.slot)" }
        + instance.metrics.keys.sorted().map { "\(instance.name).\($0)" }
    }
    var html = "<form class=\"pick view-nav\" action=\"/lineage\" method=\"get\">"
    html += "<label>Artifact <input name=\"of\" list=\"artifact-names\" required "
    html +=
      "value=\"\(PageShell.escape(target ?? ""))\" placeholder=\"stage.slot, stage.metric, path or digest\" "
    html += "autocomplete=\"off\" spellcheck=\"false\"></label>"
    if isPinned {
      html += "<input type=\"hidden\" name=\"run\" value=\"\(PageShell.escape(record.id))\">"
    }
    html += "<button type=\"submit\">Show</button>"
    if target != nil {
      let all = ViewDesk.address("/lineage", [("run", isPinned ? record.id : nil)])
      html += "<a href=\"\(all)\">All artifacts</a>"
    }
    html += "<datalist id=\"artifact-names\">"
    html += names.map { "<option value=\"\(PageShell.escape($0))\">" }.joined()
    return html + "</datalist></form>"
  }
}
