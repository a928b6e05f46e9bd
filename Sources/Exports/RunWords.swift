import Foundation
import Notebook
import RunRecord
import StructuredValue

/// Sentences about a run that several exports use, in Markdown.
extension ExportedRun {
  /// The state of the repository in words: commit, branch, changes.
  var sourceText: String {
    guard let source = record.source else { return "not from a git repository" }
    guard let commit = source.commit else { return "from a git repository without a commit" }
    var text = "commit `\(commit.prefix(12))`"
    if let branch = source.branch { text += " on `\(branch)`" }
    if source.dirty { text += ", with uncommitted changes" }
    return text
  }

  /// Two sentences: which run this is, from where, and how many claims hold.
  var provenanceText: String {
    var text = "Run `\(record.id)` of `\(record.file)`"
    if let profile = record.profile { text += ", profile `\(profile)`" }
    text += ", \(RunTime.day(record.started)), \(sourceText)."
    if !claims.isEmpty {
      text += " \(claims.count { $0.verdict == .holds }) of \(claims.count) claims hold."
    }
    return text
  }

  func claimText(_ claim: ClaimRecord) -> String {
    let mark =
      switch claim.verdict {
      case .holds: "✓"
      case .fails: "✗"
      case .unmeasured: "–"
      }
    var text = "> **\(mark) \(claim.verdict.rawValue)**: \(MarkdownText.escape(claim.claim))\n>\n> "
    var facts = [
      "measured \(claim.measuredValue.map { NumberText.short($0) } ?? "nothing") (`\(claim.measured)`)"
    ]
    if let published = claim.published {
      let source = claim.source.map { " (\(MarkdownText.escape($0)))" } ?? ""
      facts.append("published \(NumberText.short(published))\(source)")
    } else if let source = claim.source {
      facts.append("source \(MarkdownText.escape(source))")
    }
    facts.append("holds when \(MarkdownText.escape(claim.holds))")
    text += facts.joined(separator: ", ")
    if let note = claim.note {
      text +=
        "\n>\n"
        + note.split(separator: "\n", omittingEmptySubsequences: false)
        .map { "> \($0)" }.joined(separator: "\n")
    }
    return text
  }

  /// The metrics of a stage as a table: one row for each, or for a matrix one row an instance.
  func metricsTable(_ cell: StageCellRecord, only: [String]) -> String? {
    let own = instances(of: cell)
    let known = Set(own.flatMap { $0.metrics.keys })
    let names = only.isEmpty ? known.sorted() : only.filter(known.contains)
    guard !names.isEmpty else { return nil }
    func text(_ metric: MetricRecord?) -> String {
      guard let metric else { return "–" }
      return NumberText.short(metric.value) + (metric.unit.map { " \($0)" } ?? "")
    }
    if own.count == 1 {
      return MarkdownText.table(
        ["metric", "value", ""],
        names.map { [$0, text(own[0].metrics[$0]), own[0].metrics[$0]?.doc ?? ""] })
    }
    return MarkdownText.table(
      ["instance"] + names,
      own.map { instance in [label(instance)] + names.map { text(instance.metrics[$0]) } })
  }

  /// The matrix values of an instance, or its name where it has none.
  func label(_ instance: InstanceRecord) -> String {
    instance.matrix.isEmpty
      ? instance.name
      : instance.matrix.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.text)" }
        .joined(separator: ", ")
  }

  /// What was executed: `predictor@1.4.0`, or the command.
  func tool(_ cell: StageCellRecord) -> String {
    let own = instances(of: cell)
    return own.first.flatMap { first in first.plugin.map { "\($0)@\(first.version ?? "?")" } }
      ?? cell.uses
  }

  /// The command that executes a stage again.
  func command(_ cell: StageCellRecord) -> String {
    var words = ["pipeline", "run", Shell.quote(record.file)]
    if let profile = record.profile { words += ["--profile", Shell.quote(profile)] }
    for (name, value) in record.overrides.sorted(by: { $0.key < $1.key }) {
      words += ["--set", Shell.quote("\(name)=\(value.text)")]
    }
    return (words + ["--only", Shell.quote(cell.id)]).joined(separator: " ")
  }
}
