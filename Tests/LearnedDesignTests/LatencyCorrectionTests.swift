import EdgeOptimization
import Statistics
import Testing

@testable import LearnedDesign

struct LatencyCorrectionTests {
  @Test func `residuals say how far a prediction is off, the usual deviation where they are few`() {
    let none = LatencyCorrection(residuals: [], usualDeviation: 0.3)
    #expect(none.bias == 0 && abs(none.deviation - 0.3) < 1e-12)
    // Two measurements count as much as the prior: half of the mean, and (2·0.3² + 2·0.1²)/4.
    var some = LatencyCorrection(residuals: [0.2], usualDeviation: 0.3)
    some.add(0.2)
    #expect(abs(some.bias - 0.1) < 1e-12)
    #expect(abs(some.deviation - (0.2 / 4).squareRoot()) < 1e-12)
    // A budget one deviation above the corrected prediction is kept with probability Φ(1).
    let probability = some.probability(1, within: 1.1 + some.deviation)
    #expect(abs(probability - 0.841_344_746_068_542_9) < 1e-12)
  }

  @Test func `quantiles and expected improvements are those of the normal distribution`() {
    #expect(abs(NormalDistribution.quantile(exceededWith: 0.05) - 1.644_853_626_951_472_6) < 1e-12)
    #expect(abs(NormalDistribution.quantile(exceededWith: 0.975) + 1.959_963_984_540_054) < 1e-12)
    // ∫ max(0, x − 0.7) N(x; 0.4, 0.5²) dx by the trapezoidal rule.
    let step = 1e-4
    let integral = stride(from: 0.7, through: 6, by: step).reduce(0.0) { sum, x in
      sum + step * (x - 0.7) * NormalDistribution.density((x - 0.4) / 0.5) / 0.5
    }
    #expect(abs(NormalDistribution.expectedImprovement(0.4, 0.5, over: 0.7) - integral) < 1e-7)
  }
}
