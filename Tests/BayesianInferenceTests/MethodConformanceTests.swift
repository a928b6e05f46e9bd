@testable import BayesianInference
import Formats
import Foundation
import LinearAlgebra
import StructuredValue
import Tensors
import Testing

/// What each method must give where the truth has a closed form: a linear model with known noise.
///
/// Every method of the table must have an entry here.
struct LinearModelTruth {
  /// The function's variance at a point, over the exact posterior's.
  enum Spread {
    /// That of the posterior.
    case exact
    /// That of independent parameters with the posterior's conditional variances.
    case meanField
    /// That of the mode when the prior's centre varies: V V instead of V.
    case anchored
    /// None: one mode.
    case none
    /// Something that has no closed form here; only the mean is compared.
    case unspecified
  }

  var options: [String: Value] = [:]
  var spread: Spread
  /// How far means and deviations may be off, in posterior deviations: Monte Carlo error and what the
  /// method neglects.
  var tolerance = 0.15
  var meanTolerance: Double?

  static let all: [String: LinearModelTruth] = [
    "hmc": .init(options: ["warmup": 300, "draws": 1000, "steps": 10], spread: .exact),
    "nuts": .init(options: ["warmup": 300, "draws": 1000], spread: .exact),
    "sgld": .init(
      options: ["iterations": 40_000, "stability": 0.1, "draws": 1000], spread: .exact),
    "psgld": .init(
      options: ["iterations": 40_000, "stability": 0.1, "draws": 1000], spread: .exact,
      tolerance: 0.25),
    "sghmc": .init(options: ["iterations": 40_000, "draws": 1000], spread: .exact),
    "csgld": .init(
      options: ["iterations": 40_000, "draws-per-cycle": 100], spread: .exact, tolerance: 0.2),
    "csghmc": .init(
      options: ["iterations": 40_000, "draws-per-cycle": 100], spread: .exact, tolerance: 0.2),
    "bbb": .init(spread: .meanField),
    "bb-alpha": .init(
      options: ["alpha": 0.000001, "samples": 4, "iterations": 20_000], spread: .meanField),
    "bbb-local": .init(options: ["iterations": 3000], spread: .meanField),
    // With one output the rows' variances alone decide.
    "mvg": .init(options: ["iterations": 3000], spread: .meanField),
    "mnf": .init(options: ["iterations": 1000], spread: .unspecified, meanTolerance: 0.1),
    "hypernet": .init(options: ["iterations": 3000], spread: .meanField, tolerance: 0.25),
    "laplace": .init(options: ["draws": 10_000], spread: .exact, tolerance: 0.05),
    // One layer and one output: the Kronecker product is the matrix itself.
    "laplace-kronecker": .init(options: ["draws": 10_000], spread: .exact, tolerance: 0.05),
    "laplace-diagonal": .init(options: ["draws": 10_000], spread: .meanField, tolerance: 0.05),
    "laplace-last-layer": .init(options: ["draws": 10_000], spread: .exact, tolerance: 0.05),
    "map": .init(spread: .none, tolerance: 1e-6),
    "map-restarts": .init(spread: .none, tolerance: 1e-6),
    "anchored": .init(options: ["members": 4000], spread: .anchored, tolerance: 0.05),
    "swa": .init(spread: .none, tolerance: 0.2),
    "swag": .init(spread: .unspecified, tolerance: 0.3),
    "subspace-ess": .init(spread: .unspecified, tolerance: 0.5),
    // These have priors and noise of their own; much data leaves the same mean.
    "deep-ensemble": .init(spread: .unspecified, meanTolerance: 0.1),
    "sgd": .init(options: ["epochs": 2000], spread: .unspecified, meanTolerance: 0.1),
    "dropout": .init(options: ["dropout-rate": 0.001], spread: .unspecified, meanTolerance: 0.1),
    "pbp": .init(spread: .unspecified, meanTolerance: 0.1),
  ]
}

struct MethodConformanceTests {
  static let names = InferenceMethods.all.map { $0.name }

  @Test func `every method has a closed form to meet, and a name of its own`() {
    #expect(Set(Self.names).count == Self.names.count)
    #expect(Set(Self.names) == Set(LinearModelTruth.all.keys))
  }

  @Test(arguments: names)
  func `a linear model's posterior is met as far as the method can`(name: String) async throws {
    let truth = try #require(LinearModelTruth.all[name])
    let model = try LinearModel()
    let fitted = try await InferenceMethods.method(name, options: truth.options)
      .fit(model.posterior, FitContext(random: RandomStream(seed: 11), workers: 2))
    let draws = try fitted.predict(model.points, random: RandomStream(seed: 12))
    for row in 0..<model.points.count {
      let values = Moments(draws.values(at: row))
      let exact = model.exact(row)
      let deviation = exact.variance.squareRoot()
      if let tolerance = truth.meanTolerance {
        #expect(abs(values.mean - exact.mean) < tolerance, "row \(row)")
        continue
      }
      #expect(
        abs(values.mean - exact.mean) < max(truth.tolerance * deviation, 2e-6),
        "row \(row): \((values.mean - exact.mean) / deviation) deviations")
      let expected: Double
      switch truth.spread {
      case .exact: expected = deviation
      case .meanField: expected = model.meanFieldVariance(row).squareRoot()
      case .anchored: expected = model.anchoredVariance(row).squareRoot()
      case .none:
        #expect(values.deviation < 1e-3 * deviation)
        continue
      case .unspecified: continue
      }
      #expect(
        abs(values.deviation / expected - 1) < truth.tolerance,
        "row \(row): \(values.deviation) of \(expected)")
    }
  }

  @Test(arguments: names)
  func `the same seed gives the same bytes with one worker and with two`(
    name: String
  ) async throws {
    let posterior = try LinearModel().posterior
    let short: [String: Value] = [
      "warmup": 20, "draws": 20, "iterations": 100, "epochs": 5, "passes": 2, "members": 3,
      "iterates": 10, "steps": 5, "flow-width": 5, "samples": 2, "cycles": 2, "draws-per-cycle": 5,
      "burn-in": 10, "width": 8,
    ]
    var files: [[UInt8]] = []
    for workers in [1, 2] {
      let method = try Self.method(name, from: short)
      let fitted = try await method.fit(
        posterior, FitContext(random: RandomStream(seed: 4), workers: workers))
      files.append(try fitted.file().bytes())
      let draws = try fitted.predict(
        posterior.rows.inputs, count: 10, random: RandomStream(seed: 5))
      let again = try ApproximatePosterior(fitted.file()).predict(
        posterior.rows.inputs, count: 10, random: RandomStream(seed: 5))
      #expect(draws.values == again.values && draws.noise == again.noise)
      let isFinite = draws.values.allSatisfy { $0.isFinite }
      #expect(isFinite)
    }
    #expect(files[0] == files[1])
  }

  @Test(arguments: names)
  func `an option that a method doesn't have is refused`(name: String) {
    let error = #expect(throws: InferenceError.self) {
      try InferenceMethods.method(name, options: ["nonsense": 1])
    }
    #expect(error?.message.hasPrefix("\(name) has no option 'nonsense'; its options are ") == true)
  }

  private static let refused: [(String, [String: Value], String)] = [
    ("hmc", ["steps": 0], "hmc: the option 'steps' is 0; it must be a whole number from 1"),
    ("sgld", ["step": 0], "sgld: the option 'step' is 0; it must be a number above 0"),
    ("sghmc", ["friction": 1.5], "friction"), ("sghmc", ["temperature": -1], "temperature"),
    ("dropout", ["dropout-rate": 1], "dropout-rate"), ("bb-alpha", ["alpha": 0], "use bbb"),
    ("magic", [:], "no method 'magic'; the methods are hmc, "),
  ]

  @Test(arguments: refused.indices)
  func `an option out of range is one clear sentence`(number: Int) {
    let (name, options, part) = Self.refused[number]
    let error = #expect(throws: InferenceError.self) {
      try InferenceMethods.method(name, options: options)
    }
    #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
  }

  /// A method with those of some options that it has.
  private static func method(
    _ name: String, from options: [String: Value]
  ) throws -> any InferenceMethod {
    var kept: [String: Value] = [:]
    for (key, value) in options
    where (try? InferenceMethods.method(name, options: [key: value])) != nil {
      kept[key] = value
    }
    return try InferenceMethods.method(name, options: kept)
  }
}

/// y = x·w + b + noise with a normal prior: everything in closed form.
struct LinearModel {
  let posterior: Posterior
  let points: Rows
  /// The posterior's mean and covariance of (w, b).
  let mean: [Double]
  let covariance: [[Double]]
  let precision: [[Double]]
  static let noise = 0.5
  static let prior = 1.5

  init(rows count: Int = 60) throws {
    var random = RandomStream(seed: 8).child("linear")
    let inputs = Rows(random.normals(2 * count), count: count, width: 2)
    let targets = (0..<count).map { row in
      0.7 * inputs.values[2 * row] - 1.2 * inputs.values[2 * row + 1] + 0.3
        + Self.noise * random.normal()
    }
    posterior = try Posterior(
      network: try Network(inputs: 2, hidden: [], outputs: 1, activation: .relu),
      prior: .isotropic(Self.prior), likelihood: .gaussian(.known(deviation: Self.noise)),
      rows: try LabelledRows(inputs, targets))
    points = Rows([[0, 0], [1, 1], [-2, 0.5], [0.3, -3]])
    let features = (0..<count).map { Array(inputs[$0]) + [1] }
    var matrix = [[Double]](repeating: [0, 0, 0], count: 3)
    var shift = [0.0, 0, 0]
    for (x, y) in zip(features, targets) {
      for i in 0..<3 {
        shift[i] += x[i] * y / (Self.noise * Self.noise)
        for j in 0..<3 { matrix[i][j] += x[i] * x[j] / (Self.noise * Self.noise) }
      }
    }
    for i in 0..<3 { matrix[i][i] += 1 / (Self.prior * Self.prior) }
    precision = matrix
    let factor = try #require(
      SymmetricMatrix(size: 3, values: matrix.flatMap { $0 }).cholesky())
    mean = factor.solve(shift)
    covariance = (0..<3).map { i in factor.solve((0..<3).map { $0 == i ? 1 : 0 }) }
  }

  private func features(_ row: Int) -> [Double] { Array(points[row]) + [1] }

  func exact(_ row: Int) -> (mean: Double, variance: Double) {
    let x = features(row)
    return (
      BayesianInference.dot(x, mean),
      BayesianInference.dot(x, covariance.map { BayesianInference.dot($0, x) })
    )
  }

  func meanFieldVariance(_ row: Int) -> Double {
    let x = features(row)
    return (0..<3).reduce(0) { $0 + x[$1] * x[$1] / precision[$1][$1] }
  }

  /// x·V Λ V·x with Λ the prior's precision.
  func anchoredVariance(_ row: Int) -> Double {
    let half = covariance.map { BayesianInference.dot($0, features(row)) }
    return BayesianInference.dot(half, half) / (Self.prior * Self.prior)
  }
}
