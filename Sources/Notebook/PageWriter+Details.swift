import ContentHashing
import Foundation
import RunRecord
import StructuredValue

extension PageWriter {
  /// What a cell's instances did, folded away.
  func details(_ cell: StageCellRecord, _ own: [InstanceRecord]) -> String {
    if own.isEmpty { return "" }
    if own.count == 1 {
      return HTML.details(
        "Parameters, inputs, outputs and log", style: "more-of-stage", details(of: own[0]),
        identifier: ownAnchor(own[0]))
    }
    return HTML.details(
      "Details of \(NumberText.grouped(own.count)) instances", style: "more-of-stage",
      own.map(folded).joined())
  }

  func folded(_ instance: InstanceRecord) -> String {
    HTML.details(
      "<code>\(HTML.escape(instance.name))</code> "
        + OutcomeMark.html(instance.outcome, seconds: instance.seconds), style: "instance",
      details(of: instance), identifier: ownAnchor(instance))
  }

  /// Stages that have no cell of their own, such as declared data sets.
  func withoutCell() -> String {
    let others = record.instances.filter { anchors.cells[$0.cell] == nil }
    if others.isEmpty { return "" }
    return HTML.details(
      "\(NumberText.grouped(others.count)) more stages", style: "more-of-stage",
      others.map { folded($0) + failureLine($0) }.joined())
  }

  private func failureLine(_ instance: InstanceRecord) -> String {
    instance.error.map { "<p class=\"failure\">\(HTML.escape("\($0.code) \($0.message)"))</p>" }
      ?? ""
  }

  private func ownAnchor(_ instance: InstanceRecord) -> String? {
    let anchor = anchors.instances[instance.name]
    return anchor == anchors.cells[instance.cell] ? nil : anchor
  }

  private func details(of instance: InstanceRecord) -> String {
    var html = facts(instance)
    let parameters = instance.keyFields.filter { $0.key.hasPrefix("param.") }
      .sorted { $0.key < $1.key }
    if !parameters.isEmpty {
      html += PageWriter.section("Parameters")
      html += PageWriter.pairs(
        parameters.map { (String($0.key.dropFirst(6)), PageWriter.code($0.value.text)) })
    }
    if !instance.inputs.isEmpty {
      html += PageWriter.section("Inputs")
      html += PageWriter.grid(
        ["Input", "From", "Kind", "SHA-256"],
        instance.inputs.map { input in
          [
            HTML.escape(input.slot), origin(input), HTML.escape(input.kind),
            PageWriter.digest(input.digest),
          ]
        })
    }
    if !instance.outputs.isEmpty {
      html += PageWriter.section("Outputs")
      html += PageWriter.grid(
        ["Output", "Kind", "Size", "SHA-256"],
        instance.outputs.map { output in
          [
            HTML.escape(output.slot)
              + (output.published.map { "<br><small>\(HTML.escape($0))</small>" } ?? ""),
            HTML.escape(output.kind), HTML.escape(NumberText.bytes(output.size)),
            PageWriter.digest(output.digest),
          ]
        })
    }
    return html + log(of: instance)
  }

  private func facts(_ instance: InstanceRecord) -> String {
    var facts: [(String, String)] = []
    if !instance.why.isEmpty { facts.append(("Why", HTML.escape(instance.why))) }
    if let key = instance.key { facts.append(("Action key", PageWriter.digest(key))) }
    if instance.outcome == .executed || instance.outcome == .failed || instance.outcome == .cached {
      var time = NumberText.duration(instance.seconds)
      time += ", \(NumberText.duration(instance.cpuSeconds)) of CPU"
      if instance.peakMemory > 0 {
        time += ", \(NumberText.bytes(instance.peakMemory)) at the peak"
      }
      if instance.attempts > 1 { time += ", \(instance.attempts) attempts" }
      facts.append((instance.outcome == .cached ? "When executed" : "Cost", HTML.escape(time)))
    }
    facts.append(("Sandbox", HTML.escape(instance.sandbox)))
    return PageWriter.pairs(facts)
  }

  /// Where an input comes from, as a link where it is a stage.
  private func origin(_ input: InputRecord) -> String {
    let text = "<code>\(HTML.escape(input.from))</code>"
    guard let cell = Reference(input.from, cells: Set(anchors.cells.keys))?.cell,
      let anchor = anchors.cells[cell]
    else { return text }
    return "<a href=\"#\(anchor)\">\(text)</a>"
  }

  private func log(of instance: InstanceRecord) -> String {
    guard let digest = instance.log else { return "" }
    let html = PageWriter.section("Log")
    switch bytes(of: digest) {
    case .failure(let gap): return html + self.gap("The log is missing.", gap.description)
    case .success(let bytes):
      if bytes.isEmpty { return html + "<p class=\"aside\">The stage wrote nothing.</p>" }
      let log = LogText(
        bytes, last: instance.outcome == .failed ? options.logLines * 5 : options.logLines)
      let size = NumberText.bytes(bytes.count)
      let what = log.isCut ? "The last \(log.lines.count) lines of \(size)" : size
      return html
        + "<pre class=\"log\" tabindex=\"0\">\(HTML.escape(log.lines.joined(separator: "\n")))"
        + "</pre><p class=\"aside\">\(what) · \(PageWriter.digest(digest))</p>"
    }
  }

  // MARK: - Pieces

  static func section(_ name: String) -> String { HTML.element("p", class: "label", name) }

  static func code(_ text: String) -> String {
    let shown = text.count > 2000 ? text.prefix(2000) + "…" : text[...]
    return HTML.element("code", shown)
  }

  static func digest(_ digest: Digest) -> String {
    "<code class=\"digest\" title=\"\(digest.hex)\">\(digest.short)</code>"
  }

  /// Names and markup in two columns.
  static func pairs(_ pairs: [(String, String)]) -> String {
    "<dl class=\"pairs\">"
      + pairs.map { "<dt>\(HTML.escape($0.0))</dt><dd>\($0.1)</dd>" }.joined() + "</dl>"
  }

  /// A small table of markup.
  static func grid(_ header: [String], _ rows: [[String]]) -> String {
    "<div class=\"table-frame\" tabindex=\"0\" role=\"region\" aria-label=\"\(HTML.escape(header[0]))s\">"
      + "<table class=\"grid\"><thead><tr>"
      + header.map { "<th scope=\"col\">\(HTML.escape($0))</th>" }.joined() + "</tr></thead><tbody>"
      + rows.map { "<tr>" + $0.map { "<td>\($0)</td>" }.joined() + "</tr>" }.joined()
      + "</tbody></table></div>"
  }
}
