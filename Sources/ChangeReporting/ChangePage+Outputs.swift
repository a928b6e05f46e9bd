import ArtifactComparison
import Foundation
import Notebook
import Provenance
import RunRecord
import StructuredValue

extension ChangePage {
  /// Each output that changed, by its kind.
  mutating func outputs() -> String {
    let changes = report.artifacts
    guard !changes.isEmpty else { return "" }
    let shown = changes.prefix(ChangePage.mostOutputs)
    let drawings = self.drawings(of: shown)
    var html = ""
    for (index, change) in shown.enumerated() {
      let anchor = identifiers.make("output-", change.name)
      var part = "<article class=\"output-change\" id=\"\(anchor)\"><header>"
      part += "<h3>\(HTML.element("code", change.name))</h3> "
      part += HTML.element("span", class: "badge", change.kind)
      part += "<span class=\"outcome\">\(HTML.escape(ChangeText.artifact(change.output.before))) → "
      part += "\(HTML.escape(ChangeText.artifact(change.output.after)))</span></header>"
      if let pair = drawings[index] { part += figures(pair, change) }
      part += difference(change) + "</article>\n"
      parts.append(RenderedPage.Part(name: "output \(change.name)", size: part.utf8.count))
      html += part
    }
    if changes.count > shown.count {
      html += "<p class=\"aside\">And \(changes.count - shown.count) more: "
      html +=
        changes.dropFirst(shown.count).map { HTML.element("code", $0.name) }
        .joined(separator: ", ") + "</p>"
    }
    return html
  }

  // MARK: - Figures

  /// The two states of a figure; nil where there is none of that name.
  struct DrawingPair {
    var before: DrawnFigure?
    var after: DrawnFigure?
    /// Both on common axes; nil where they are of a form that cannot be laid over each other.
    var both: DrawnFigure?
  }

  /// All figures, drawn in one go, by the place of their output.
  private func drawings(of changes: ArraySlice<ChangeReport.ArtifactChange>) -> [Int: DrawingPair] {
    var specs: [String] = []
    var places: [(index: Int, side: WritableKeyPath<DrawingPair, DrawnFigure?>)] = []
    var pairs: [Int: DrawingPair] = [:]
    for (index, change) in changes.enumerated() where change.kind == "figure/vega-lite" {
      var own: [String] = []
      let sides: [(ArtifactRecord?, WritableKeyPath<DrawingPair, DrawnFigure?>)] = [
        (change.output.before, \.before), (change.output.after, \.after),
      ]
      for (output, side) in sides {
        guard let output, !output.isTree else { continue }
        do {
          own.append(String(decoding: try artifacts.bytes(of: output.digest), as: UTF8.self))
          places.append((index, side))
        } catch {
          pairs[index, default: DrawingPair()][keyPath: side] = .failure("\(error)")
        }
      }
      specs += own
      if own.count == 2, let both = FigureOverlay.specification(own[0], own[1]) {
        specs.append(both)
        places.append((index, \.both))
      }
    }
    let drawn = specs.isEmpty ? [] : figures.draw(specs)
    for (place, drawing) in zip(places, drawn) {
      pairs[place.index, default: DrawingPair()][keyPath: place.side] = drawing
    }
    return pairs
  }

  /// Side by side; a script shows them in one on demand.
  private mutating func figures(_ pair: DrawingPair, _ change: ChangeReport.ArtifactChange)
    -> String
  {
    var html = "<div class=\"figure-pair\">"
    for (side, name) in [(pair.before, "Before"), (pair.after, "After")] {
      html += "<figure class=\"\(name.lowercased())\"><figcaption>\(name)</figcaption>"
      html += "<div class=\"drawing\">"
      html +=
        side.map { drawing($0, "\(name.lowercased()): \(change.name)") }
        ?? "<p class=\"aside\">absent</p>"
      html += "</div></figure>"
    }
    if let both = pair.both {
      if case .failure = both { return html + "</div>" }
      html += "<figure class=\"both\"><figcaption>Before pale, after full</figcaption>"
      html += "<div class=\"drawing\">\(drawing(both, "both: \(change.name)"))</div></figure>"
    }
    return html + "</div>"
  }

  private mutating func drawing(_ figure: DrawnFigure, _ label: String) -> String {
    switch figure {
    case .svg(let svg):
      let prefix = identifiers.make("drawing-", label) + "-"
      return SVGFilter.filter(svg, prefix: prefix, label: label)
        ?? gap("Its drawing is no well-formed SVG.")
    case .png(let bytes):
      return "<img alt=\"\(HTML.escape(label))\" src=\"data:image/png;base64,"
        + "\(Data(bytes).base64EncodedString())\">"
    case .failure(let reason): return gap(reason)
    }
  }

  private func gap(_ reason: String) -> String {
    "<div class=\"gap\" role=\"note\"><strong>Not drawn.</strong> \(HTML.escape(reason))</div>"
  }

  // MARK: - Differences by kind

  private mutating func difference(_ change: ChangeReport.ArtifactChange) -> String {
    guard let comparison = change.comparison else { return "" }
    if case .table(let table) = comparison.difference {
      return self.table(table, change.name)
    }
    let lines = ChangePage.lines(comparison.lines)
    return change.kind == "figure/vega-lite"
      ? HTML.details("What differs in the data", lines) : lines
  }

  private mutating func table(_ table: TableDifference, _ name: String) -> String {
    var html = "<p class=\"aside\">\(HTML.escape(ChangePage.account(table)))</p>"
    if !table.columns.isEmpty {
      let columns = DataTable(
        caption: "Columns of \(name)",
        columns: [
          DataTable.Column(name: "Column"), DataTable.Column(name: "Cells", isNumeric: true),
          DataTable.Column(name: "Mean before", isNumeric: true),
          DataTable.Column(name: "Mean after", isNumeric: true),
          DataTable.Column(name: "Largest |Δ|", isNumeric: true),
        ],
        rows: table.columns.map { column in
          [
            DataTable.Cell(text: column.name),
            DataTable.Cell(text: "\(column.changed)", number: Double(column.changed)),
            ChangePage.number(column.oldMean), ChangePage.number(column.newMean),
            ChangePage.number(column.largestDelta),
          ]
        }, visibleRows: 12)
      html += columns.html(identifier: identifiers.make("columns-", name))
    }
    if !table.cells.isEmpty {
      let keyed =
        if case .key(let names) = table.matching { names.joined(separator: ", ") } else { "Row" }
      let cells = DataTable(
        caption: "Cells of \(name) that changed",
        columns: [
          DataTable.Column(name: keyed), DataTable.Column(name: "Column"),
          DataTable.Column(name: "Before", isNumeric: true),
          DataTable.Column(name: "After", isNumeric: true),
          DataTable.Column(name: "Δ", isNumeric: true),
        ],
        rows: table.cells.map { cell in
          [
            DataTable.Cell(text: cell.key), DataTable.Cell(text: cell.column),
            DataTable.Cell(text: cell.old, number: Double(cell.old)),
            DataTable.Cell(text: cell.new, number: Double(cell.new)),
            DataTable.Cell(text: ChangeText.signed(cell.delta), number: cell.delta),
          ]
        }, visibleRows: 12)
      html += cells.html(identifier: identifiers.make("cells-", name))
      if table.changedCells > table.cells.count {
        html +=
          "<p class=\"aside\">The \(table.cells.count) largest of \(table.changedCells) changed cells.</p>"
      }
    }
    let rows =
      ChangePage.rows(table.removedKeys, of: table.removedRows, "-")
      + ChangePage.rows(table.addedKeys, of: table.addedRows, "+")
    return rows.isEmpty ? html : html + ChangePage.lines(rows)
  }

  private static func number(_ number: Double) -> DataTable.Cell {
    DataTable.Cell(
      text: NumberText.short(number), number: number.isFinite ? number : nil, title: "\(number)")
  }

  private static func rows(_ keys: [String], of count: Int, _ sign: String) -> [String] {
    keys.map { "\(sign) \($0)" }
      + (count > keys.count ? ["\(sign) and \(count - keys.count) more"] : [])
  }

  private static func account(_ table: TableDifference) -> String {
    var parts = ["\(table.oldRowCount) → \(table.newRowCount) rows"]
    if table.removedRows > 0 { parts.append("\(table.removedRows) removed") }
    if table.addedRows > 0 { parts.append("\(table.addedRows) added") }
    switch table.matching {
    case .key(let names):
      parts.append("\(table.changedRows) changed, matched by \(names.joined(separator: ", "))")
    case .multiset: parts.append("matched as a whole, having no key column")
    }
    parts += table.addedColumns.map { "column '\($0)' added" }
    parts += table.removedColumns.map { "column '\($0)' removed" }
    parts += table.retypedColumns.map { "column \($0)" }
    if table.isColumnOrderChanged { parts.append("columns in another order") }
    return parts.joined(separator: ", ")
  }
}
