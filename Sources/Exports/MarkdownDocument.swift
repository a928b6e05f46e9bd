import Foundation
import Notebook
import RunRecord
import StructuredValue

/// A run as one Markdown file, with its figures as files beside it.
public struct MarkdownDocument {
  private let run: ExportedRun
  private let folder: String
  /// The figures, by their path relative to the document.
  public private(set) var files: [(path: String, bytes: [UInt8])] = []
  /// The document, as GitHub reads it.
  public private(set) var text = ""
  private var identifiers = PageIdentifiers()

  /// - `figureFolder`: Where the figures go, relative to the document.
  public init(_ run: ExportedRun, figureFolder: String) {
    self.run = run
    folder = figureFolder
    var blocks = ["# \(MarkdownText.escape(run.title))", "*\(run.provenanceText)*"]
    for cell in run.record.cells {
      switch cell {
      case .text(let text):
        blocks.append(
          run.formatting.prose(text).trimmingCharacters(in: .whitespacesAndNewlines))
      case .stage(let stage): blocks += self.blocks(of: stage)
      case .claim(let claim): blocks.append(run.claimText(claim))
      }
    }
    text = blocks.filter { !$0.isEmpty }.joined(separator: "\n\n") + "\n"
  }

  private mutating func blocks(of cell: StageCellRecord) -> [String] {
    let own = run.instances(of: cell)
    var blocks = cell.description.map { [$0] } ?? []
    for instance in own {
      guard let error = instance.error else { continue }
      blocks.append(
        "**\(MarkdownText.escape(instance.name)) failed** (\(error.code)): "
          + MarkdownText.escape(error.message))
      if !error.excerpt.isEmpty {
        blocks.append(MarkdownText.fenced(error.excerpt.joined(separator: "\n"), "text"))
      }
    }
    for item in cell.show {
      switch item {
      case .metrics(let names):
        if let table = run.metricsTable(cell, only: names) { blocks.append(table) }
      case .figure(let slot):
        for (instance, output) in outputs(slot, own) { blocks.append(figure(output, instance)) }
      case .table(let slot, let rows):
        for (instance, output) in outputs(slot, own) {
          if own.count > 1 { blocks.append("**\(MarkdownText.escape(run.label(instance)))**") }
          blocks.append(table(output, instance, rows: rows ?? 20))
        }
      case .text(let slot):
        for (instance, output) in outputs(slot, own) { blocks.append(content(output, instance)) }
      }
    }
    var told: Set<String> = []
    blocks += own.flatMap(\.notes).filter { told.insert($0).inserted }
    return blocks
  }

  private func outputs(
    _ slot: String, _ own: [InstanceRecord]
  ) -> [(InstanceRecord, ArtifactRecord)] {
    own.compactMap { instance in
      instance.outputs.first { $0.slot == slot }.map { (instance, $0) }
    }
  }

  private mutating func figure(_ output: ArtifactRecord, _ instance: InstanceRecord) -> String {
    let name = "\(instance.name).\(output.slot)"
    let file = identifiers.make("", name)
    let path: String
    switch run.drawing(of: output) {
    case .svg(let svg):
      path = "\(folder)/\(file).svg"
      files.append((path, Array(svg.utf8)))
    case .png(let bytes):
      path = "\(folder)/\(file).png"
      files.append((path, bytes))
    case .failure(let reason):
      return "*Figure \(MarkdownText.escape(name)) is not drawn: \(MarkdownText.escape(reason))*"
    }
    // Angle brackets, since the folder may have spaces in its name.
    return "![\(MarkdownText.escape(name))](<\(path)>)"
  }

  private func table(_ output: ArtifactRecord, _ instance: InstanceRecord, rows: Int) -> String {
    let name = "\(instance.name).\(output.slot)"
    switch run.table(of: output) {
    case .failure(let missing):
      return "*Table \(MarkdownText.escape(name)) is missing: \(missing)*"
    case .success(let csv):
      let shown = csv.rows.prefix(max(1, rows)).map { row in
        csv.header.indices.map { $0 < row.count ? row[$0] : "" }
      }
      let rest =
        csv.rows.count > shown.count
        ? "\n\n*\(shown.count) of \(csv.rows.count) rows of `\(name)`*" : ""
      return MarkdownText.table(csv.header, shown) + rest
    }
  }

  private func content(_ output: ArtifactRecord, _ instance: InstanceRecord) -> String {
    switch run.bytes(of: output) {
    case .failure(let missing):
      return "*\(MarkdownText.escape("\(instance.name).\(output.slot)")) is missing: \(missing)*"
    case .success(let bytes):
      return MarkdownText.fenced(String(decoding: bytes.prefix(64 << 10), as: UTF8.self), "text")
    }
  }
}
