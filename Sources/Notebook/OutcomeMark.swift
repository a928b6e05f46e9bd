package import RunRecord

/// An outcome or verdict as icon and word; never colour alone.
package enum OutcomeMark {
  package static func html(_ outcome: InstanceRecord.Outcome, seconds: Double? = nil) -> String {
    var text = outcome.rawValue
    if let seconds, outcome == .executed || outcome == .failed {
      text += " \(NumberText.duration(seconds))"
    }
    return badge(icon(outcome), text, style: outcome.rawValue)
  }

  package static func icon(_ outcome: InstanceRecord.Outcome) -> String {
    switch outcome {
    case .executed: "✓"
    case .cached: "↺"
    case .failed: "✗"
    case .skipped: "–"
    case .blocked: "⊘"
    case .cancelled: "■"
    }
  }

  package static func html(_ verdict: ClaimRecord.Verdict) -> String {
    switch verdict {
    case .holds: badge("✓", "holds", style: "holds")
    case .fails: badge("✗", "fails", style: "fails")
    case .unmeasured: badge("–", "unmeasured", style: "unmeasured")
    }
  }

  private static func badge(_ icon: String, _ text: String, style: String) -> String {
    "<span class=\"badge \(style)\"><span aria-hidden=\"true\">\(icon)</span> "
      + "\(HTML.escape(text))</span>"
  }

  /// What happened, for a reader who misses a result.
  package static func sentence(_ instances: [InstanceRecord]) -> String {
    guard instances.count == 1 else { return "Of the stage's instances: \(counts(instances))." }
    let why = instances[0].why
    return "The stage was \(instances[0].outcome.rawValue)" + (why.isEmpty ? "." : ": \(why)")
  }

  /// `3 executed, 2 cached, 1 failed`.
  package static func counts(_ instances: [InstanceRecord]) -> String {
    let order: [InstanceRecord.Outcome] = [
      .executed, .cached, .failed, .skipped, .blocked, .cancelled,
    ]
    return order.compactMap { outcome in
      let count = instances.count { $0.outcome == outcome }
      return count == 0 ? nil : "\(NumberText.grouped(count)) \(outcome.rawValue)"
    }.joined(separator: ", ")
  }
}
