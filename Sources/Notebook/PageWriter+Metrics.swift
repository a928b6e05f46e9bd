import RunRecord
import StructuredValue

extension PageWriter {
  /// The metrics of a cell: tiles for a few numbers of one instance, else one table for all.
  mutating func metrics(_ cell: StageCellRecord, _ own: [InstanceRecord], only: [String]) -> String
  {
    let known = Set(own.flatMap { $0.metrics.keys })
    let names = only.isEmpty ? known.sorted() : only
    if own.isEmpty { return "" }
    if known.isEmpty {
      if own.contains(where: { options.pending.contains($0.name) }) {
        return gap("No metrics yet.", "They appear when the stage has run.", isToCome: true)
      }
      return gap("No metrics.", OutcomeMark.sentence(own))
    }
    if own.count == 1 { return names.count <= 6 ? tiles(own[0], names) : list(own[0], names) }
    return matrixTable(cell, own, names)
  }

  private func tiles(_ instance: InstanceRecord, _ names: [String]) -> String {
    var html = "<dl class=\"tiles\">"
    for name in names {
      let metric = instance.metrics[name]
      let doc = metric?.doc.map { " title=\"\(HTML.escape($0))\"" } ?? ""
      html += "<div><dt\(doc)>\(HTML.escape(name)) \(PageWriter.arrow(metric?.direction))</dt><dd>"
      html += metric.map { value($0, name, instance) } ?? "–"
      html += "</dd></div>"
    }
    return html + "</dl>\n"
  }

  private func value(_ metric: MetricRecord, _ name: String, _ instance: InstanceRecord) -> String {
    let title = HTML.escape(lineage("\(instance.name).\(name)", metric.value, instance))
    let unit = metric.unit.map { " <small>\(HTML.escape($0))</small>" } ?? ""
    return "<span class=\"value\" title=\"\(title)\">\(HTML.escape(NumberText.short(metric.value)))"
      + "\(unit)</span>"
  }

  private mutating func list(_ instance: InstanceRecord, _ names: [String]) -> String {
    let rows: [[DataTable.Cell]] = names.map { name in
      let metric = instance.metrics[name]
      let shown = metric.map { NumberText.short($0.value) } ?? "–"
      return [
        DataTable.Cell(text: name, title: metric?.doc),
        DataTable.Cell(
          text: shown, number: metric?.value.double.flatMap { $0.isFinite ? $0 : nil },
          title: metric.map { lineage("\(instance.name).\(name)", $0.value, instance) }),
        DataTable.Cell(text: metric?.unit ?? ""),
        DataTable.Cell(text: PageWriter.arrow(metric?.direction), isMarkup: true),
      ]
    }
    let table = DataTable(
      caption: "Metrics of \(instance.name)",
      columns: [
        DataTable.Column(name: "Metric"), DataTable.Column(name: "Value", isNumeric: true),
        DataTable.Column(name: "Unit"), DataTable.Column(name: "Better"),
      ], rows: rows, visibleRows: 24)
    return table.html(identifier: identifiers.make("metrics-", instance.name))
  }

  /// Rows are instances; columns the matrix axes, the outcome and the metrics.
  private mutating func matrixTable(
    _ cell: StageCellRecord, _ own: [InstanceRecord], _ names: [String]
  ) -> String {
    let axes = Set(own.flatMap { $0.matrix.keys }).sorted()
    let sample = Dictionary(
      own.flatMap { Array($0.metrics) }.map { ($0.key, $0.value) },
      uniquingKeysWith: { old, _ in old })
    let decimals = Dictionary(
      uniqueKeysWithValues: Set(names).map { name in
        (name, NumberText.decimals(of: own.compactMap { $0.metrics[name]?.value.double }))
      })
    var columns = axes.map { DataTable.Column(name: $0) }
    let mixed = Set(own.map(\.outcome)).count > 1
    if mixed { columns.append(DataTable.Column(name: "Outcome")) }
    columns += names.map { name in
      let metric = sample[name]
      let unit = metric?.unit.map { " <small>\(HTML.escape($0))</small>" } ?? ""
      return DataTable.Column(
        name: name, suffix: "\(unit) \(PageWriter.arrow(metric?.direction))", title: metric?.doc,
        isNumeric: true)
    }
    let rows: [[DataTable.Cell]] = own.map { instance in
      var row = axes.enumerated().map { index, axis in
        let text = instance.matrix[axis]?.text ?? ""
        guard index == 0, let anchor = anchors.instances[instance.name] else {
          return DataTable.Cell(text: text)
        }
        return DataTable.Cell(
          text: "<a href=\"#\(anchor)\">\(HTML.escape(text))</a>", isMarkup: true)
      }
      if mixed {
        row.append(DataTable.Cell(text: OutcomeMark.html(instance.outcome), isMarkup: true))
      }
      return row
        + names.map { name in
          metricCell(instance, name, decimals: decimals[name] ?? nil)
        }
    }
    let table = DataTable(
      caption: "Metrics of \(cell.id)", columns: columns, rows: rows, visibleRows: 24)
    return table.html(identifier: identifiers.make("metrics-", cell.id))
  }

  private func metricCell(_ instance: InstanceRecord, _ name: String, decimals: Int?)
    -> DataTable.Cell
  {
    guard let metric = instance.metrics[name] else { return DataTable.Cell(text: "–") }
    let title = lineage("\(instance.name).\(name)", metric.value, instance)
    guard let number = metric.value.double, number.isFinite else {
      return DataTable.Cell(text: NumberText.short(metric.value), title: title)
    }
    let isInteger = if case .int = metric.value { true } else { false }
    let text =
      isInteger
      ? NumberText.short(metric.value)
      : decimals.map { NumberText.fixed(number, decimals: $0) } ?? NumberText.short(number)
    return DataTable.Cell(text: text, number: number, title: title)
  }

  /// Which way is better.
  static func arrow(_ direction: MetricRecord.Direction?) -> String {
    switch direction {
    case .higher:
      "<span class=\"arrow\" title=\"higher is better\" role=\"img\" aria-label=\"higher is better\">↑</span>"
    case .lower:
      "<span class=\"arrow\" title=\"lower is better\" role=\"img\" aria-label=\"lower is better\">↓</span>"
    case nil: ""
    }
  }
}
