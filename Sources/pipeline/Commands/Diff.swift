import ArgumentParser
import ArtifactComparison
import ContentHashing
import Foundation
import Projects
import Provenance
import RunRecord
import StructuredValue

struct Diff: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Show what changed between two runs or commits: claims, metrics, artifacts, and why.")

  @OptionGroup var options: ProjectOptions

  @Argument(help: "A run, commit, branch or tag.")
  var before = "latest~1"

  @Argument(help: "Another one.")
  var after = "latest"

  @Flag(help: "As JSON.")
  var json = false

  @Flag(help: "Exit with 10 where they differ.")
  var exitCode = false

  @Flag(help: "Do not open the artifacts; name them and their sizes only.")
  var brief = false

  func run() throws {
    let project = try options.project()
    let old = try project.history.resolve(before)
    let new = try project.history.resolve(after)
    let comparison = RunComparison(from: old, to: new)
    if json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
      Terminal.print(String(decoding: try encoder.encode(comparison), as: UTF8.self))
    } else {
      show(comparison, project)
    }
    if exitCode && !comparison.isEmpty { throw ExitCode(10) }
  }

  private func show(_ comparison: RunComparison, _ project: Project) {
    Terminal.print("\(comparison.before) → \(comparison.after)")
    if comparison.isEmpty { return Terminal.print("no difference") }
    for change in comparison.claims where change.verdictChanged {
      let claim = change.after?.claim ?? change.before?.claim ?? ""
      Terminal.print(
        "claim  \(change.before?.verdict.rawValue ?? "absent") → "
          + "\(change.after?.verdict.rawValue ?? "absent")  \(claim)")
    }
    for change in comparison.parameters {
      Terminal.print(
        "param  \(change.name) \(change.before?.text ?? "absent") → \(change.after?.text ?? "absent")"
      )
    }
    for change in comparison.cells where change.presence == .added || change.presence == .removed {
      Terminal.print("cell   \(change.presence.rawValue) \(change.id)")
    }
    for change in comparison.specification {
      Terminal.print(
        "file   \(change.path) \(change.before == nil ? "added" : change.after == nil ? "removed" : "changed")"
      )
    }
    for instance in comparison.instances where instance.kind != .unchanged {
      show(instance, project)
    }
  }

  private func show(_ change: RunComparison.InstanceChange, _ project: Project) {
    Terminal.print(Terminal.styled(change.name, .bold) + " \(change.kind.rawValue)")
    var told: Set<String> = []
    for cause in change.causes where cause.instance == change.name {
      let field = change.fields.first { $0.name == cause.field }
      let values = field.map { " \(brief($0.before)) → \(brief($0.after))" } ?? ""
      let text =
        cause.from.map { "\($0) changed" }
        ?? (["shell", "command", "code"].contains(cause.field)
          ? "the \(cause.field == "code" ? "stage's code" : "command") changed"
          : cause.field + values)
      if told.insert(text).inserted { Terminal.print("  because \(text)") }
    }
    for metric in change.metrics {
      let relative = metric.relative.map { String(format: " (%+.2f %%)", $0 * 100) } ?? ""
      let judgement = metric.judgement == .neither ? "" : " \(metric.judgement.rawValue)"
      Terminal.print(
        "  \(metric.name) \(number(metric.before)) → \(number(metric.after))\(relative)\(judgement)"
      )
    }
    for output in change.outputs {
      Terminal.print("  output \(output.slot) \(size(output.before)) → \(size(output.after))")
      guard !brief, output.before != nil, output.after != nil else { continue }
      for line in project.compare(output.before, output.after).lines {
        Terminal.print("    " + line)
      }
    }
  }

  private func brief(_ value: Value?) -> String {
    guard let text = value?.text else { return "absent" }
    let gap = text.utf8.lastIndex(of: UInt8(ascii: " ")).map { text.utf8.index(after: $0) }
    let last = text[(gap ?? text.startIndex)...]
    if last.utf8.count == 64 { return String(last.prefix(12)) }
    return Terminal.fitted(text, 60)
  }

  private func number(_ metric: MetricRecord?) -> String {
    guard let metric else { return "absent" }
    return (metric.value.double.map(shortNumber) ?? metric.value.text)
      + (metric.unit.map { " \($0)" } ?? "")
  }

  private func size(_ artifact: ArtifactRecord?) -> String {
    artifact.map { "\($0.digest.short) (\(sizeText($0.size)))" } ?? "absent"
  }
}
