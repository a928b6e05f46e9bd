import ContentHashing
import Foundation
import Provenance
import RunRecord
import StructuredValue

/// The words of a change, the same in every form of the report.
enum ChangeText {
  /// A component of a key before and after, such as `param.samples 10 → 20`.
  static func sentence(_ change: RunComparison.ValueChange, from: String? = nil) -> String {
    switch change.name {
    case "code": "the stage's code changed"
    case "shell", "command": "the command changed"
    default:
      if let from {
        "\(from) changed"
      } else {
        "\(change.name) \(short(change.before)) → \(short(change.after))"
      }
    }
  }

  /// A value on one line: digests by their first digits, long texts cut.
  static func short(_ value: Value?, limit: Int = 60) -> String {
    guard let text = value?.text else { return "absent" }
    let words = text.split(separator: " ")
    if let last = words.last, last.utf8.count == 64, last.allSatisfy(\.isHexDigit) {
      return (words.dropLast().map(String.init) + [String(last.prefix(12))]).joined(separator: " ")
    }
    let line = String(
      text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? " " : Character($0) })
    return line.count > limit ? line.prefix(limit - 1) + "…" : line
  }

  /// A metric's value with its unit.
  static func number(_ metric: MetricRecord?) -> String {
    guard let metric else { return "absent" }
    return number(metric.value) + (metric.unit.map { " \($0)" } ?? "")
  }

  /// Four significant digits; whole numbers in full.
  static func number(_ value: Value) -> String {
    guard let number = value.double else { return value.text }
    if number == number.rounded(), abs(number) < 1e9 { return String(Int(number)) }
    return String(format: "%.4g", number)
  }

  static func signed(_ number: Double?) -> String {
    number.map { String(format: "%+.4g", $0) } ?? "–"
  }

  static func percent(_ share: Double?) -> String {
    share.map { String(format: "%+.2f %%", $0 * 100) } ?? "–"
  }

  static func size(_ bytes: Int) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"]
    var size = Double(bytes)
    var unit = 0
    while size >= 1024 && unit < units.count - 1 {
      size /= 1024
      unit += 1
    }
    let number = unit == 0 ? "\(bytes)" : String(format: size < 10 ? "%.1f" : "%.0f", size)
    return "\(number) \(units[unit])"
  }

  static func artifact(_ artifact: ArtifactRecord?) -> String {
    artifact.map { "\($0.digest.short) (\(size($0.size)))" } ?? "absent"
  }

  /// `3 claims`, `1 claim`.
  static func count(_ number: Int, _ one: String, _ many: String? = nil) -> String {
    "\(number) \(number == 1 ? one : many ?? one + "s")"
  }

  /// How an instance ended before and after: `failed → executed`.
  static func outcomes(_ change: RunComparison.InstanceChange) -> String {
    [change.before, change.after].map { $0?.rawValue ?? "absent" }.joined(separator: " → ")
  }

  /// A claim's measured value, or that it has none.
  static func measured(_ claim: ClaimRecord?) -> String {
    guard let claim else { return "absent" }
    return claim.measuredValue.map { number($0) } ?? "not measured"
  }

  static func verdict(_ claim: ClaimRecord?) -> String { claim?.verdict.rawValue ?? "absent" }
}

extension ChangeReport {
  /// The report in one sentence: what a reader wants to know first.
  var summary: String {
    if isEmpty { return "No difference." }
    var parts: [String] = []
    let verdicts = comparison.claims.count(where: \.verdictChanged)
    if verdicts > 0 { parts.append("\(ChangeText.count(verdicts, "claim")) with another verdict") }
    let judged = metrics.map(\.change.judgement)
    if !judged.isEmpty {
      let sides = [
        ("better", judged.count { $0 == .better }), ("worse", judged.count { $0 == .worse }),
      ]
      .filter { $0.1 > 0 }.map { "\($0.1) \($0.0)" }.joined(separator: ", ")
      parts.append(
        ChangeText.count(judged.count, "metric") + (sides.isEmpty ? "" : " (\(sides))"))
    }
    if !artifacts.isEmpty { parts.append(ChangeText.count(artifacts.count, "output")) }
    let kinds: [(RunComparison.InstanceChange.Kind, String)] = [
      (.rerun, "with another key"), (.added, "added"), (.removed, "removed"),
      (.irreproducible, "with other outputs from the same key"),
    ]
    for (kind, words) in kinds {
      let count = comparison.instances.count { $0.kind == kind }
      if count > 0 { parts.append("\(ChangeText.count(count, "stage")) \(words)") }
    }
    if !comparison.parameters.isEmpty {
      parts.append(ChangeText.count(comparison.parameters.count, "parameter"))
    }
    let others = comparison.instances.count { $0.kind == .unchanged && $0.endedOtherwise }
    if others > 0 { parts.append("\(ChangeText.count(others, "stage")) with another outcome") }
    if parts.isEmpty { parts.append("the pipeline's text only") }
    return "Changed: \(parts.joined(separator: "; "))."
  }
}
