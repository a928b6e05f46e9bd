import Foundation
import StructuredValue

/// A table of the page: sortable, numbers aligned, long ones folded.
package struct DataTable {
  package struct Cell {
    /// What is shown; escaped when written unless it is markup.
    package var text: String
    package var isMarkup = false
    /// What it is sorted by, where that is a number.
    package var number: Double?
    /// The exact value or where it comes from.
    package var title: String?

    package init(
      text: String, isMarkup: Bool = false, number: Double? = nil, title: String? = nil
    ) {
      self.text = text
      self.isMarkup = isMarkup
      self.number = number
      self.title = title
    }
  }

  package struct Column {
    package var name: String
    /// Markup after the name, such as a unit.
    package var suffix = ""
    package var title: String?
    package var isNumeric = false

    package init(
      name: String, suffix: String = "", title: String? = nil, isNumeric: Bool = false
    ) {
      self.name = name
      self.suffix = suffix
      self.title = title
      self.isNumeric = isNumeric
    }
  }

  package var caption: String
  package var columns: [Column]
  package var rows: [[Cell]]
  package var visibleRows: Int

  /// More rows than this make a page slow; the rest is in the download.
  static let mostRows = 500

  package func html(identifier: String) -> String {
    var html = "<div class=\"table-frame\" tabindex=\"0\" role=\"region\" "
    html += "aria-label=\"\(HTML.escape(caption))\">"
    html += "<table class=\"data\" id=\"\(identifier)\" data-visible=\"\(visibleRows)\">"
    html += "<caption class=\"unseen\">\(HTML.escape(caption))</caption><thead><tr>"
    for column in columns {
      let title = column.title.map { " title=\"\(HTML.escape($0))\"" } ?? ""
      html += "<th scope=\"col\"\(column.isNumeric ? " class=\"number\"" : "")\(title)>"
      html += "\(HTML.escape(column.name))\(column.suffix)</th>"
    }
    html += "</tr></thead><tbody>\n"
    for (index, row) in rows.prefix(DataTable.mostRows).enumerated() {
      html += index >= visibleRows ? "<tr class=\"more\">" : "<tr>"
      for (cell, column) in zip(row, columns) { html += DataTable.html(cell, column) }
      html += "</tr>\n"
    }
    html += "</tbody></table></div>"
    if min(rows.count, DataTable.mostRows) > visibleRows {
      html += "<button class=\"show-rows\" type=\"button\" aria-controls=\"\(identifier)\">"
      html += "Show all \(NumberText.grouped(min(rows.count, DataTable.mostRows))) rows</button>"
    }
    if rows.count > DataTable.mostRows {
      html += "<p class=\"aside\">The first \(DataTable.mostRows) of "
      html += "\(NumberText.grouped(rows.count)) rows.</p>"
    }
    return html
  }

  private static func html(_ cell: Cell, _ column: Column) -> String {
    var attributes = column.isNumeric ? " class=\"number\"" : ""
    if let title = cell.title { attributes += " title=\"\(HTML.escape(title))\"" }
    if let number = cell.number { attributes += " data-sort=\"\(number)\"" }
    return "<td\(attributes)>\(cell.isMarkup ? cell.text : HTML.escape(cell.text))</td>"
  }

  // MARK: - From CSV

  package init(caption: String, columns: [Column], rows: [[Cell]], visibleRows: Int) {
    self.caption = caption
    self.columns = columns
    self.rows = rows
    self.visibleRows = visibleRows
  }

  /// Numbers are found by looking: a column is numeric when all of its non-empty cells are.
  package init(caption: String, csv: CommaSeparated, visibleRows: Int) {
    let shown = csv.rows.prefix(DataTable.mostRows)
    columns = csv.header.map { Column(name: $0) }
    rows = shown.map { row in
      csv.header.indices.map { Cell(text: $0 < row.count ? row[$0] : "") }
    }
    for index in columns.indices {
      let texts = rows.map { $0[index].text }
      let filled = texts.filter { !DataTable.isMissing($0) }
      let numbers = filled.compactMap(Double.init)
      guard !numbers.isEmpty, numbers.count == filled.count else { continue }
      columns[index].isNumeric = true
      let isInteger = filled.allSatisfy { Int($0) != nil }
      let decimals = NumberText.decimals(of: numbers)
      for (row, text) in texts.enumerated() {
        guard let number = Double(text), !DataTable.isMissing(text) else {
          rows[row][index].text = text.isEmpty ? "–" : text
          continue
        }
        rows[row][index] = Cell(
          text: isInteger
            ? text.replacing("-", with: "−")
            : decimals.map { NumberText.fixed(number, decimals: $0) } ?? NumberText.short(number),
          number: number, title: text)
      }
    }
    // Keeps the count right where rows were left out.
    rows += Array(repeating: [], count: csv.rows.count - shown.count)
    self.caption = caption
    self.visibleRows = visibleRows
  }

  private static func isMissing(_ text: String) -> Bool {
    ["", "NA", "nan", "NaN", "null", "None"].contains(text)
  }
}
