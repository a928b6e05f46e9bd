import StructuredValue

/// A network's verdicts, picture by picture.
struct NetworkVerdicts {
  var name: String
  var verdicts: [PictureVerdict] = []

  func count(_ kind: PictureVerdict.Kind) -> Int { verdicts.count { $0.kind == kind } }
  var right: Int { verdicts.count - count(.wrong) }
}

/// Verdicts of several networks on the same pictures; the first is what the others came from.
struct AccuracyReport {
  private let results: [NetworkVerdicts]
  private let labels: [Int]
  private let first: Int

  /// - Parameters:
  ///   - results: At least one.
  ///   - labels: Of the pictures.
  ///   - first: The first picture's place in its file.
  init(_ results: [NetworkVerdicts], labels: [Int], first: Int) {
    self.results = results
    self.labels = labels
    self.first = first
  }

  var pictures: String {
    var text = "network,picture,label,answer,verdict,branches,lower_bound\n"
    for result in results {
      for (index, verdict) in result.verdicts.enumerated() {
        let bound = verdict.lowerBound.isFinite ? "\(verdict.lowerBound)" : ""
        text +=
          "\(quoted(result.name)),\(first + index),\(labels[index]),\(verdict.answer),"
          + "\(verdict.kind.rawValue),\(verdict.branches),\(bound)\n"
      }
    }
    return text
  }

  var table: String {
    var text =
      "network,pictures,right,verified,attacked,undecided,kept,verified_then_attacked,"
      + "verified_then_wrong,verified_then_undecided,won,branches\n"
    for result in results {
      let after = PictureVerdict.Kind.allCases.reduce(into: [:]) { counts, kind in
        counts[kind] = became(result, kind)
      }
      let cells = [
        result.verdicts.count, result.right, result.count(.verified), result.count(.attacked),
        result.count(.undecided), after[.verified] ?? 0, after[.attacked] ?? 0,
        after[.wrong] ?? 0, after[.undecided] ?? 0, won(result), branches(result),
      ]
      text += quoted(result.name) + "," + cells.map(String.init).joined(separator: ",") + "\n"
    }
    return text
  }

  var metrics: [(name: String, value: Int)] {
    let changed = results.dropFirst()
    var metrics = [
      ("pictures", labels.count), ("right_before", results[0].right),
      ("verified_before", results[0].count(.verified)),
      ("attacked_before", results[0].count(.attacked)),
      ("undecided", results.reduce(0) { $0 + $1.count(.undecided) }),
      ("branches", results.reduce(0) { $0 + branches($1) }),
    ]
    let verified = changed.map { $0.count(.verified) }
    if let worst = verified.min(), let best = verified.max() {
      metrics += [("verified_worst", worst), ("verified_best", best)]
      let kept = changed.map { became($0, .verified) }.min() ?? 0
      metrics.append(("lost", results[0].count(.verified) - kept))
      metrics.append(("won", changed.map { won($0) }.max() ?? 0))
    }
    return metrics
  }

  /// How the share of verified pictures changed, for the changed network that has most and fewest.
  var changes: (best: Double, worst: Double)? {
    let before = results[0].count(.verified)
    let changes = results.dropFirst().map {
      Double($0.count(.verified) - before) / Double(max(labels.count, 1))
    }
    guard let best = changes.max(), let worst = changes.min() else { return nil }
    return (best, worst)
  }

  /// A bar a network, from what is proved to what is wrong.
  func figure(title: String) -> Value {
    let order: [PictureVerdict.Kind] = [.verified, .undecided, .attacked, .wrong]
    let values = results.flatMap { result in
      order.enumerated().map { place, kind -> Value in
        [
          "network": .string(result.name), "verdict": .string(kind.rawValue),
          "pictures": .int(result.count(kind)), "order": .int(place),
        ]
      }
    }
    return [
      "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
      "title": .string(title), "width": 420, "height": .int(40 * results.count + 20),
      "data": ["values": .list(values)], "mark": "bar",
      "encoding": [
        "y": [
          "field": "network", "type": "nominal", "title": .null, "axis": ["labelLimit": 260],
          "sort": .list(results.map { .string($0.name) }),
        ],
        "x": ["field": "pictures", "type": "quantitative", "stack": "zero"],
        "order": ["field": "order", "type": "quantitative"],
        "color": [
          "field": "verdict", "type": "nominal", "title": .null,
          "scale": [
            "domain": .list(order.map { .string($0.rawValue) }),
            "range": ["#2a7f62", "#9fc5b5", "#e08e45", "#bbbbbb"],
          ],
        ],
        "tooltip": [["field": "network"], ["field": "verdict"], ["field": "pictures"]],
      ],
    ]
  }

  /// Pictures that were verified before and now have this verdict.
  private func became(_ result: NetworkVerdicts, _ kind: PictureVerdict.Kind) -> Int {
    zip(results[0].verdicts, result.verdicts).count { $0.kind == .verified && $1.kind == kind }
  }

  private func won(_ result: NetworkVerdicts) -> Int {
    zip(results[0].verdicts, result.verdicts).count {
      $0.kind != .verified && $1.kind == .verified
    }
  }

  private func branches(_ result: NetworkVerdicts) -> Int {
    result.verdicts.reduce(0) { $0 + $1.branches }
  }

  private func quoted(_ text: String) -> String {
    text.contains(where: { ",\"\n".contains($0) })
      ? "\"\(text.replacing("\"", with: "\"\""))\"" : text
  }
}
