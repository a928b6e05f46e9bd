import EdgeOptimization
import Statistics

/// What a transfer found, as CSV.
struct TransferTables {
  let problem: Problem
  let parameters: AdaptToTarget.Parameters

  /// Designs whose latency is to be filled in.
  func toMeasure(_ groups: [(purpose: String, designs: [Int])]) -> String {
    groups.reduce("index,design,purpose,latency\n") { text, group in
      group.designs.reduce(text) {
        $0 + "\(problem.indices[$1]),\(problem.space.text(problem.designs[$1])),\(group.purpose),\n"
      }
    }
  }

  func ranking(_ outcome: AdaptedTransfer.Outcome) -> String {
    let rows = outcome.front.enumerated().map { rank, design in
      "\(rank + 1),\(problem.indices[design]),\(problem.space.text(problem.designs[design])),"
        + "\(problem.knowsAccuracy ? "\(problem.accuracy[design])" : ""),\(outcome.measured[design].map { "\($0)" } ?? "")\n"
    }
    return "rank,index,design,accuracy,latency\n" + rows.joined()
  }

  func measured(_ outcome: AdaptedTransfer.Outcome) -> String {
    let groups = [
      ("check", outcome.plan.checks), ("sample", outcome.plan.samples),
      ("candidate", outcome.candidates),
    ]
    var text = "order,index,purpose,latency\n"
    var order = 0
    for (purpose, designs) in groups {
      for design in designs {
        order += 1
        text += "\(order),\(problem.indices[design]),\(purpose),"
        text += "\(outcome.measured[design].map { "\($0)" } ?? "")\n"
      }
    }
    return text
  }

  func predictions(_ outcome: AdaptedTransfer.Outcome) -> String {
    let values = outcome.predicted.map { PredictionQuality.round($0) }
    let order = values.indices.filter { !values[$0].isNaN }.sorted {
      values[$0] != values[$1] ? values[$0] < values[$1] : $0 < $1
    }
    let rows = order.enumerated().map { rank, design in
      let interval =
        outcome.intervals.isEmpty
        ? ","
        : "\(PredictionQuality.round(outcome.intervals[design].lower)),"
          + "\(PredictionQuality.round(outcome.intervals[design].upper))"
      return "\(rank + 1),\(problem.indices[design]),"
        + "\(problem.space.text(problem.designs[design])),\(values[design]),\(interval)\n"
    }
    return "rank,index,design,predicted,lower,upper\n" + rows.joined()
  }

  func proxies(_ outcome: AdaptedTransfer.Outcome) -> String {
    let rows = parameters.proxies.enumerated().map { position, name in
      let text = { (value: Double?) in value.map { "\(PredictionQuality.round($0))" } ?? "" }
      let interval = outcome.choice.intervals[position]
      return "\(name),\(text(outcome.choice.correlations[position].value)),"
        + "\(text(interval?.lower)),\(text(interval?.upper)),"
        + "\(position == outcome.choice.best ? "yes" : "")\n"
    }
    return "device,srcc,lower,upper,chosen\n" + rows.joined()
  }

  func cost(_ cost: TransferCost) -> String {
    let rows = [
      ("check", cost.checks), ("adapt", cost.adaptations), ("re-measure", cost.remeasurements),
      ("all", cost.measurements), ("a predictor of its own", cost.baselineMeasurements),
    ]
    return rows.reduce("purpose,measurements,hours\n") {
      let hours = PredictionQuality.round(Double($1.1) * cost.secondsPerMeasurement / 3600)
      return $0 + "\($1.0),\($1.1),\(hours)\n"
    }
  }
}
