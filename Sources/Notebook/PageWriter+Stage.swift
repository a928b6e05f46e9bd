import ContentHashing
import Foundation
import RunRecord
import StructuredValue

extension PageWriter {
  mutating func stage(_ cell: StageCellRecord) -> String {
    let own = instances[cell.id] ?? []
    let hasFailed = own.contains { $0.outcome == .failed }
    var html = "<section class=\"cell stage\(hasFailed ? " failed" : "")\" "
    html += "id=\"\(anchors.cells[cell.id] ?? "")\" aria-label=\"Stage \(HTML.escape(cell.id))\">"
    html += stageHeader(cell, own)
    if let description = cell.description {
      html += "<div class=\"description\">\(note(description))</div>"
    }
    for instance in own { html += failure(instance) }
    for item in cell.show { html += show(item, of: cell, own) }
    html += notes(own)
    if !cell.show.contains(where: { if case .metrics = $0 { true } else { false } }),
      own.contains(where: { !$0.metrics.isEmpty })
    {
      html += HTML.details("Metrics", metrics(cell, own, only: []))
    }
    return html + details(cell, own) + "</section>\n"
  }

  private mutating func notes(_ own: [InstanceRecord]) -> String {
    // Instances that differ in what does not matter here often say the same.
    var told: Set<String> = []
    let texts = own.flatMap(\.notes).filter { told.insert($0).inserted }
    let asides = texts.map { "<aside class=\"note\">\(note($0))</aside>" }
    // A matrix of many says too much for who reads on.
    guard asides.count > PageWriter.mostNotes else { return asides.joined() }
    return asides.prefix(PageWriter.mostNotes - 1).joined()
      + HTML.details(
        "\(asides.count - PageWriter.mostNotes + 1) more notes",
        asides.dropFirst(PageWriter.mostNotes - 1).joined())
  }

  /// Notes of a stage that stand open.
  private static let mostNotes = 4

  private func stageHeader(_ cell: StageCellRecord, _ own: [InstanceRecord]) -> String {
    var html = "<header><span class=\"stage-name\">\(HTML.escape(cell.id))</span>"
    let plugin = own.first.flatMap { instance in
      instance.plugin.map { "\($0)@\(instance.version ?? "?")" }
    }
    html += HTML.element("span", class: "plugin", plugin ?? cell.uses)
    html += "<span class=\"outcome\">"
    if own.count == 1 {
      html += OutcomeMark.html(own[0].outcome, seconds: own[0].seconds)
    } else {
      let outcomes: [InstanceRecord.Outcome] = [
        .failed, .blocked, .cancelled, .executed, .cached, .skipped,
      ]
      // The worst outcome gives the mark, the words give all.
      if let worst = outcomes.first(where: { outcome in own.contains { $0.outcome == outcome } }) {
        html += "<span class=\"badge \(worst.rawValue)\"><span aria-hidden=\"true\">"
        html += "\(OutcomeMark.icon(worst))</span> \(OutcomeMark.counts(own))</span>"
      } else {
        html += HTML.element("span", class: "badge skipped", "not in this run")
      }
    }
    return html + "</span></header>"
  }

  private mutating func show(
    _ item: StageCellRecord.ShowItem, of cell: StageCellRecord, _ own: [InstanceRecord]
  ) -> String {
    switch item {
    case .metrics(let names): return metrics(cell, own, only: names)
    case .figure(let slot):
      return strip(of: slot, own) { writer, output, instance in
        writer.figure(output, instance)
      }
    case .table(let slot, let rows):
      return strip(of: slot, own) { writer, output, instance in
        writer.table(output, instance, rows: rows)
      }
    case .text(let slot):
      return strip(of: slot, own) { writer, output, instance in
        writer.text(output, instance)
      }
    }
  }

  /// One output of each instance: by itself, or as panels to switch between.
  private mutating func strip(
    of slot: String, _ own: [InstanceRecord],
    _ content: (inout PageWriter, ArtifactRecord, InstanceRecord) -> String
  ) -> String {
    let shown = own.compactMap { instance in
      instance.outputs.first { $0.slot == slot }.map { (instance, $0) }
    }
    if shown.isEmpty {
      if own.isEmpty { return "" }
      if own.contains(where: { options.pending.contains($0.name) }) {
        return gap("No \(slot) yet.", "It appears when the stage has run.", isToCome: true)
      }
      return gap("No \(slot).", "\(OutcomeMark.sentence(own)) There is no output '\(slot)'.")
    }
    if own.count == 1 { return content(&self, shown[0].1, shown[0].0) }
    let group = identifiers.make("strip-", "\(own[0].cell)-\(slot)")
    var html =
      "<div class=\"strip\" id=\"\(group)\" data-label=\"\(HTML.escape(slot)) by instance\">"
    for (instance, output) in shown {
      let panel = identifiers.make("panel-", "\(instance.name)-\(slot)")
      html +=
        "<div class=\"panel\" id=\"\(panel)\" data-name=\"\(HTML.escape(shortName(instance)))\">"
      html += HTML.element("p", class: "panel-name", shortName(instance))
      html += content(&self, output, instance) + "</div>"
    }
    return html + "</div>\n"
  }

  /// The matrix values alone: the cell's name stands above.
  func shortName(_ instance: InstanceRecord) -> String {
    if instance.matrix.isEmpty { return instance.name }
    return instance.matrix.sorted { $0.key < $1.key }.map { $0.value.text }.joined(separator: " · ")
  }

  // MARK: - Outputs

  private mutating func figure(_ output: ArtifactRecord, _ instance: InstanceRecord) -> String {
    let name = "\(instance.name).\(output.slot)"
    if options.defersFigures, !output.isTree { return place(of: output, name) }
    guard let figure = figures.byDigest[output.digest] else {
      return gap("Figure \(name) is missing.", figures.missing[output.digest] ?? "It is a folder.")
    }
    return drawn(figure, output.digest, name, identifier: identifiers.make("figure-", name))
  }

  /// Where a figure will stand; it says itself what is to be asked for.
  private mutating func place(of output: ArtifactRecord, _ name: String) -> String {
    let identifier = identifiers.make("figure-", name)
    return "<figure id=\"\(identifier)\" class=\"deferred\" data-digest=\"\(output.digest.hex)\" "
      + "data-name=\"\(HTML.escape(name))\"><div class=\"drawing\" aria-hidden=\"true\"></div>"
      + "<figcaption>Figure <code>\(HTML.escape(name))</code></figcaption></figure>\n"
  }

  mutating func drawn(
    _ figure: PageFigures.Figure, _ digest: Digest, _ name: String, identifier: String
  ) -> String {
    let label = figure.description ?? figure.title ?? "Figure \(name)"
    var drawing: String
    var isBitmap = false
    switch figure.drawing {
    case .svg(let svg):
      guard let safe = SVGFilter.filter(svg, prefix: identifier + "-", label: label) else {
        return gap("Figure \(name) can't be shown.", "Its drawing is no well-formed SVG.")
      }
      drawing = safe
    case .png(let bytes):
      isBitmap = true
      let base64 = Data(bytes).base64EncodedString()
      drawing = "<img alt=\"\(HTML.escape(label))\" src=\"data:image/png;base64,\(base64)\">"
    case .failure(let reason):
      return undrawn(figure, name, reason)
    }
    let canReact = isInteractive && figure.spec.utf8.count <= PageFigures.largestInteractive
    var html = "<figure id=\"\(identifier)\"\(canReact ? " class=\"interactive\"" : "")>"
    html += "<div class=\"drawing\(isBitmap ? " paper" : "")\">\(drawing)</div>"
    html += "<figcaption>\(HTML.escape(figure.description ?? "")) "
    html +=
      "<span class=\"lineage\" title=\"\(HTML.escape("\(name)\nsha256 \(digest.hex)\nrun \(record.id)"))\">"
    html += "<code>\(HTML.escape(name))</code></span></figcaption>"
    if canReact {
      html += PageWriter.specification(figure.spec)
    }
    html += "</figure>\n"
    parts.append(RenderedPage.Part(name: "figure \(name)", size: html.utf8.count))
    return html
  }

  /// A figure's specification for the script that brings it to life.
  ///
  /// What its data say is in the picture already, so that they stand here as small as can be.
  private static func specification(_ json: String) -> String {
    let packed = Packing.deflated(Array(json.utf8))
    guard let packed, packed.count * 4 / 3 < json.utf8.count else {
      return "<script type=\"application/json\">\(HTML.scriptData(json))</script>"
    }
    return
      "<script type=\"application/json+deflate\">\(Data(packed).base64EncodedString())</script>"
  }

  private mutating func undrawn(_ figure: PageFigures.Figure, _ name: String, _ reason: String)
    -> String
  {
    let html = gap("Figure \(name) is not drawn:", reason)
    guard let table = PageFigures.data(of: figure.spec) else { return html }
    return html + table.html(identifier: identifiers.make("table-", name))
  }

  private mutating func table(_ output: ArtifactRecord, _ instance: InstanceRecord, rows: Int?)
    -> String
  {
    let name = "\(instance.name).\(output.slot)"
    switch bytes(of: output.digest) {
    case .failure(let gap): return self.gap("Table \(name) is missing.", gap.description)
    case .success(let bytes):
      let csv = CommaSeparated(bytes)
      if csv.header.isEmpty { return gap("Table \(name) is empty.", "The file has no header row.") }
      let table = DataTable(
        caption: "Table \(name)", csv: csv, visibleRows: max(1, rows ?? options.tableRows))
      var html = table.html(identifier: identifiers.make("table-", name))
      html +=
        "<p class=\"aside\"><span title=\"\(HTML.escape("sha256 \(output.digest.hex)\nrun \(record.id)"))\">"
      html += "<code>\(HTML.escape(name))</code></span> · "
      html += "\(NumberText.grouped(csv.rows.count)) rows · "
      if bytes.count <= 256 << 10 {
        let file = PageIdentifiers.slug(name) + ".csv"
        html += "<a download=\"\(HTML.escape(file))\" href=\"data:text/csv;base64,"
        html +=
          "\(Data(bytes).base64EncodedString())\">CSV, \(NumberText.bytes(bytes.count))</a></p>"
      } else {
        html += "\(NumberText.bytes(bytes.count)) in the store as \(output.digest.short)</p>"
      }
      parts.append(RenderedPage.Part(name: "table \(name)", size: html.utf8.count))
      return html
    }
  }

  private func text(_ output: ArtifactRecord, _ instance: InstanceRecord) -> String {
    let name = "\(instance.name).\(output.slot)"
    switch bytes(of: output.digest) {
    case .failure(let gap): return self.gap("Output \(name) is missing.", gap.description)
    case .success(let bytes):
      let limit = 64 << 10
      let text = String(decoding: bytes.prefix(limit), as: UTF8.self)
      let rest = bytes.count > limit ? "\n… \(NumberText.bytes(bytes.count - limit)) more" : ""
      return "<pre class=\"output\" tabindex=\"0\">\(HTML.escape(LogText.plain(text) + rest))</pre>"
    }
  }

  // MARK: - Failures

  private func failure(_ instance: InstanceRecord) -> String {
    guard let error = instance.error else { return "" }
    var html = "<div class=\"failure\"><p><strong>\(HTML.escape(instance.name)) failed</strong> "
    html += "\(HTML.element("code", error.code)) \(HTML.escape(error.message))</p>"
    if !error.excerpt.isEmpty {
      let excerpt = LogText.plain(error.excerpt.suffix(60).joined(separator: "\n"))
      html += "<pre tabindex=\"0\">\(HTML.escape(excerpt))</pre>"
    }
    html += "<p class=\"aside\">To run it again: "
    html +=
      "\(HTML.element("code", "pipeline run \(Shell.quote(record.file)) --only \(Shell.quote(instance.name))"))"
    return html + "</p></div>"
  }
}

/// Words for a POSIX shell.
package enum Shell {
  package static func quote(_ word: String) -> String {
    let plain = word.utf8.allSatisfy { byte in
      (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
        || "_-./=:,@%+".utf8.contains(byte)
    }
    return plain && !word.isEmpty ? word : "'" + word.replacing("'", with: "'\\''") + "'"
  }
}
