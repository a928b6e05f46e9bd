import ContentHashing
import Foundation
import Notebook
import RunRecord
public import StructuredValue

/// A run as a Jupyter notebook, nbformat 4.5: text, parameters, and the outputs of the stages.
///
/// Cells have the same ids in every export of the same pipeline, and no execution counts, so that a
/// notebook under version control changes only where results do.
public struct JupyterNotebook {
  private let run: ExportedRun
  private var cells: [Value] = []
  private var identifiers: Set<String> = []

  /// Above this many bytes a figure's specification is left out: its picture stays.
  static let largestSpecification = 2 << 20
  /// Rows of a table that the notebook holds; the caption tells how many there are.
  static let mostRows = 200

  public init(_ run: ExportedRun) {
    self.run = run
    add(markdown: run.provenanceText, id: "provenance")
    if !run.record.parameters.isEmpty { addParameters() }
    for cell in run.record.cells {
      switch cell {
      case .text(let text):
        add(markdown: run.formatting.prose(text), id: "text-\(Digest.of(text).hex.prefix(12))")
      case .stage(let stage): add(stage)
      case .claim(let claim):
        add(
          markdown: run.claimText(claim),
          id: "claim-\(Digest.of(claim.claim + "\u{0}" + claim.measured).hex.prefix(12))")
      }
    }
  }

  /// The notebook as JSON.
  public var value: Value {
    [
      "nbformat": 4, "nbformat_minor": 5, "cells": .list(cells),
      "metadata": [
        "kernelspec": ["display_name": "Python 3", "language": "python", "name": "python3"],
        "language_info": ["name": "python"], "title": .string(run.title),
        "pipeline": [
          "run": .string(run.record.id), "file": .string(run.record.file),
          "commit": run.record.source?.commit.map { .string($0) } ?? .null,
          "version": .string(run.record.tool.version),
        ],
      ],
    ]
  }

  // MARK: - Cells

  private mutating func add(markdown text: String, id: String) {
    cells.append([
      "cell_type": "markdown", "id": identifier(id), "metadata": [:],
      "source": JupyterNotebook.lines(text),
    ])
  }

  private mutating func addParameters() {
    // The tag by which papermill finds the cell that it may replace.
    cells.append([
      "cell_type": "code", "id": identifier("parameters"),
      "metadata": ["tags": ["parameters"]], "execution_count": nil, "outputs": [],
      "source": JupyterNotebook.lines(
        "params = " + PythonLiteral.text(.map(run.record.parameters), indent: 0)),
    ])
  }

  private mutating func add(_ cell: StageCellRecord) {
    let own = run.instances(of: cell)
    if let description = cell.description {
      add(markdown: description, id: "about-\(cell.id)")
    }
    var source = ["# stage \(cell.id)"]
    if own.first?.plugin == nil {
      source += cell.uses.split(separator: "\n").prefix(40).map { "#   \($0)" }
    } else {
      source[0] += ": \(run.tool(cell))"
    }
    source += own.map { instance in
      let name = instance.matrix.isEmpty ? "" : "\(run.label(instance)): "
      return "# \(name)\(instance.outcome.rawValue)"
        + (instance.key.map { ", key \($0.short)" } ?? "")
    }
    source.append("!\(run.command(cell))")
    var outputs = own.compactMap { failure(of: $0) }
    outputs += cell.show.flatMap { show($0, of: cell) }
    for note in own.flatMap(\.notes) { outputs.append(display(["text/markdown": .string(note)])) }
    cells.append([
      "cell_type": "code", "id": identifier("stage-\(cell.id)"), "execution_count": nil,
      "metadata": [
        "pipeline": ["stage": .string(cell.id), "uses": .string(cell.uses)]
      ],
      "source": JupyterNotebook.lines(source.joined(separator: "\n")), "outputs": .list(outputs),
    ])
  }

  /// At most 64 letters, digits, `-` and `_`, each once.
  private mutating func identifier(_ wanted: String) -> Value {
    let plain = String(
      wanted.unicodeScalars.map { scalar in
        let isPlain = scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9") ~= scalar)
        return isPlain || scalar == "-" || scalar == "_" ? Character(scalar) : "-"
      }.prefix(56))
    var candidate = plain
    var number = 2
    while !identifiers.insert(candidate).inserted {
      candidate = "\(plain)-\(number)"
      number += 1
    }
    return .string(candidate)
  }

  // MARK: - Outputs

  private func show(_ item: StageCellRecord.ShowItem, of cell: StageCellRecord) -> [Value] {
    switch item {
    case .metrics(let names):
      return run.metricsTable(cell, only: names).map { table in
        [display(["text/markdown": JupyterNotebook.lines(table)])]
      } ?? []
    case .figure(let slot): return each(slot, cell) { figure($0, $1) }
    case .table(let slot, let rows): return each(slot, cell) { table($0, $1, rows: rows) }
    case .text(let slot): return each(slot, cell) { text($0, $1) }
    }
  }

  /// One output of each instance, under its name where there are several.
  private func each(
    _ slot: String, _ cell: StageCellRecord,
    _ content: (ArtifactRecord, InstanceRecord) -> Value
  ) -> [Value] {
    let own = run.instances(of: cell)
    return own.flatMap { instance -> [Value] in
      guard let output = instance.outputs.first(where: { $0.slot == slot }) else { return [] }
      let heading = "**\(MarkdownText.escape(run.label(instance)))**"
      let title = own.count > 1 ? [display(["text/markdown": .string(heading)])] : []
      return title + [content(output, instance)]
    }
  }

  private func figure(_ output: ArtifactRecord, _ instance: InstanceRecord) -> Value {
    let name = "\(instance.name).\(output.slot)"
    var bundle: [String: Value] = ["text/plain": .string("figure \(name)")]
    if let specification = run.specification(of: output), specification.map != nil,
      output.size <= JupyterNotebook.largestSpecification
    {
      bundle[JupyterNotebook.vegaType(specification)] = specification
    }
    switch run.drawing(of: output) {
    case .svg(let svg): bundle["image/svg+xml"] = JupyterNotebook.lines(svg)
    case .png(let bytes): bundle["image/png"] = .string(Data(bytes).base64EncodedString())
    case .failure(let reason):
      bundle["text/plain"] = .string("figure \(name) is not drawn: \(reason)")
    }
    return display(bundle)
  }

  /// The MIME type of the Vega-Lite version that a specification names; of 5 where it names none.
  private static func vegaType(_ specification: Value) -> String {
    let schema = specification["$schema"]?.string ?? ""
    let version = schema.split(separator: "/").last { $0.hasPrefix("v") }?.dropFirst()
      .prefix { $0.isNumber }
    return "application/vnd.vegalite.v\(version.flatMap { Int($0) } ?? 5)+json"
  }

  private func table(_ output: ArtifactRecord, _ instance: InstanceRecord, rows: Int?) -> Value {
    let name = "\(instance.name).\(output.slot)"
    switch run.table(of: output) {
    case .failure(let missing):
      return display(["text/plain": .string("table \(name) is missing: \(missing)")])
    case .success(let csv):
      let limit = min(max(1, rows ?? 20), JupyterNotebook.mostRows)
      let shown = csv.rows.prefix(limit).map { row in
        csv.header.indices.map { $0 < row.count ? row[$0] : "" }
      }
      let rest = csv.rows.count > shown.count ? "\(shown.count) of " : ""
      let caption = "\(name): \(rest)\(csv.rows.count) rows"
      return display([
        "text/html": JupyterNotebook.lines(
          JupyterNotebook.html(caption: caption, csv.header, shown)),
        "text/markdown": JupyterNotebook.lines(MarkdownText.table(csv.header, shown)),
        "text/plain": .string(caption),
      ])
    }
  }

  private static func html(caption: String, _ header: [String], _ rows: [[String]]) -> String {
    func row(_ cells: [String], _ tag: String) -> String {
      "<tr>" + cells.map { HTML.element(tag, $0) }.joined() + "</tr>"
    }
    return
      "<table>\n<caption>\(HTML.escape(caption))</caption>\n<thead>\(row(header, "th"))</thead>\n"
      + "<tbody>\n" + rows.map { row($0, "td") }.joined(separator: "\n") + "\n</tbody>\n</table>"
  }

  private func text(_ output: ArtifactRecord, _ instance: InstanceRecord) -> Value {
    switch run.bytes(of: output) {
    case .failure(let missing):
      return display([
        "text/plain": .string("\(instance.name).\(output.slot) is missing: \(missing)")
      ])
    case .success(let bytes):
      let text = String(decoding: bytes.prefix(64 << 10), as: UTF8.self)
      return [
        "output_type": "stream", "name": "stdout",
        "text": JupyterNotebook.lines(
          text + (bytes.count > 64 << 10 ? "\n… \(bytes.count - 64 << 10) bytes more\n" : "")),
      ]
    }
  }

  private func failure(of instance: InstanceRecord) -> Value? {
    guard let error = instance.error else { return nil }
    return [
      "output_type": "error", "ename": .string(error.code), "evalue": .string(error.message),
      "traceback": .list(
        (["\(instance.name): \(error.code): \(error.message)"] + error.excerpt)
          .map { .string($0) }),
    ]
  }

  private func display(_ bundle: [String: Value]) -> Value {
    ["output_type": "display_data", "data": .map(bundle), "metadata": [:]]
  }

  // MARK: - Texts

  /// A text as notebooks keep it: a list of lines with their ends, which differ line by line.
  private static func lines(_ text: String) -> Value {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    return .list(
      lines.enumerated().compactMap { index, line in
        index + 1 < lines.count
          ? .string(line + "\n") : line.isEmpty ? nil : .string(String(line))
      })
  }
}

/// Values as Python writes them.
enum PythonLiteral {
  static func text(_ value: Value, indent: Int) -> String {
    let inner = String(repeating: " ", count: indent + 4)
    let outer = String(repeating: " ", count: indent)
    switch value {
    case .null: return "None"
    case .bool(let value): return value ? "True" : "False"
    case .int(let value): return String(value)
    case .double(let value):
      return value.isNaN
        ? "float(\"nan\")"
        : value.isInfinite ? "float(\"\(value < 0 ? "-" : "")inf\")" : value.description
    // A JSON string is a Python string, but for the surrogate pairs that ours does not write.
    case .string: return value.json()
    case .list(let items):
      if items.isEmpty { return "[]" }
      let short = "[" + items.map { text($0, indent: 0) }.joined(separator: ", ") + "]"
      if short.count <= 72, !short.contains("\n") { return short }
      return "[\n" + items.map { "\(inner)\(text($0, indent: indent + 4)),\n" }.joined() + outer
        + "]"
    case .map(let members):
      if members.isEmpty { return "{}" }
      return "{\n"
        + members.sorted { $0.key < $1.key }.map { key, value in
          "\(inner)\(Value.string(key).json()): \(text(value, indent: indent + 4)),\n"
        }.joined() + outer + "}"
    }
  }
}
