import ArtifactComparison
import Provenance
import RunRecord

extension ChangeReport {
  /// The report for a terminal: claims first, then parameters, where changes began, and each
  /// instance.
  ///
  /// - `emphasize`: Makes a name stand out.
  public func lines(emphasize: (String) -> String = { $0 }) -> [String] {
    var lines = ["\(comparison.before) → \(comparison.after)"]
    if isEmpty { return lines + ["no difference"] }
    lines += claimLines
    lines += comparison.parameters.map {
      "param  \($0.name) \(ChangeText.short($0.before)) → \(ChangeText.short($0.after))"
    }
    for cell in comparison.cells where cell.presence == .added || cell.presence == .removed {
      lines.append("cell   \(cell.presence.rawValue) \(cell.id)")
    }
    lines += comparison.specification.map { file in
      let what = file.before == nil ? "added" : file.after == nil ? "removed" : "changed"
      return "file   \(file.path) \(what)"
    }
    for instance in comparison.instances
    where instance.kind == .unchanged && instance.endedOtherwise {
      lines.append("stage  \(instance.name) \(ChangeText.outcomes(instance))")
    }
    lines += origins.filter { $0.reached.count > 1 }.map { origin in
      let others = origin.reached.dropFirst()
      let shown = others.prefix(4).joined(separator: ", ")
      let rest = others.count > 4 ? " and \(others.count - 4) more" : ""
      return "cause  \(origin.instance): "
        + "\(ChangeText.sentence(origin.change, from: origin.from)); explains \(shown)\(rest)"
    }
    lines += seeds.map { "seeds  \($0.sentence)" }
    let chain = CauseChain(comparison)
    let byInstance = Dictionary(grouping: artifacts, by: \.instance)
    for instance in changed {
      lines.append("\(emphasize(instance.name)) \(instance.kind.rawValue)")
      var told: Set<String> = []
      for link in chain.links(of: instance.name) {
        let text = ChangeReport.sentence(link)
        if told.insert(text).inserted { lines.append("  because \(text)") }
      }
      lines += instance.metrics.map { "  " + ChangeReport.line($0) }
      for artifact in byInstance[instance.name] ?? [] {
        let output = artifact.output
        lines.append(
          "  output \(output.slot) \(ChangeText.artifact(output.before)) → "
            + ChangeText.artifact(output.after))
        guard output.before != nil, output.after != nil else { continue }
        lines += (artifact.comparison?.lines ?? []).map { "    " + $0 }
      }
    }
    return lines
  }

  private var claimLines: [String] {
    comparison.claims.filter { $0.verdictChanged || $0.isMeasuredAnew }.map { change in
      let claim = change.after?.claim ?? change.before?.claim ?? ""
      let verdict =
        change.verdictChanged
        ? "\(ChangeText.verdict(change.before)) → \(ChangeText.verdict(change.after))"
        : "still \(ChangeText.verdict(change.after))"
      return "claim  \(verdict)  \(claim) (\(ChangeText.measured(change.before)) → "
        + "\(ChangeText.measured(change.after)))"
    }
  }

  static func line(_ metric: RunComparison.MetricChange) -> String {
    let relative = metric.relative.map { " (\(ChangeText.percent($0)))" } ?? ""
    let judgement = metric.judgement == .neither ? "" : " \(metric.judgement.rawValue)"
    return "\(metric.name) \(ChangeText.number(metric.before)) → "
      + "\(ChangeText.number(metric.after))\(relative)\(judgement)"
  }

  /// `model.table changed, since tables: param.url a → b`, down to where the change began.
  static func sentence(_ link: CauseChain.Link) -> String {
    let text = ChangeText.sentence(link.change, from: link.from)
    guard let cause = link.causes.first, let upstream = link.upstream else { return text }
    let more = link.causes.count > 1 ? ", and \(link.causes.count - 1) more" : ""
    return "\(text), since in \(upstream) \(sentence(cause))\(more)"
  }
}

extension RunComparison.ClaimChange {
  /// Whether both runs measured it, with different results.
  var isMeasuredAnew: Bool { before?.measuredValue != after?.measuredValue }
}
