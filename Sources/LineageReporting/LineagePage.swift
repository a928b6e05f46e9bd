public import ContentHashing
import Foundation
public import Notebook
import Provenance
public import RunRecord

/// Every artifact of a run on one page that loads nothing: what made each, from what, in which run
/// at which commit, and what used it, each a link away.
public struct LineagePage {
  private let record: RunRecord
  private let report: LineageReport?
  private let executions: [Digest: LineageReport.Execution]
  private var anchors: [String: String] = [:]
  private var instanceAnchors: [String: String] = [:]
  /// Inputs from outside, by path and digest.
  private var origins: [(input: InputRecord, anchor: String)] = []
  private let links: [String: [Lineage.Link]]
  /// The instances that read an artifact, by its name.
  private var users: [String: [String]] = [:]
  /// Where the lineage of an artifact or stage is shown by itself; nil where it is nowhere.
  private let address: (String) -> String?

  private init(
    _ record: RunRecord, _ report: LineageReport?,
    _ executions: [Digest: LineageReport.Execution], _ address: @escaping (String) -> String?
  ) {
    self.address = address
    self.record = record
    self.report = report
    self.executions = executions
    let steps = Lineage.all(in: record).steps
    links = Dictionary(steps.map { ($0.instance, $0.inputs) }) { first, _ in first }
    var identifiers = PageIdentifiers()
    for name in ["content", "artifacts", "sources", "target"] { _ = identifiers.make("", name) }
    for instance in record.instances {
      instanceAnchors[instance.name] = identifiers.make("stage-", instance.name)
      for output in instance.outputs {
        let name = "\(instance.name).\(output.slot)"
        anchors[name] = identifiers.make("artifact-", name)
      }
    }
    for step in steps {
      for link in step.inputs {
        for name in link.producers.flatMap({ maker in link.slots.map { "\(maker).\($0)" } })
        where users[name]?.last != step.instance {
          users[name, default: []].append(step.instance)
        }
      }
    }
    var seen: Set<[String]> = []
    for link in steps.flatMap(\.inputs) where link.producers.isEmpty {
      guard seen.insert([link.input.from, link.input.digest.hex]).inserted else { continue }
      origins.append((link.input, identifiers.make("source-", link.input.from)))
    }
  }

  /// - `report`: The lineage that stands first; nil for the run's artifacts alone.
  /// - `executions`: Which runs executed the actions of this one.
  public static func render(
    _ record: RunRecord, report: LineageReport?,
    executions: [Digest: LineageReport.Execution]
  ) -> RenderedPage {
    let page = LineagePage(record, report, executions) { _ in nil }
    let frame = StandalonePage(
      title: report.map { "Lineage of \($0.target)" } ?? "Lineage of run \(record.id)",
      toolVersion: record.tool.version,
      extraStyle: style, extraScript: "")
    return RenderedPage(html: frame.html(page.body()), parts: [])
  }

  /// The same for a page that has `style` already: a header and a `main` element.
  ///
  /// - `address`: Where the lineage of one artifact or stage is shown.
  public static func fragment(
    _ record: RunRecord, report: LineageReport?,
    executions: [Digest: LineageReport.Execution], address: @escaping (String) -> String?
  ) -> String {
    LineagePage(record, report, executions, address).body()
  }

  /// What the page has beyond the notebook's looks.
  public static var style: String { String(decoding: PackageResources.lineage_css, as: UTF8.self) }

  private func body() -> String {
    var html = "<header class=\"masthead\"><h1 id=\"page-title\">Lineage</h1>"
    html += "<p class=\"authors\">\(HTML.escape(report?.target ?? record.title))</p>"
    html += "<p class=\"facts\">run <code>\(HTML.escape(record.id))</code>"
    if let commit = record.source?.commit {
      html += " at <code>\(HTML.escape(commit.prefix(12)))</code>"
      if record.source?.dirty == true { html += " with changes" }
    }
    html += "</p></header>\n<main id=\"content\">\n"
    if let report { html += target(report) }
    html += "<section class=\"back\" id=\"artifacts\"><h2>All artifacts of the run</h2>\n"
    html += record.instances.map(stage).joined()
    html += "</section>\n"
    if !origins.isEmpty {
      html += "<section class=\"back\" id=\"sources\"><h2>Read from the project</h2><ul>"
      html += origins.map(source).joined() + "</ul></section>\n"
    }
    return html + "</main>\n"
  }

  // MARK: - The target

  private func target(_ report: LineageReport) -> String {
    var html =
      "<section class=\"back\" id=\"target\"><h2>\(HTML.element("code", report.target))</h2>"
    let steps = Dictionary(report.backwards.steps.map { ($0.instance, $0) }) { first, _ in first }
    let first = report.backwards.steps.filter { $0.depth == 0 }.map(\.instance)
    html += "<h3>Where it comes from</h3>"
    var told: Set<String> = []
    html +=
      first.isEmpty
      ? "<p>Read from the project; no stage made it.</p>"
      : "<ul class=\"tree\">\(first.map { branch($0, steps, &told) }.joined())</ul>"
    html += "<h3>What used it</h3>"
    if report.forwards.steps.isEmpty {
      html += "<p>Nothing.</p>"
    } else {
      html += "<ul>"
      for step in report.forwards.steps {
        let how = step.depth == 0 ? "" : " <small>through others</small>"
        html += "<li>\(stageLink(step.instance))\(how)</li>"
      }
      html += "</ul>"
    }
    if !report.forwards.claims.isEmpty {
      html += "<h3>Claims that rest on it</h3><ul>"
      html += report.forwards.claims.map {
        "<li>\(OutcomeMark.html($0.verdict)) \(HTML.escape($0.claim))</li>"
      }.joined()
      html += "</ul>"
    }
    return html + "</section>\n"
  }

  private func branch(
    _ name: String, _ steps: [String: Lineage.Step], _ told: inout Set<String>
  ) -> String {
    guard let step = steps[name] else { return "" }
    var html = "<li>\(stageLink(name))"
    guard told.insert(name).inserted else { return html + " <small>as above</small></li>" }
    if let report {
      html += " <small>\(HTML.escape(report.work(step))); "
      html += "\(HTML.escape(report.provenance(step)))</small>"
    }
    guard !step.inputs.isEmpty else { return html + "</li>" }
    html += "<ul>"
    for link in step.inputs {
      html += "<li>\(inputLink(link))"
      let makers = link.producers.map { branch($0, steps, &told) }.joined()
      html += makers.isEmpty ? "</li>" : "<ul>\(makers)</ul></li>"
    }
    return html + "</ul></li>"
  }

  // MARK: - All artifacts

  private func stage(_ instance: InstanceRecord) -> String {
    var html = "<article class=\"made\" id=\"\(instanceAnchors[instance.name] ?? "")\"><header>"
    html += "<h3>\(named(HTML.element("code", instance.name), instance.name))</h3> "
    html += OutcomeMark.html(instance.outcome)
    if let plugin = instance.plugin {
      html += " <span class=\"badge\">\(HTML.escape("\(plugin)@\(instance.version ?? "?")"))</span>"
    }
    html += "</header><p class=\"aside\">\(provenance(instance))</p>"
    let inputs = links[instance.name] ?? []
    if !inputs.isEmpty {
      html += "<p>from \(inputs.map(inputLink).joined(separator: ", "))</p>"
    }
    if !instance.outputs.isEmpty {
      html += "<div class=\"table-frame\"><table class=\"grid\"><thead><tr>"
      html += ["Output", "Kind", "Size", "SHA-256", "Used by"]
        .map { HTML.element("th", $0) }.joined()
      html += "</tr></thead><tbody>\n"
      for output in instance.outputs { html += row(output, of: instance) }
      html += "</tbody></table></div>"
    }
    return html + "</article>\n"
  }

  private func row(_ output: ArtifactRecord, of instance: InstanceRecord) -> String {
    let name = "\(instance.name).\(output.slot)"
    var html = "<tr id=\"\(anchors[name] ?? "")\"><td>\(named(HTML.escape(output.slot), name))"
    if let published = output.published { html += "<br><small>\(HTML.escape(published))</small>" }
    html += "</td><td>\(HTML.escape(output.kind))</td>"
    html += "<td class=\"number\">\(NumberText.bytes(output.size))</td>"
    html += "<td><code title=\"\(output.digest.hex)\">\(output.digest.short)</code></td><td>"
    let users = users[name] ?? []
    html += users.isEmpty ? "–" : users.map(stageLink).joined(separator: ", ")
    return html + "</td></tr>\n"
  }

  private func provenance(_ instance: InstanceRecord) -> String {
    var parts: [String] = []
    if let key = instance.key {
      parts.append("action key <code title=\"\(key.hex)\">\(key.short)</code>")
      let execution = executions[key]
      let run = execution?.run ?? (instance.outcome == .executed ? record.id : nil)
      if let run { parts.append("executed in run <code>\(HTML.escape(run))</code>") }
      let source = execution?.source ?? (instance.outcome == .executed ? record.source : nil)
      if let commit = source?.commit {
        parts.append(
          "at commit <code>\(HTML.escape(commit.prefix(12)))</code>"
            + (source?.dirty == true ? " with changes" : ""))
      }
    } else {
      parts.append(HTML.escape(instance.why))
    }
    return parts.joined(separator: ", ")
  }

  private func source(_ origin: (input: InputRecord, anchor: String)) -> String {
    let users = record.instances.filter { instance in
      instance.inputs.contains {
        $0.from == origin.input.from && $0.digest == origin.input.digest
      }
    }.map(\.name)
    return "<li id=\"\(origin.anchor)\">\(HTML.element("code", origin.input.from)) "
      + "<small><code title=\"\(origin.input.digest.hex)\">\(origin.input.digest.short)</code> "
      + "used by</small> \(users.map(stageLink).joined(separator: ", "))</li>\n"
  }

  // MARK: - Links

  /// Markup as a link to what it names, where that is shown by itself.
  private func named(_ html: String, _ name: String) -> String {
    address(name).map { "<a href=\"\(HTML.escape($0))\">\(html)</a>" } ?? html
  }

  private func stageLink(_ name: String) -> String {
    "<a href=\"#\(instanceAnchors[name] ?? "")\">\(HTML.element("code", name))</a>"
  }

  /// An input as a link to the artifact, to the stages that made it where it gathers several, or to
  /// the path that was read.
  private func inputLink(_ link: Lineage.Link) -> String {
    let text = HTML.element("code", link.input.from)
    if link.producers.isEmpty {
      let anchor = origins.first {
        $0.input.from == link.input.from && $0.input.digest == link.input.digest
      }?.anchor
      return "<a href=\"#\(anchor ?? "")\">\(text)</a>"
    }
    if link.producers.count == 1, let slot = link.slots.first,
      let anchor = anchors["\(link.producers[0]).\(slot)"]
    {
      return "<a href=\"#\(anchor)\">\(text)</a>"
    }
    return text
  }
}
