import EdgeOptimization
import StructuredValue
import Testing

struct IterativeSamplingTests {
  /// Cells whose latency is a sum over their effective edges.
  private static let cells: (indicators: FeatureMatrix, values: [Double]) = {
    let designs = (0..<300).map { index in
      (0..<6).map { index * 7919 % 15_625 / [1, 5, 25, 125, 625, 3125][$0] % 5 }
    }
    let values = designs.map { design in
      NASBench201.effective(design).enumerated()
        .reduce(1.0) { $0 + Double($1.element) * (1 + 0.1 * Double($1.offset)) }
    }
    return (SearchSpace.nasbench201.oneHot(designs), values)
  }()

  @Test func `rounds measure more of the best than chance would`() throws {
    let (pool, values) = Self.cells
    var asked: [Int] = []
    let (_, measured) = try IterativeSampling(best: .highest).fit(
      RidgeFit(isLogarithmic: false), pool: pool, budget: 100
    ) { row in
      asked.append(row)
      return values[row]
    }
    #expect(asked == measured && Set(measured).count == 100)
    let limit = values.sorted()[270]
    // By chance a third of the best tenth would be among them.
    #expect(measured.count { values[$0] >= limit } >= 25)
  }

  @Test func `the seed decides where the rounds begin`() throws {
    let (pool, values) = Self.cells
    let measured = try [0, 0, 1 as UInt64].map { seed in
      var sampling = IterativeSampling(best: .lowest)
      (sampling.rounds, sampling.seed) = (2, seed)
      return try sampling.fit(
        RidgeFit(isLogarithmic: false), pool: pool, budget: 20
      ) { values[$0] }.measured
    }
    #expect(measured[0] == measured[1] && measured[0] != measured[2])
  }

  @Test(arguments: [false, true])
  func `half of a round is where the model is least certain`(isRelative: Bool) throws {
    let pool = FeatureMatrix(rows: (0..<10).map { [Double($0)] })
    var sampling = IterativeSampling(best: .highest)
    (sampling.rounds, sampling.isRelative) = (2, isRelative)
    let (_, measured) = try sampling.fit(GivenFit(), pool: pool, budget: 8) { Double($0) }
    let remaining = (0..<10).filter { !measured[..<4].contains($0) }
    #expect(measured[4..<6] == [remaining[5], remaining[4]])
    #expect(measured[6...] == (isRelative ? remaining[..<2] : [remaining[3], remaining[2]]))
  }

  @Test func `a budget that no rounds can spend is refused`() {
    for (rounds, budget) in [(5, 301), (5, 14), (0, 9)] {
      var sampling = IterativeSampling(best: .highest)
      sampling.rounds = rounds
      let error = #expect(throws: EdgeError.self) {
        try sampling.fit(
          RidgeFit(isLogarithmic: false), pool: Self.cells.indicators, budget: budget
        ) { _ in 0 }
      }
      #expect(
        error?.message
          == "a budget of \(budget) measurements in \(rounds) rounds; needed are at least "
          + "\(3 * rounds) and at most the pool's 300")
    }
  }
}

/// A model that has nothing to learn: the value is 1 + x², the variance 1 + x.
///
/// Over the value's square the variance falls from x = 0 on.
private struct GivenFit: PredictorMethod {
  struct Model: TrainedPredictor {
    func predict(_ features: FeatureMatrix) -> [Double] {
      (0..<features.rowCount).map { 1 + features[$0, 0] * features[$0, 0] }
    }

    func predictWithVariance(
      _ features: FeatureMatrix
    ) -> (means: [Double], variances: [Double])? {
      (predict(features), (0..<features.rowCount).map { 1 + features[$0, 0] })
    }

    var record: Value { .null }
  }

  func fit(_ features: FeatureMatrix, _ values: [Double], weights: [Double]?) -> Model { Model() }
}
