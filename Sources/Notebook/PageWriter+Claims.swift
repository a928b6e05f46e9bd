import RunRecord
import StructuredValue

extension PageWriter {
  /// The claims of the whole paper at a glance; empty where it makes none.
  mutating func claimSummary() -> String {
    let claims = record.cells.compactMap { cell in
      if case .claim(let claim) = cell { claim } else { nil }
    }
    if claims.isEmpty { return "" }
    let holding = claims.count { $0.verdict == .holds }
    let failing = claims.count { $0.verdict == .fails }
    let open = claims.count - holding - failing
    var html = "<section class=\"claims\" id=\"claims\" aria-label=\"Claims\"><h2 class=\"tally\">"
    html += "<strong>\(holding) of \(claims.count)</strong> "
    html += claims.count == 1 ? "claim holds" : "claims hold"
    html += "</h2><p class=\"tally-detail\">"
    let rest = [failing > 0 ? "\(failing) failing" : nil, open > 0 ? "\(open) unmeasured" : nil]
    html += rest.compactMap { $0 }.joined(separator: ", ") + "</p>"
    html += "<div class=\"meter\" aria-hidden=\"true\">"
    for claim in claims { html += "<i class=\"\(claim.verdict.rawValue)\"></i>" }
    html += "</div><div class=\"table-frame\" tabindex=\"0\" role=\"region\" "
    html +=
      "aria-label=\"Claims\"><table class=\"claim-table folding\" id=\"claim-table\"><thead><tr>"
    html += "<th scope=\"col\">Claim</th><th scope=\"col\" class=\"number\">Published</th>"
    html += "<th scope=\"col\" class=\"number\">Measured</th>"
    html += "<th scope=\"col\">Verdict</th></tr></thead><tbody>\n"
    let isLong = claims.count > PageWriter.mostClaims
    for (index, (claim, anchor)) in zip(claims, anchors.claims).enumerated() {
      let isFolded = isLong && index >= PageWriter.firstClaims && claim.verdict != .fails
      html +=
        "<tr\(isFolded ? " class=\"more\"" : "")><td><a href=\"#\(anchor)\">\(inline(claim.claim, linked: false))</a></td>"
      html += "<td class=\"number\"\(claim.source.map { " title=\"\(HTML.escape($0))\"" } ?? "")>"
      html += "\(HTML.escape(claim.published.map(NumberText.short) ?? "–"))</td>"
      html += "<td class=\"number\">\(measured(claim))</td>"
      html += "<td>\(OutcomeMark.html(claim.verdict))</td></tr>\n"
    }
    html += "</tbody></table></div>"
    if isLong {
      html += "<button class=\"show-rows\" type=\"button\" aria-controls=\"claim-table\">"
      html += "Show all \(claims.count) claims</button>"
    }
    return html + "</section>\n"
  }

  /// A list of more claims is folded: to the first ones, and all that fail.
  private static let mostClaims = 30
  private static let firstClaims = 12

  mutating func claim(_ claim: ClaimRecord, anchor: String) -> String {
    var html = "<section class=\"claim \(claim.verdict.rawValue)\" id=\"\(anchor)\" "
    html += "aria-label=\"Claim\"><header><span class=\"kicker\">Claim</span>"
    html += "\(OutcomeMark.html(claim.verdict))</header>"
    html += "<p class=\"claim-text\">\(inline(claim.claim))</p><dl>"
    if let published = claim.published {
      html += "<div><dt>Published</dt><dd><b>\(HTML.escape(NumberText.short(published)))</b>"
      if let source = claim.source { html += "<small>\(inline(source))</small>" }
      html += "</dd></div>"
    } else if let source = claim.source {
      html += "<div><dt>Source</dt><dd><small>\(inline(source))</small></dd></div>"
    }
    html += "<div><dt>Measured</dt><dd><b>\(measured(claim))</b><small>\(metricName(claim))</small>"
    html += "</dd></div><div><dt>Holds when</dt>"
    html += "<dd><b>\(HTML.escape(PageWriter.condition(claim.holds)))</b></dd></div></dl>"
    if let note = claim.note { html += "<div class=\"claim-note\">\(self.note(note))</div>" }
    return html + "</section>\n"
  }

  /// The measured value, linked to the stage it comes from.
  private func measured(_ claim: ClaimRecord) -> String {
    guard let value = claim.measuredValue, !value.isNull else { return "–" }
    let text = HTML.escape(NumberText.short(value))
    guard let (instance, metric) = record.metric(named: claim.measured),
      let anchor = anchors.instances[instance.name]
    else { return text }
    let unit = instance.metrics[metric]?.unit.map { "\u{202F}" + HTML.escape($0) } ?? ""
    let title = HTML.escape(lineage(claim.measured, value, instance))
    return "<a class=\"value\" href=\"#\(anchor)\" title=\"\(title)\">\(text)\(unit)</a>"
  }

  private func metricName(_ claim: ClaimRecord) -> String {
    let name = "<code>\(HTML.escape(claim.measured))</code>"
    guard let (instance, _) = record.metric(named: claim.measured),
      let anchor = anchors.instances[instance.name]
    else { return name }
    return "<a href=\"#\(anchor)\">\(name)</a>"
  }

  /// Markdown without the paragraph around it, where it is one; plain text otherwise.
  private mutating func inline(_ text: String, linked: Bool = true) -> String {
    let html = note(text).trimmingPrefix("<p>")
    guard html.hasSuffix("</p>\n"), !html.contains("<p>"), linked || !html.contains("<a "),
      !html.contains("<h")
    else { return HTML.escape(text) }
    return String(html.dropLast(5))
  }

  static func condition(_ text: String) -> String {
    text.replacing(">=", with: "≥").replacing("<=", with: "≤")
  }
}

extension RunRecord {
  /// The instance that measured a metric, by the metric's full name.
  func metric(named name: String) -> (instance: InstanceRecord, metric: String)? {
    for instance in instances where name.hasPrefix(instance.name + ".") {
      let metric = String(name.dropFirst(instance.name.count + 1))
      if instance.metrics[metric] != nil { return (instance, metric) }
    }
    return nil
  }
}
