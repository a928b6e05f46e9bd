import Formats
import StageKit
import StructuredValue
import Verification

/// A verdict as the stage's artifacts and metrics.
struct VerificationReport {
  private let outcome: VerificationOutcome
  private let network: ReLUNetwork

  init(_ outcome: VerificationOutcome, _ network: ReLUNetwork) {
    self.outcome = outcome
    self.network = network
  }

  /// A bound for people.
  static func shown(_ bound: Double) -> String {
    bound.isFinite ? "\((bound * 1e6).rounded() / 1e6)" : "\(bound)"
  }

  func write(to context: StageContext) throws {
    try context.write(result.json(indented: true), to: "result")
    try context.write(progress, to: "progress")
    try context.write(figure.json(indented: true), to: "bound")
    switch outcome.verdict {
    case .unsat: context.metric("holds", 1)
    case .sat(let witness):
      context.metric("holds", 0)
      context.metric("margin", witness.value)
    case .unknown: context.metric("holds", nil as Double?)
    }
    context.metric("lower_bound", finite(outcome.lowerBound))
    context.metric("branches", outcome.branches)
    context.metric("rounds", outcome.rounds)
    context.metric("open", outcome.open)
    context.metric("seconds", outcome.wallSeconds)
    context.metric("cpu_seconds", outcome.cpuSeconds)
    context.note(note)
  }

  private func finite(_ number: Double) -> Double? { number.isFinite ? number : nil }

  private var note: String {
    switch outcome.verdict {
    case .unsat:
      "**unsat**: the property holds; no input of its boxes violates it. \(outcome.branches) "
        + "branches."
    case .sat(let witness):
      "**sat**: the input in `result` violates the property; its largest row is "
        + "\(witness.value) in float64 and \(witness.singleValue) in float32."
    case .unknown(let reason):
      "**unknown** (\(reason.rawValue)): \(outcome.open) parts are open, the smallest lower bound is "
        + "\(VerificationReport.shown(outcome.lowerBound))."
    }
  }

  private var result: Value {
    var result: [String: Value] = [
      "verdict": .string(outcome.verdict.word), "branching": .string(outcome.rule),
      "branches": .int(outcome.branches), "rounds": .int(outcome.rounds),
      "open": .int(outcome.open), "seconds": .double(outcome.wallSeconds),
      "cpu-seconds": .double(outcome.cpuSeconds),
      "lower-bound": finite(outcome.lowerBound).map { .double($0) } ?? .null,
      "meaning": "of real arithmetic on the file's weights and the property's decimal bounds",
    ]
    switch outcome.verdict {
    case .unsat: break
    case .sat(let witness):
      result["counterexample"] = [
        // As the property's X and Y are numbered.
        "X": .list(network.fileOrder(witness.input).map { .double($0) }),
        "Y": .list(witness.outputs.map { .double($0) }),
        "largest-row": .double(witness.value),
        "largest-row-in-float32": .double(Double(witness.singleValue)),
      ]
    case .unknown(let reason): result["reason"] = .string(reason.rawValue)
    }
    return .map(result)
  }

  private var progress: String {
    outcome.progress.reduce(into: "seconds,branches,open,lower_bound\n") { text, point in
      let bound = finite(point.lowerBound).map { "\($0)" } ?? ""
      text += "\(point.seconds),\(point.branches),\(point.open),\(bound)\n"
    }
  }

  private var figure: Value {
    let points: [Value] = outcome.progress.filter(\.lowerBound.isFinite).map { point in
      [
        "branches": .int(point.branches), "bound": .double(point.lowerBound),
        "open": .int(point.open),
      ]
    }
    return [
      "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
      "title": "Lower bound", "width": 420, "height": 240, "data": ["values": .list(points)],
      "mark": ["type": "line", "interpolate": "step-after", "point": true],
      "encoding": [
        "x": ["field": "branches", "type": "quantitative", "title": "branches"],
        "y": ["field": "bound", "type": "quantitative", "title": "smallest lower bound"],
        "tooltip": [["field": "branches"], ["field": "bound"], ["field": "open"]],
      ],
    ]
  }
}
