import PipelineSpec
import RunRecord
import SpecSyntax
import StructuredValue

/// What stages measured, by the names that claims and prose use.
struct Measurements {
  private var instances: [String: [InstanceRecord]] = [:]
  private let parameters: Value

  init(_ instances: [InstanceRecord], parameters: [String: Value]) {
    for instance in instances { self.instances[instance.cell, default: []].append(instance) }
    self.parameters = .map(parameters)
  }

  enum Finding {
    case value(Value)
    /// The stage measured it, and said that it has no value here.
    case undefined(String)
    case missing(String)
  }

  func find(_ name: String) -> Finding {
    guard let reference = MetricReference.parse(name) else {
      return .missing("'\(name)' is no metric")
    }
    let pins = reference.selector?.pins ?? [:]
    let matching = (instances[reference.stage] ?? []).filter { instance in
      pins.allSatisfy { instance.matrix[$0.key]?.text == $0.value }
    }
    guard matching.count == 1, let instance = matching.first else {
      return .missing("'\(name)' names \(matching.count) instances")
    }
    guard instance.outcome == .executed || instance.outcome == .cached else {
      return .missing("\(instance.name) is \(instance.outcome.rawValue)")
    }
    guard let metric = instance.metrics[reference.metric] else {
      return .missing("\(instance.name) did not measure '\(reference.metric)'")
    }
    if metric.value.isNull { return .undefined("\(name) is undefined here") }
    return .value(metric.value)
  }

  /// A metric, or a parameter: `params.samples`.
  func value(_ name: String) -> Value? {
    if name.hasPrefix("params.") {
      return parameters.value(at: name.dropFirst("params.".count))
    }
    return switch find(name) {
    case .value(let value): value
    case .undefined: .null
    case .missing: nil
    }
  }
}

extension ClaimRecord {
  /// Judges a claim by what was measured.
  init(_ cell: ClaimCell, _ measurements: Measurements) {
    self.init(
      claim: cell.claim, published: cell.published, source: cell.source,
      measured: cell.measured.value, measuredValue: nil, holds: cell.condition.description,
      verdict: .unmeasured, note: cell.note)
    switch measurements.find(cell.measured.value) {
    case .missing(let reason), .undefined(let reason):
      note = [cell.note, reason].compactMap { $0 }.joined(separator: " ")
    case .value(let value):
      measuredValue = value
      guard let number = value.double,
        let holds = cell.condition.holds(measured: number, published: cell.published?.double)
      else {
        note = [cell.note, "\(value.text) is no number"].compactMap { $0 }.joined(separator: " ")
        return
      }
      verdict = holds ? .holds : .fails
    }
  }
}

extension StageCellRecord {
  init(_ cell: StageCell) {
    let uses =
      switch cell.action {
      case .plugin(let name, let major): "\(name)@\(major)"
      case .command(let arguments): arguments.joined(separator: " ")
      case .shell(let text): text
      }
    self.init(
      id: cell.id.value, uses: uses, description: cell.description,
      show: cell.show.map { item in
        switch item.value {
        case .metrics(let names): .metrics(names)
        case .figure(let slot): .figure(slot: slot)
        case .table(let slot, let rows): .table(slot: slot, rows: rows)
        case .text(let slot): .text(slot: slot)
        }
      })
  }
}
