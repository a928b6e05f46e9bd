import ArtifactComparison
import Notebook
import Provenance
import RunRecord
import StructuredValue

extension ChangeReport {
  /// The report as GitHub's Markdown, for a pull request.
  public var markdown: String {
    var blocks = ["## \(before.id) → \(after.id)", MarkdownText.escape(summary)]
    let claims = comparison.claims
    if !claims.isEmpty {
      blocks.append("### Claims")
      blocks.append(
        MarkdownText.table(
          ["claim", "before", "after", "measured"],
          claims.map { change in
            [
              change.after?.claim ?? change.before?.claim ?? "",
              ChangeText.verdict(change.before), ChangeText.verdict(change.after),
              "\(ChangeText.measured(change.before)) → \(ChangeText.measured(change.after))",
            ]
          }))
    }
    if !metrics.isEmpty {
      blocks.append("### Metrics")
      blocks.append(
        MarkdownText.table(
          ["metric", "before", "after", "Δ", "Δ %", ""],
          metrics.map { instance, change in
            [
              "\(instance).\(change.name)", ChangeText.number(change.before),
              ChangeText.number(change.after), ChangeText.signed(change.difference),
              ChangeText.percent(change.relative),
              change.judgement == .neither ? "" : change.judgement.rawValue,
            ]
          }))
    }
    if !seeds.isEmpty {
      blocks.append(seeds.map { "- \(MarkdownText.escape($0.sentence))" }.joined(separator: "\n"))
    }
    blocks += causeBlocks
    if !comparison.parameters.isEmpty {
      blocks.append("### Parameters")
      blocks.append(
        MarkdownText.table(
          ["parameter", "before", "after"],
          comparison.parameters.map {
            [$0.name, ChangeText.short($0.before), ChangeText.short($0.after)]
          }))
    }
    for artifact in artifacts {
      blocks.append("### \(MarkdownText.escape(artifact.name))")
      blocks.append(
        "\(ChangeText.artifact(artifact.output.before)) → "
          + ChangeText.artifact(artifact.output.after))
      if let lines = artifact.comparison?.lines, !lines.isEmpty {
        blocks.append(MarkdownText.fenced(lines.joined(separator: "\n"), "text"))
      }
    }
    return blocks.joined(separator: "\n\n") + "\n"
  }

  private var causeBlocks: [String] {
    if origins.isEmpty { return [] }
    let items = origins.map { origin in
      let text = ChangeText.sentence(origin.change, from: origin.from)
      let others = origin.reached.dropFirst().map { "`\($0)`" }.joined(separator: ", ")
      return "- `\(origin.instance)`: \(MarkdownText.escape(text))"
        + (others.isEmpty ? "" : "; explains \(others)")
    }
    return ["### Where it began", items.joined(separator: "\n")]
  }
}
