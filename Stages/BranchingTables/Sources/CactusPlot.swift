import StructuredValue
import VerificationRecords

/// One step line a method, a panel a group.
struct CactusPlot {
  private let panels: [(title: String, curves: [CactusCurve])]
  private let budget: CactusCurve.Budget
  private let title: String

  init(_ runs: [SolverRun], budget: CactusCurve.Budget, title: String) {
    self.budget = budget
    self.title = title
    var order: [[String]] = []
    for run in runs where !order.contains([run.set, run.group]) {
      order.append([run.set, run.group])
    }
    panels = order.map { key in
      let part = runs.filter { [$0.set, $0.group] == key }
      var methods: [String] = []
      for run in part where !methods.contains(run.method) { methods.append(run.method) }
      let rows = Set(part.map(\.property)).count
      return (
        "\(key[0] == key[1] ? key[0] : "\(key[0]), \(key[1])") (\(rows) rows)",
        methods.map { CactusCurve(part, method: $0, budget: budget) }
          .filter { !$0.points.isEmpty }
      )
    }
  }

  var figure: Value {
    let methods = panels.flatMap { $0.curves.map(\.method) }
    var names: [String] = []
    for name in methods where !names.contains(name) { names.append(name) }
    let domain: Value = .list(names.map { .string($0) })
    return [
      "$schema": "https://vega.github.io/schema/vega-lite/v5.json", "title": .string(title),
      "columns": .int(min(3, panels.count)),
      "concat": .list(panels.map { panel($0.title, $0.curves, domain) }),
      "resolve": ["scale": ["x": "independent"]],
    ]
  }

  private func panel(_ title: String, _ curves: [CactusCurve], _ domain: Value) -> Value {
    let width = panels.count == 1 ? 420 : panels.count == 2 ? 300 : 220
    let unit = budget == .seconds ? "seconds" : "branches"
    return [
      "title": .string(title), "width": .int(width), "height": 220,
      "data": ["values": .list(curves.flatMap { points($0) })],
      "mark": ["type": "line", "interpolate": "step-after", "strokeWidth": 1.6],
      "encoding": [
        "x": [
          "field": "budget", "type": "quantitative", "title": .string(unit),
          "axis": ["tickCount": 5],
        ],
        "y": [
          "field": "share", "type": "quantitative", "title": "rows solved",
          "scale": ["domain": [0, 1]], "axis": ["format": "%"],
        ],
        "color": [
          "field": "method", "type": "nominal", "title": "method", "scale": ["domain": domain],
        ],
      ],
    ]
  }

  /// The curve's corners, thinned to steps of at least 1/200 so that thousands of runs stay a small
  /// file; the first and the last are kept.
  private func points(_ curve: CactusCurve) -> [Value] {
    var kept: [(budget: Double, share: Double)] = []
    let all = curve.points
    for (index, point) in all.enumerated()
    where index == 0 || index == all.count - 1 || point.share - (kept.last?.share ?? 0) >= 0.005 {
      kept.append(point)
    }
    return kept.map { point in
      [
        "method": .string(curve.method), "budget": .double((point.budget * 100).rounded() / 100),
        "share": .double((point.share * 10_000).rounded() / 10_000),
      ]
    }
  }
}
