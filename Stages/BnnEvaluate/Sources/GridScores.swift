import BayesianInference
import Statistics
import StructuredValue

/// Functions over a grid, and how near they are to a reference.
struct GridScores {
  private let rows: Rows
  private let isRegression: Bool
  private let means: [Double]
  private let deviations: [Double]
  private var referenceMeans: [Double] = []
  private var referenceDeviations: [Double] = []
  private var fidelity: RegressionFidelity?
  private(set) var summary: [(name: String, value: Statistic, error: Double?)] = []

  /// - `probe`: The features where the ratio of deviations is taken; empty is the middle row.
  init(
    _ rows: Rows, _ draws: PredictiveDraws, reference: PredictiveDraws?, probe: [Double]
  ) throws {
    guard probe.isEmpty || probe.count == rows.width else {
      throw InferenceError(
        .badOption, "'probe' has \(probe.count) features, the grid \(rows.width)")
    }
    self.rows = rows
    isRegression = draws.likelihood.isRegression
    (means, deviations) = GridScores.moments(draws)
    guard let reference else { return }
    (referenceMeans, referenceDeviations) = GridScores.moments(reference)
    if isRegression { fidelity = try RegressionFidelity(draws, reference: reference) }
    let nearest = GridScores.nearest(rows, to: probe)
    let scores = { (draws: PredictiveDraws, reference: PredictiveDraws) in
      try GridScores.scores(draws, reference: reference, probe: nearest)
    }
    // Both runs have chance in them.
    let own = try DrawJackknife.standardErrors(draws) { try scores($0, reference).map(\.value) }
    let others = try DrawJackknife.standardErrors(reference) { try scores(draws, $0).map(\.value) }
    summary = try scores(draws, reference).enumerated().map { index, score in
      let errors = [own[index], others[index]].compactMap { $0 }
      let square = errors.reduce(0) { $0 + $1 * $1 }
      return (score.name, .value(score.value), errors.isEmpty ? nil : square.squareRoot())
    }
  }

  /// How near the draws are to the reference's.
  private static func scores(
    _ draws: PredictiveDraws, reference: PredictiveDraws, probe: Int
  ) throws -> [(name: String, value: Double)] {
    let ratios = zip(moments(draws).1, moments(reference).1).map { $0 / $1 }
    let common = [
      ("deviation_ratio", ratios[probe]),
      ("deviation_ratio_median", ratios.sorted()[ratios.count / 2]),
    ]
    guard draws.likelihood.isRegression else {
      let fidelity = try ClassificationFidelity(
        ClassProbabilities(draws), reference: ClassProbabilities(reference))
      return [
        ("agreement", fidelity.agreement), ("total_variation", fidelity.totalVariation),
        ("divergence", fidelity.divergence),
      ] + common
    }
    let fidelity = try RegressionFidelity(draws, reference: reference)
    return [
      ("wasserstein2", fidelity.wasserstein2),
      ("gaussian_wasserstein2", fidelity.gaussianWasserstein2),
      ("divergence", fidelity.divergence),
    ] + common
  }

  /// Mean and deviation of the first output of each row.
  private static func moments(_ draws: PredictiveDraws) -> ([Double], [Double]) {
    var (means, deviations): ([Double], [Double]) = ([], [])
    for row in 0..<draws.rows {
      let values = (0..<draws.count).map {
        Double(draws.values[($0 * draws.rows + row) * draws.outputs])
      }
      let moments = Moments(values)
      means.append(moments.mean)
      deviations.append(moments.deviation)
    }
    return (means, deviations)
  }

  private static func nearest(_ rows: Rows, to probe: [Double]) -> Int {
    guard !probe.isEmpty else { return rows.count / 2 }
    let distance = { (row: Int) in
      zip(rows[row], probe).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    }
    return (0..<rows.count).min { distance($0) < distance($1) } ?? 0
  }

  /// A row a grid row.
  func table() -> String {
    let features = (0..<rows.width).map { "x\($0)" }
    var names = features + ["mean", "deviation"]
    if !referenceMeans.isEmpty { names += ["reference_mean", "reference_deviation"] }
    if fidelity != nil { names += ["wasserstein2", "divergence"] }
    var text = names.joined(separator: ",") + "\n"
    for row in 0..<rows.count {
      var cells = Array(rows[row]) + [means[row], deviations[row]]
      if !referenceMeans.isEmpty { cells += [referenceMeans[row], referenceDeviations[row]] }
      if let fidelity { cells += [fidelity.wassersteins[row], fidelity.divergences[row]] }
      text += cells.map { "\($0)" }.joined(separator: ",") + "\n"
    }
    return text
  }

  /// Mean ± 2 deviations of f, beside the reference's, with the points that were fitted.
  func bandFigure(_ title: String, _ train: LabelledRows?) -> Value {
    var bands = band(title, means, deviations)
    if !referenceMeans.isEmpty {
      bands += band("reference", referenceMeans, referenceDeviations)
    }
    let x: Value = ["field": "x", "type": "quantitative", "title": "x"]
    let color: Value = [
      "field": "posterior", "type": "nominal", "title": .null,
      "scale": ["domain": [.string(title), "reference"], "range": ["#4c78a8", "#e45756"]],
    ]
    var layers: [Value] = [
      [
        "data": ["values": .list(bands)], "mark": ["type": "area", "opacity": 0.3],
        "encoding": [
          "x": x, "y": ["field": "low", "type": "quantitative", "title": "f, mean ± 2 deviations"],
          "y2": ["field": "high"], "color": color,
        ],
      ],
      [
        "data": ["values": .list(bands)], "mark": ["type": "line"],
        "encoding": ["x": x, "y": ["field": "mean", "type": "quantitative"], "color": color],
      ],
    ]
    if let train, train.inputs.width == 1 {
      let points = zip(train.inputs.values, train.targets).map { x, y -> Value in
        ["x": .double(GridScores.rounded(x)), "y": .double(GridScores.rounded(y))]
      }
      layers.append([
        "data": ["values": .list(points)],
        "mark": ["type": "point", "filled": true, "size": 18, "color": "black"],
        "encoding": ["x": x, "y": ["field": "y", "type": "quantitative"]],
      ])
    }
    return [
      "$schema": "https://vega.github.io/schema/vega-lite/v5.json", "title": .string(title),
      "width": 420, "height": 260, "layer": .list(layers),
    ]
  }

  private func band(_ name: String, _ means: [Double], _ deviations: [Double]) -> [Value] {
    (0..<rows.count).map { row in
      [
        "posterior": .string(name), "x": .double(GridScores.rounded(rows.values[row])),
        "mean": .double(GridScores.rounded(means[row])),
        "low": .double(GridScores.rounded(means[row] - 2 * deviations[row])),
        "high": .double(GridScores.rounded(means[row] + 2 * deviations[row])),
      ]
    }
  }

  private static func rounded(_ value: Double) -> Double { (value * 10_000).rounded() / 10_000 }
}

/// Accuracy over the share of rows that are kept, the most certain first.
enum RejectionFigure {
  static func figure(_ selective: SelectivePrediction, _ title: String) -> Value {
    let points = selective.curve().map { point -> Value in
      [
        "kept": .double((point.coverage * 1e4).rounded() / 1e4),
        "accuracy": .double((point.accuracy * 1e4).rounded() / 1e4),
      ]
    }
    return [
      "$schema": "https://vega.github.io/schema/vega-lite/v5.json", "title": .string(title),
      "width": 420, "height": 240, "data": ["values": .list(points)], "mark": "line",
      "encoding": [
        "x": ["field": "kept", "type": "quantitative", "title": "share of rows kept"],
        "y": [
          "field": "accuracy", "type": "quantitative", "title": "accuracy on them",
          "scale": ["zero": false],
        ],
      ],
    ]
  }
}
