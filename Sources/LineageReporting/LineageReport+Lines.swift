import ContentHashing
import Provenance
import RunRecord
public import StructuredValue

extension LineageReport {
  /// What the reader wants to know.
  public enum Direction: Sendable {
    /// What it was made from, and its direct users.
    case backwards
    /// All that used it.
    case forwards
  }

  /// The report for a terminal.
  ///
  /// - `emphasize`: Makes a name stand out.
  public func lines(_ direction: Direction, emphasize: (String) -> String = { $0 }) -> [String] {
    var lines = head(emphasize)
    switch direction {
    case .backwards:
      lines += makers(emphasize)
      let users = forwards.steps.filter { $0.depth == 0 }.map(\.instance)
      lines.append(users.isEmpty ? "used by nothing" : "used by \(list(users))")
    case .forwards:
      lines += users(emphasize)
    }
    return lines + claims
  }

  private func head(_ emphasize: (String) -> String) -> [String] {
    if let metric, let record = metric.instance.metrics[metric.name] {
      let unit = record.unit.map { " \($0)" } ?? ""
      return [emphasize(target) + "  \(record.value.text)\(unit), a metric"]
    }
    return artifacts.map { artifact in
      let published = record.instances.flatMap(\.outputs)
        .first { $0.digest == artifact.digest && $0.published != nil }?.published
      return emphasize(artifact.name) + "  \(artifact.kind), \(artifact.digest.short)"
        + (artifact.size.map { ", \($0) bytes" } ?? "")
        + (published.map { ", published as \($0)" } ?? "")
    }
  }

  private func makers(_ emphasize: (String) -> String) -> [String] {
    var told: Set<String> = []
    var lines: [String] = []
    let steps = Dictionary(backwards.steps.map { ($0.instance, $0) }) { first, _ in first }
    func tell(_ name: String, _ indent: String) {
      guard let step = steps[name] else { return }
      guard told.insert(name).inserted else {
        lines.append("\(indent)made by \(emphasize(name)), as above")
        return
      }
      lines.append(
        "\(indent)made by \(emphasize(name)) (\(work(step)))"
          + (step.key.map { ", key \($0.short)" } ?? ""))
      let provenance = provenance(step)
      if !provenance.isEmpty { lines.append("\(indent)  in \(provenance)") }
      for link in step.inputs {
        let place = link.producers.isEmpty ? ", read from the project" : ""
        lines.append("\(indent)  from \(link.input.from) (\(link.input.digest.short))\(place)")
        for producer in link.producers { tell(producer, indent + "    ") }
      }
    }
    for step in backwards.steps where step.depth == 0 { tell(step.instance, "  ") }
    if lines.isEmpty { lines.append("  read from the project; no stage made it") }
    return lines
  }

  private func users(_ emphasize: (String) -> String) -> [String] {
    if forwards.steps.isEmpty { return ["  used by nothing"] }
    return forwards.steps.map { step in
      let inputs = step.inputs.filter { link in
        step.depth == 0
          ? link.producers.contains { name in backwards.steps.contains { $0.instance == name } }
            || backwards.origins.contains(link.input)
          : link.producers.contains { name in forwards.steps.contains { $0.instance == name } }
      }.map(\.input)
      let through = inputs.isEmpty ? "" : " as \(list(inputs.map { "\($0.slot) (\($0.from))" }))"
      return String(repeating: "  ", count: step.depth + 1)
        + "used by \(emphasize(step.instance)) (\(work(step)))\(through)"
    }
  }

  private var claims: [String] {
    forwards.claims.map { "claim \($0.verdict.rawValue): \($0.claim)" }
  }

  private func list(_ names: [String]) -> String {
    names.prefix(8).joined(separator: ", ")
      + (names.count > 8 ? " and \(names.count - 8) more" : "")
  }

  /// The report for programs.
  public var value: Value {
    func steps(_ lineage: Lineage) -> Value {
      .list(
        lineage.steps.map { step in
          [
            "instance": .string(step.instance), "depth": .int(step.depth),
            "work": .string(work(step)), "key": step.key.map { .string($0.hex) } ?? .null,
            "run": step.key.flatMap { executions[$0] }.map { .string($0.run) } ?? .null,
            "commit": step.key.flatMap { executions[$0]?.source?.commit }.map { .string($0) }
              ?? .null,
            "inputs": .list(
              step.inputs.map { link in
                [
                  "slot": .string(link.input.slot), "from": .string(link.input.from),
                  "digest": .string(link.input.digest.hex),
                  "producers": .list(link.producers.map { .string($0) }),
                ]
              }),
          ]
        })
    }
    return [
      "target": .string(target), "run": .string(record.id),
      "artifacts": .list(
        artifacts.map {
          ["name": .string($0.name), "kind": .string($0.kind), "digest": .string($0.digest.hex)]
        }),
      "madeFrom": steps(backwards), "usedBy": steps(forwards),
      "origins": .list(
        backwards.origins.map {
          ["path": .string($0.from), "digest": .string($0.digest.hex)]
        }),
      "claims": .list(forwards.claims.map { .string($0.claim) }),
    ]
  }
}
