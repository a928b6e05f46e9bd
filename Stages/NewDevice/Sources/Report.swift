import EdgeOptimization
import StructuredValue

/// What is known after some measurements, for reading and for looking.
struct Report {
  let problem: Problem
  let transfer: AdaptedTransfer
  let conclusion: AdaptedTransfer.Conclusion
  let unit: String

  private struct Entry {
    let design: Int
    let accuracy: Double
    let latency: Double
    let lower: Double
    let upper: Double
    let isMeasured: Bool
  }

  /// The designs that no other dominates, by measured latencies where there are some, else predicted.
  private var best: [Entry] {
    var latency = conclusion.predicted
    for design in problem.tried { latency[design] = problem.measured[design] ?? .nan }
    return transfer.front(problem.known, latency: latency).map { design in
      let measured = problem.measured[design]
      let interval = conclusion.intervals[design]
      return Entry(
        design: design, accuracy: problem.known.accuracy[design], latency: latency[design],
        lower: measured ?? interval.lower, upper: measured ?? interval.upper,
        isMeasured: measured != nil)
    }
  }

  var designs: String {
    let rows = best.map { entry in
      let numbers = [entry.latency, entry.lower, entry.upper]
        .map { "\(PredictionQuality.round($0))" }.joined(separator: ",")
      return
        "\(problem.indices[entry.design]),\(problem.text(entry.design)),\(PredictionQuality.round(entry.accuracy)),"
        + "\(numbers),\(entry.isMeasured ? "measured" : "predicted")\n"
    }
    return "index,design,accuracy,latency,lower,upper,known\n" + rows.joined()
  }

  var predictions: String {
    let rows = problem.indices.enumerated().map { position, index in
      let interval = conclusion.intervals[position]
      let numbers = [conclusion.predicted[position], interval.lower, interval.upper]
        .map { "\(PredictionQuality.round($0))" }.joined(separator: ",")
      return "\(index),\(numbers)\n"
    }
    return "index,predicted,lower,upper\n" + rows.joined()
  }

  var proxies: String {
    let rows = problem.devices.enumerated().map { position, name in
      let interval = conclusion.choice.intervals[position]
      let numbers = [
        conclusion.choice.correlations[position].value, interval?.lower, interval?.upper,
      ].map { $0.map { "\(PredictionQuality.round($0))" } ?? "" }.joined(separator: ",")
      return "\(name),\(numbers),\(position == conclusion.choice.best ? "yes" : "")\n"
    }
    return "device,srcc,lower,upper,best\n" + rows.joined()
  }

  var front: Value {
    let points = best.map { entry -> Value in
      [
        "latency": .double(PredictionQuality.round(entry.latency)),
        "lower": .double(PredictionQuality.round(entry.lower)),
        "upper": .double(PredictionQuality.round(entry.upper)),
        "accuracy": .double(PredictionQuality.round(entry.accuracy)),
        "known": .string(entry.isMeasured ? "measured" : "predicted"),
        "design": .string(problem.text(entry.design)),
      ]
    }
    let y: Value = [
      "field": "accuracy", "type": "quantitative", "title": "accuracy in %",
      "scale": ["zero": false],
    ]
    return [
      "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
      "title": .string(
        "\(problem.name): the best designs after \(problem.tried.count) measurements"),
      "width": 480, "height": 300, "data": ["values": .list(points)],
      "encoding": ["y": y],
      "layer": [
        [
          "mark": ["type": "rule", "opacity": 0.5],
          "encoding": [
            "x": [
              "field": "lower", "type": "quantitative",
              "title": .string("latency on \(problem.name) in \(unit), with 90 % intervals"),
            ],
            "x2": ["field": "upper"],
          ],
        ],
        [
          "mark": ["type": "point", "filled": true, "size": 40],
          "encoding": [
            "x": ["field": "latency", "type": "quantitative"],
            "color": [
              "field": "known", "type": "nominal", "title": .null,
              "scale": ["domain": ["measured", "predicted"], "range": ["#e45756", "#4c78a8"]],
            ],
            "tooltip": [
              ["field": "design", "type": "nominal"],
              ["field": "latency", "type": "quantitative"],
              ["field": "accuracy", "type": "quantitative"],
            ],
          ],
        ],
      ],
    ]
  }
}
