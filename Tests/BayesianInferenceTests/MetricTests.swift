@testable import BayesianInference
import Foundation
import Statistics
import StructuredValue
import Testing

struct RegressionMetricTests {
  @Test func `numbers are judged as computed independently`() throws {
    let golden = try Golden.section("regression")
    let rows = try Golden.rows("golden_regression_draws.csv")
    let targets = golden.numbers("y")
    let metrics = try RegressionMetrics(draws(rows, noise: golden.number("noise_sd")), targets)
    // Draws are stored as float32.
    let precision = 1e-6
    #expect(abs(metrics.rmse - golden.number("rmse")) < precision)
    #expect(abs(metrics.mixtureLogLikelihood - golden.number("mixture_ll")) < precision)
    #expect(abs(metrics.momentLogLikelihood - golden.number("gaussian_ll")) < precision)
    #expect(abs(metrics.gibbsLogLikelihood - golden.number("gibbs_ll")) < precision)
    #expect(abs(metrics.crps - golden.number("crps_gaussian")) < precision)
    #expect(metrics.mixtureLogLikelihood >= metrics.gibbsLogLikelihood)
  }

  @Test func `intervals of one normal are its quantiles`() throws {
    // The golden intervals are those of the normal with the mixture's moments.
    let golden = try Golden.section("regression")
    let rows = try Golden.rows("golden_regression_draws.csv")
    let targets = golden.numbers("y")
    let all = draws(rows, noise: golden.number("noise_sd"))
    let moments = targets.indices.map { NormalMixture(all, $0).moments }
    let single = PredictiveDraws(
      likelihood: .gaussian(.known(deviation: 1)), count: 1, rows: targets.count, outputs: 1,
      values: moments.map { Float($0.mean) }, noise: moments.map { Float($0.deviation) }, chains: 1)
    let metrics = try RegressionMetrics(single, targets)
    #expect(metrics.coverage95 == golden.number("picp95_gaussian"))
    #expect(abs(metrics.width95 - golden.number("mpiw95_gaussian")) < 1e-6)
    #expect(agree(metrics.calibration, golden.numbers("calib_coverage")))
    #expect(abs(metrics.calibrationError - golden.number("calibration_rms")) < 1e-9)
  }

  @Test func `a mixture's quantile has its probability`() {
    let mixture = NormalMixture(means: [-3, 0, 0.1, 8], deviations: [0.1, 1, 0.5, 2])
    for p in [0.001, 0.025, 0.2, 0.25, 0.5, 0.75, 0.975, 0.999] {
      #expect(abs(mixture.probability(below: mixture.quantile(p)) - p) < 1e-8)
    }
  }

  private func draws(_ rows: [[Double]], noise: Double) -> PredictiveDraws {
    PredictiveDraws(
      likelihood: .gaussian(.known(deviation: noise)), count: rows.count, rows: rows[0].count,
      outputs: 1, values: rows.flatMap { $0 }.map { Float($0) },
      noise: rows.map { _ in Float(noise) }, chains: 1)
  }
}

struct ClassificationMetricTests {
  @Test func `classes are judged as computed independently`() throws {
    let golden = try Golden.section("classification")
    let (probabilities, labels) = try classes(golden)
    let metrics = try ClassificationMetrics(probabilities, labels, groups: 4)
    #expect(abs(metrics.accuracy - golden.number("accuracy")) < 1e-12)
    #expect(abs(metrics.negativeLogLikelihood - golden.number("nll")) < 1e-9)
    #expect(abs(metrics.gibbsNegativeLogLikelihood - golden.number("gibbs_nll")) < 1e-9)
    #expect(abs(metrics.brier - golden.number("brier")) < 1e-9)
    #expect(abs(metrics.calibrationError - golden.number("ece15")) < 1e-9)
    #expect(abs(metrics.maximumCalibrationError - golden.number("mce15")) < 1e-9)
    #expect(abs(metrics.adaptiveCalibrationError - golden.number("ace4")) < 1e-9)
    let five = try ClassificationMetrics(probabilities, labels, smoothing: 1e-4, bins: 5)
    #expect(abs(five.calibrationError - golden.number("ece5")) < 1e-9)
    #expect(abs(five.maximumCalibrationError - golden.number("mce5")) < 1e-9)
    #expect(abs(five.negativeLogLikelihood - golden.number("nll_smoothed_1e4")) < 1e-9)
  }

  @Test func `uncertainty is as computed independently`() throws {
    let golden = try Golden.section("classification")
    let (probabilities, labels) = try classes(golden)
    let uncertainty = try ClassUncertainty(probabilities)
    #expect(agree(uncertainty.entropy, golden.numbers("entropy"), 1e-9))
    #expect(agree(uncertainty.expectedEntropy, golden.numbers("expected_entropy"), 1e-9))
    #expect(agree(uncertainty.mutualInformation, golden.numbers("mutual_information"), 1e-9))
    #expect(agree(uncertainty.variationRatio, golden.numbers("variation_ratio"), 1e-9))
    let correct = zip(uncertainty.predictions, labels).map { $0 == $1 }
    let wrong = correct.indices.filter { !correct[$0] }.map { uncertainty.entropy[$0] }
    let right = correct.indices.filter { correct[$0] }.map { uncertainty.entropy[$0] }
    let detection = Detection(positives: wrong, negatives: right)
    #expect(abs((detection.auroc.value ?? 0) - golden.number("misclass_auroc_entropy")) < 1e-9)
    #expect(
      abs((detection.averagePrecision.value ?? 0) - golden.number("misclass_aupr_entropy")) < 1e-9)
    let selective = SelectivePrediction(correct, by: uncertainty.entropy)
    #expect(abs(selective.areaUnderRisk - golden.number("aurc_entropy")) < 1e-9)
    for (coverage, accuracy) in golden["accuracy_at_coverage"]?.map ?? [:] {
      let measured = try selective.accuracy(coverage: Double(coverage) ?? 0)
      #expect(abs(measured - accuracy.number) < 1e-12, "\(coverage)")
    }
    let rejection = try Golden.section("rejection")
    let rejected = try selective.rejecting(Int(rejection.number("rejected")))
    #expect(rejected.keptAccuracy.value == rejection.number("nonrejected_accuracy"))
    #expect(rejected.classificationQuality == rejection.number("classification_quality"))
    #expect(
      abs((rejected.rejectionQuality.value ?? 0) - rejection.number("rejection_quality")) < 1e-9)
  }

  @Test func `decisions cost what was computed independently`() throws {
    let golden = try Golden.section("decision")
    let (probabilities, labels) = try classes(try Golden.section("classification"))
    let mixtures = (0..<probabilities.rows).map { probabilities.mixture($0) }
    let decisions = try Decisions(mixtures, labels, cost: golden["cost"]?.matrix ?? [])
    #expect(decisions.actions == golden.numbers("actions").map { Int($0) })
    #expect(abs(decisions.totalCost - golden.number("total_cost")) < 1e-9)
  }

  @Test func `permuting rows, classes or members changes no metric, doubling members no mixture`()
    throws
  {
    let (probabilities, labels) = try classes(try Golden.section("classification"))
    let (s, n, c) = (probabilities.members, probabilities.rows, probabilities.classes)
    let rows = (0..<n).map { ($0 * 7 + 3) % n }
    let places = (0..<c).map { ($0 + 1) % c }
    var values: [Double] = []
    for member in (0..<s).reversed() {
      for row in rows {
        let p = Array(probabilities.member(member, row))
        values += places.map { p[$0] }
      }
    }
    let other = try ClassProbabilities(values, members: s, rows: n, classes: c)
    let first = try ClassificationMetrics(probabilities, labels, groups: 1)
    let second = try ClassificationMetrics(
      other, rows.map { row in places.firstIndex(of: labels[row]) ?? 0 }, groups: 1)
    #expect(abs(first.negativeLogLikelihood - second.negativeLogLikelihood) < 1e-12)
    #expect(abs(first.brier - second.brier) < 1e-12)
    #expect(abs(first.calibrationError - second.calibrationError) < 1e-12)
    #expect(abs(first.adaptiveCalibrationError - second.adaptiveCalibrationError) < 1e-12)
    let doubled = try ClassProbabilities(
      probabilities.values + probabilities.values, members: 2 * s, rows: n, classes: c)
    for row in 0..<n { #expect(agree(doubled.mixture(row), probabilities.mixture(row), 1e-15)) }
  }

  @Test func `one member has no model uncertainty, and its detection is undefined`() throws {
    let probabilities = try ClassProbabilities(
      [0.7, 0.3, 0.2, 0.8, 0.6, 0.4], members: 1, rows: 3, classes: 2)
    let uncertainty = try ClassUncertainty(probabilities)
    #expect(uncertainty.mutualInformation == [0, 0, 0])
    let detection = Detection(positives: [0], negatives: [0, 0])
    #expect(detection.auroc == .undefined("the score is the same for all rows"))
    #expect(Detection(positives: [], negatives: [1, 2]).auroc.value == nil)
  }

  @Test func `a label of probability 0 costs infinitely much unless it is smoothed`() throws {
    let probabilities = try ClassProbabilities([1, 0], members: 1, rows: 1, classes: 2)
    #expect(try ClassificationMetrics(probabilities, [1]).negativeLogLikelihood == .infinity)
    #expect(
      try ClassificationMetrics(probabilities, [1], smoothing: 1e-4).negativeLogLikelihood < 10)
  }

  @Test func `probabilities and labels that can't be are refused`() throws {
    #expect(throws: InferenceError.self) {
      try ClassProbabilities([0.5, 0.6], members: 1, rows: 1, classes: 2)
    }
    #expect(throws: InferenceError.self) {
      try ClassProbabilities([-0.1, 1.1], members: 1, rows: 1, classes: 2)
    }
    let probabilities = try ClassProbabilities([0.5, 0.5], members: 1, rows: 1, classes: 2)
    let error = #expect(throws: InferenceError.self) {
      try ClassificationMetrics(probabilities, [2])
    }
    #expect(error?.message == "row 0: the label 2 is none of 0 to 1")
  }

  private func classes(_ golden: [String: Value]) throws -> (ClassProbabilities, [Int]) {
    let members = golden["probs"]?.list ?? []
    let values = members.flatMap { $0.matrix.flatMap { $0 } }
    let labels = golden.numbers("labels").map { Int($0) }
    return (
      try ClassProbabilities(values, members: members.count, rows: labels.count, classes: 4), labels
    )
  }
}

struct DetectionTests {
  @Test func `foreign rows are found as computed independently`() throws {
    let golden = try Golden.section("ood")
    let (out, inside) = (golden.numbers("out_scores"), golden.numbers("in_scores"))
    let detection = Detection(positives: out, negatives: inside)
    #expect(abs((detection.auroc.value ?? 0) - golden.number("auroc")) < 1e-9)
    #expect(abs((detection.averagePrecision.value ?? 0) - golden.number("aupr_out")) < 1e-9)
    #expect(abs((detection.falsePositiveRate95.value ?? 0) - golden.number("fpr_at_tpr95")) < 1e-9)
    let turned = Detection(positives: inside.map { -$0 }, negatives: out.map { -$0 })
    #expect(abs((turned.averagePrecision.value ?? 0) - golden.number("aupr_in")) < 1e-9)
  }

  @Test func `uncertainties diverge as computed independently`() throws {
    let golden = try Golden.section("divergence")
    let scores = try Golden.section("ood")
    let divergence = try UncertaintyDivergence(
      scores.numbers("out_scores"), scores.numbers("in_scores"))
    #expect(abs(divergence.forward - golden.number("kl_out_in")) < 1e-9)
    #expect(abs(divergence.backward - golden.number("kl_in_out")) < 1e-9)
    #expect(abs(divergence.jensenShannon - golden.number("jsd")) < 1e-9)
    #expect(abs(divergence.jensenShannonShare - golden.number("jsd_bits")) < 1e-9)
    #expect(abs(divergence.wasserstein1 - golden.number("w1")) < 1e-9)
    #expect(abs(divergence.kolmogorovSmirnov - golden.number("ks")) < 1e-9)
    #expect(abs(divergence.meanGap - golden.number("mean_gap")) < 1e-9)
  }
}

struct ChainDiagnosticTests {
  @Test func `convergence is as computed independently`() throws {
    let golden = try Golden.section("chains")
    let diagnostics = try ChainDiagnostics(try Golden.rows("golden_chains.csv"))
    let expected: [(Statistic, String)] = [
      (diagnostics.rHat, "rhat_rank"), (diagnostics.bulkSize, "ess_bulk"),
      (diagnostics.tailSize, "ess_tail"), (diagnostics.meanSize, "ess_mean"),
      (diagnostics.meanError, "mcse_mean"),
    ]
    for (measured, name) in expected {
      // The chains are stored with ten digits.
      let distance = abs((measured.value ?? 0) / golden.number(name) - 1)
      #expect(distance < 1e-6, "\(name): \(measured)")
    }
  }

  @Test func `what can't be diagnosed is undefined, with a reason`() throws {
    #expect(
      try ChainDiagnostics([[1, 2, 3], [1, 2, 3]]).rHat.reason?.contains("3 draws") == true)
    let constant = [Double](repeating: 1, count: 20)
    #expect(try ChainDiagnostics([constant, constant]).bulkSize.value == nil)
    #expect(throws: InferenceError.self) { try ChainDiagnostics([[1, 2], [1]]) }
  }
}

struct FidelityTests {
  @Test func `distances of samples are as computed independently`() throws {
    let golden = try Golden.section("w2_1d")
    let (u, v) = (golden.numbers("u"), golden.numbers("v"))
    #expect(abs(Wasserstein.distance(u, v, power: 1) - golden.number("w1")) < 1e-9)
    #expect(abs(Wasserstein.distance(u, v, power: 2) - golden.number("w2")) < 1e-9)
    // Each draw twice is the same distribution.
    #expect(abs(Wasserstein.distance(u + u, v, power: 2) - golden.number("w2")) < 1e-9)
  }

  @Test func `a divergence of normals is the integral's value`() {
    // ∫ p log(p/q) by the trapezoidal rule.
    let (m1, s1, m2, s2) = (0.3, 0.8, -0.5, 1.7)
    var sum = 0.0
    for i in -8000...8000 {
      let x = m1 + s1 * Double(i) / 1000
      let (p, q) = (
        NormalDistribution.logDensity(x, m1, s1), NormalDistribution.logDensity(x, m2, s2)
      )
      sum += exp(p) * (p - q) * s1 / 1000
    }
    #expect(abs(GaussianDistance.divergence(m1, s1, m2, s2) - sum) < 1e-9)
  }
}

struct NormalDistributionTests {
  @Test func `quantiles invert probabilities, far into both tails`() {
    for p in [1e-12, 1e-6, 0.01, 0.02425, 0.3, 0.5, 0.8, 0.99, 1 - 1e-6] {
      let x = NormalDistribution.quantile(p)
      #expect(abs(NormalDistribution.probability(below: x) / p - 1) < 1e-12, "\(p)")
    }
    #expect(abs(NormalDistribution.quantile(0.975) - 1.959963984540054) < 1e-13)
  }
}

struct RectifiedNormalTests {
  @Test func `a rectifier's moments are as computed independently`() throws {
    for row in try Golden.list("relu_moments").map(\.numbers) {
      let moments = RectifiedNormal.moments(row[0], row[1])
      #expect(abs(moments.mean - row[2]) < 1e-9 * max(1, abs(row[2])), "\(row)")
      #expect(abs(moments.variance - row[3]) < 1e-9 * max(1, abs(row[3])), "\(row)")
    }
  }
}
