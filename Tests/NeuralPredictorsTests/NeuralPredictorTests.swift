import EdgeOptimization
import NeuralPredictors
import Statistics
import Testing

/// Cells whose latency is a sum over their effective edges.
private struct Cells {
  var designs: [[Int]]
  var values: [Double]
  var indicators: FeatureMatrix

  init(_ count: Int) throws {
    let designs = (0..<count).map { index in
      let number = index * 7919 % 15_625
      return (0..<6).map { number / [1, 5, 25, 125, 625, 3125][$0] % 5 }
    }
    self.designs = designs
    values = designs.map { design in
      NASBench201.effective(design).enumerated()
        .reduce(1.0) { $0 + Double($1.element) * (1 + 0.1 * Double($1.offset)) }
    }
    indicators = try #require(SearchSpace.nasbench201.block(.oneHot, designs))
  }

  func quality(_ model: some TrainedPredictor, _ rows: Range<Int>) throws -> PredictionQuality {
    PredictionQuality(
      predicted: try model.predict(indicators.rows(Array(rows))), measured: Array(values[rows]))
  }
}

struct NeuralPredictorTests {
  @Test func `a perceptron learns the latency of cells`() throws {
    let cells = try Cells(500)
    var fit = PerceptronFit(isLogarithmic: true)
    fit.training.epochs = 30
    let model = try fit.fit(
      cells.indicators.rows(Array(0..<400)), Array(cells.values[..<400]))
    #expect(try cells.quality(model, 400..<500).spearman.value ?? 0 > 0.85)
  }

  @Test func `a graph network hears only what is alive`() throws {
    let cells = try Cells(300)
    var fit = GraphNetworkFit(space: .nasbench201, isLogarithmic: false)
    (fit.width, fit.training.epochs, fit.training.rate) = (32, 15, 2e-3)
    let model = try fit.fit(
      cells.indicators.rows(Array(0..<250)), Array(cells.values[..<250]))
    #expect(try cells.quality(model, 250..<300).spearman.value ?? 0 > 0.85)
    let raw = cells.designs
    let effective = raw.map(NASBench201.effective)
    let both = try [raw, effective].map {
      try model.predict(#require(SearchSpace.nasbench201.block(.oneHot, $0)))
    }
    #expect(both[0] == both[1])
  }

  @Test func `pairs teach the order`() throws {
    let cells = try Cells(300)
    var fit = GraphNetworkFit(space: .nasbench201, objective: .order, isLogarithmic: false)
    (fit.width, fit.training.epochs, fit.training.rate) = (32, 25, 2e-3)
    let model = try fit.fit(
      cells.indicators.rows(Array(0..<250)), Array(cells.values[..<250]))
    let quality = try cells.quality(model, 250..<300)
    #expect(quality.spearman.value ?? 0 > 0.85)
    // In the values' unit, which go from 1 to 29.
    #expect(quality.meanAbsolute.value ?? 99 < 4)
  }

  @Test func `the same seed gives the same bytes, another seed others`() throws {
    let cells = try Cells(60)
    var fit = PerceptronFit(isLogarithmic: true)
    (fit.widths, fit.training.epochs) = ([8], 3)
    let first = try fit.fit(cells.indicators, cells.values).record
    #expect(try fit.fit(cells.indicators, cells.values).record == first)
    fit.training.seed = 1
    #expect(try fit.fit(cells.indicators, cells.values).record != first)
    var graph = GraphNetworkFit(space: .nasbench201, isLogarithmic: true)
    (graph.width, graph.training.epochs) = (8, 2)
    let second = try graph.fit(cells.indicators, cells.values).record
    #expect(try graph.fit(cells.indicators, cells.values).record == second)
  }

  @Test func `derivatives are those of finite differences`() throws {
    let cells = try Cells(60)
    var perceptron = PerceptronFit(isLogarithmic: true)
    (perceptron.widths, perceptron.training.epochs) = ([8], 3)
    try expectSlopes(perceptron.fit(cells.indicators, cells.values), cells, step: 1e-3)
    var graph = GraphNetworkFit(space: .nasbench201, isLogarithmic: true)
    (graph.width, graph.training.epochs, graph.training.rate) = (8, 20, 1e-2)
    try expectSlopes(graph.fit(cells.indicators, cells.values), cells, step: 0.02)
  }

  /// Steps small enough for the kinks of ReLU, which do not change a position's largest indicator, in float32.
  private func expectSlopes(
    _ model: some TrainedPredictor, _ cells: Cells, step: Double
  ) throws {
    let row = cells.indicators.rows([11])
    let gradient = try #require(try model.gradient(at: row))
    let slopes = try (0..<row.columnCount).map { column in
      var (up, down) = (row, row)
      up[0, column] += step
      down[0, column] -= step
      return try (model.predict(up)[0] - model.predict(down)[0]) / (2 * step)
    }
    let largest = slopes.map(abs).max() ?? 0
    #expect(largest > 0.01)
    for (column, slope) in slopes.enumerated() {
      // Curvature within the step, and rounding of float32 near 10 over it.
      #expect(abs(slope - gradient[0, column]) < 0.02 * largest + 2e-6 / step, "\(column)")
    }
  }

  @Test func `a rate far too large is reported with its step`() throws {
    let cells = try Cells(60)
    var fit = PerceptronFit(isLogarithmic: false)
    (fit.widths, fit.training.rate) = ([8], 1e30)
    let error = #expect(throws: EdgeError.self) {
      try fit.fit(cells.indicators, cells.values)
    }
    #expect(error?.code == .diverged)
    #expect(error?.message.contains("the last finite one was") == true)
  }

  @Test func `features that are no indicators are refused by a graph network`() throws {
    let fit = GraphNetworkFit(space: .nasbench201, isLogarithmic: false)
    let error = #expect(throws: EdgeError.self) {
      try fit.fit(FeatureMatrix(rowCount: 4, columnCount: 79), [1, 2, 3, 4])
    }
    #expect(
      error?.message == "79 features; a graph network of nasbench201 needs the 30 indicators")
  }
}
