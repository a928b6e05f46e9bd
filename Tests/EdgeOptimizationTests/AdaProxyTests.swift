import EdgeOptimization
import Foundation
import Statistics
import StructuredValue
import Testing

struct AdaProxyTests {
  /// A small problem with known weights, and a target whose weights moved.
  private static func problem(
    count: Int, features: Int, seed: UInt64
  ) -> (proxy: [Double], features: FeatureMatrix, values: [Double]) {
    var generator = SplitMix64(seed: seed)
    let number = { Double(generator.next() >> 11) / Double(1 << 53) }
    let proxy = (0..<features).map { _ in 0.2 + number() }
    let rows = (0..<count).map { _ in (0..<features).map { _ in number() } }
    let values = rows.map { row in
      0.3 + row.indices.reduce(0.0) { $0 + row[$1] * proxy[$1] * ($1 % 2 == 0 ? 1.6 : 0.7) }
        + 0.05 * number()
    }
    return (proxy, FeatureMatrix(rows: rows), values)
  }

  /// (1/n)‖X(w₀∘(a·1+b)) + c·1 − y/mean(y)‖² + λ‖b‖_q, as it is written in the paper.
  private static func objective(
    _ problem: (proxy: [Double], features: FeatureMatrix, values: [Double]), _ norm: AdaProxy.Norm,
    _ penalty: Double, scale: Double, change: [Double], intercept: Double
  ) -> Double {
    let mean = problem.values.reduce(0, +) / Double(problem.values.count)
    let weights = change.indices.map { problem.proxy[$0] * (scale + change[$0]) }
    let errors = zip(problem.features.times(weights), problem.values).map {
      $0 + intercept - $1 / mean
    }
    let size =
      switch norm {
      case .l1: change.reduce(0) { $0 + abs($1) }
      case .l2: change.reduce(0) { $0 + $1 * $1 }.squareRoot()
      case .lInfinity: change.reduce(0) { max($0, abs($1)) }
      }
    return errors.reduce(0) { $0 + $1 * $1 } / Double(errors.count) + penalty * size
  }

  @Test(arguments: AdaProxy.Norm.allCases)
  func `no small step away from a solution lowers the objective`(norm: AdaProxy.Norm) throws {
    let problem = Self.problem(count: 15, features: 6, seed: 5)
    let solver = AdaProxy(norm: norm)
    for penalty in [0.0003, 0.003, 0.02] {
      let solution = try solver.solve(
        proxy: problem.proxy, features: problem.features, values: problem.values, penalty: penalty)
      #expect(solution.dualityGap <= 1e-8)
      let least = Self.objective(
        problem, norm, penalty, scale: solution.scale, change: solution.change,
        intercept: solution.intercept)
      var generator = SplitMix64(seed: 8)
      for _ in 0..<3000 {
        var (scale, intercept, change) = (solution.scale, solution.intercept, solution.change)
        let step = { 0.02 * (Double(generator.next() >> 11) / Double(1 << 53) - 0.5) }
        scale += step()
        intercept += step()
        // Also along single weights, where the norms have their kinks.
        for column in change.indices where generator.next() % 2 == 0 { change[column] += step() }
        let other = Self.objective(
          problem, norm, penalty, scale: scale, change: change, intercept: intercept)
        // The gap bounds how far the solution is from the minimum.
        #expect(other >= least - 1e-8)
      }
    }
  }

  @Test(arguments: AdaProxy.Norm.allCases)
  func `the weights keep the proxy's proportions exactly from a finite penalty on`(
    norm: AdaProxy.Norm
  ) throws {
    let problem = Self.problem(count: 12, features: 4, seed: 6)
    let solver = AdaProxy(norm: norm)
    let solve = { (penalty: Double) in
      try solver.solve(
        proxy: problem.proxy, features: problem.features, values: problem.values, penalty: penalty)
    }
    // Bisection for the smallest penalty without change.
    var (low, high) = (1e-6, 10.0)
    #expect(try solve(high).change.allSatisfy { $0 == 0 })
    for _ in 0..<60 {
      let middle = (low * high).squareRoot()
      if try solve(middle).changeNorm > 1e-12 { low = middle } else { high = middle }
    }
    let expected = try Self.largestPenalty(problem, norm)
    #expect(abs(high / expected - 1) < 1e-3)
  }

  /// The dual norm of (2/n)Zᵀr, with Z and r by plain regression on Xw₀ and 1.
  private static func largestPenalty(
    _ problem: (proxy: [Double], features: FeatureMatrix, values: [Double]), _ norm: AdaProxy.Norm
  ) throws -> Double {
    let rows = 0..<problem.features.rowCount
    let mean = problem.values.reduce(0, +) / Double(rows.count)
    let base = FeatureMatrix(
      rows: zip(rows, problem.features.times(problem.proxy)).map { [$1, 1] })
    let fit = try LookupTableFit().fit(base, problem.values.map { $0 / mean })
    let fitted = fit.predict(base)
    let residual = rows.map { problem.values[$0] / mean - fitted[$0] }
    let slope = problem.proxy.indices.map { column in
      let total = rows.reduce(0.0) { $0 + problem.features[$1, column] * residual[$1] }
      return abs(2 / Double(rows.count) * problem.proxy[column] * total)
    }
    return switch norm {
    case .l1: slope.max() ?? 0
    case .l2: slope.reduce(0) { $0 + $1 * $1 }.squareRoot()
    case .lInfinity: slope.reduce(0, +)
    }
  }

  @Test func `a penalty of the ridge path gives the path's solution`() throws {
    let problem = Self.problem(count: 20, features: 5, seed: 7)
    let solver = AdaProxy()
    let outcome = try solver.adapt(
      proxy: problem.proxy, features: problem.features, values: problem.values)
    for point in [outcome.path[4], outcome.path[12]] {
      let solution = try solver.solve(
        proxy: problem.proxy, features: problem.features, values: problem.values,
        penalty: point.penalty)
      for (left, right) in zip(solution.weights, point.weights) {
        #expect(abs(left - right) < 1e-9)
      }
    }
  }

  @Test func `the leave-one-out error is that of as many refits`() throws {
    let problem = Self.problem(count: 9, features: 3, seed: 9)
    let whole = problem.values.reduce(0, +) / 9
    var solver = AdaProxy()
    solver.ridges = [0.001, 0.1]
    let outcome = try solver.adapt(
      proxy: problem.proxy, features: problem.features, values: problem.values)
    for (position, ridge) in solver.ridges.enumerated() {
      var total = 0.0
      for left in 0..<9 {
        let kept = (0..<9).filter { $0 != left }
        let values = kept.map { problem.values[$0] }
        var refit = AdaProxy(choice: .folds(2))
        // The penalty nμ of all samples and their scale: the shortcut leaves both as they are.
        refit.ridges = [ridge * 9 / 8]
        let other = try refit.adapt(
          proxy: problem.proxy, features: problem.features.rows(kept), values: values)
        let predicted = other.predictor(0).predict(problem.features.rows([left]))[0]
        let error = (predicted - problem.values[left]) / whole
        total += error * error
      }
      let error = try #require(outcome.path[position].error)
      #expect(abs(error / (total / 9) - 1) < 1e-9)
    }
  }

  @Test func `a target that reverses the proxy is told apart`() throws {
    let problem = Self.problem(count: 20, features: 4, seed: 10)
    let predicted = problem.features.times(problem.proxy)
    let outcome = try AdaProxy().adapt(
      proxy: problem.proxy, features: problem.features, values: predicted.map { 9 - $0 })
    #expect(outcome.isReversed)
  }

  @Test func `the additive form moves a weight that is 0 on the proxy`() throws {
    let rows = (0..<12).map { [Double($0), Double($0 * $0 % 7)] }
    let values = rows.map { 5 + $0[0] + 2 * $0[1] }
    for (correction, moves) in [(AdaProxy.Correction.multiplicative, false), (.additive, true)] {
      let outcome = try AdaProxy(correction: correction).adapt(
        proxy: [1, 0], features: FeatureMatrix(rows: rows), values: values)
      #expect((abs(outcome.predictor.weights[1] - 2) < 0.1) == moves)
    }
  }

  @Test func `the proximal map of the largest value cuts so much in all`() {
    let values = [3.0, -2, 0.5, 1]
    // Σ max(|v| − m, 0) = 2 for m = 1.5: 1.5 + 0.5.
    let cut = PenalisedDescent.shrinkLargest(values, by: 2)
    #expect(cut == [1.5, -1.5, 0.5, 1])
    #expect(PenalisedDescent.shrinkLargest(values, by: 7) == [0, 0, 0, 0])
  }

  @Test func `too few samples and impossible choices are refused`() {
    let features = FeatureMatrix(rows: [[1, 0], [0, 1], [1, 1], [2, 1]])
    let refused: [(AdaProxy.Choice, [Double], String)] = [
      (.validation(2), [1, 2, 3, 4], "2 validation samples of 4"),
      (.validation(0), [1, 2, 3, 4], "0 validation samples of 4"),
      (.folds(5), [1, 2, 3, 4], "5 folds of 4 samples"),
      (.leaveOneOut, [-1, -2, -3, -4], "the values have the mean -2.5"),
    ]
    for (choice, values, part) in refused {
      let error = #expect(throws: EdgeError.self) {
        try AdaProxy(choice: choice).adapt(proxy: [1, 2], features: features, values: values)
      }
      #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
    }
    let constant = #expect(throws: EdgeError.self) {
      try AdaProxy().adapt(proxy: [0, 0], features: features, values: [1, 2, 3, 4])
    }
    #expect(constant?.message.contains("the same value for all 4 samples") == true)
  }
}

/// The reference paths, computed independently with NumPy.
private enum AdaProxyFixture {
  static func paths() throws -> [String: Value] {
    let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Fixtures/adaproxy.json")
    return try Value(json: try Data(contentsOf: path)).map?["adaproxy_l2"]?.map ?? [:]
  }
}

@Suite(.enabled(if: Mirror.isPresent, "\(Mirror.isAbsent)"))
struct RealAdaProxyTests {
  @Test func `the ridge paths of the real tables are the expected ones`() throws {
    let path = "\(Mirror.root)/\(Mirror.oneProxy)/encode.pickle"
    let designs = try RawTables.designs(path: path, space: .nasbench201)
      .map { try SearchSpace.nasbench201.design($0) }
    let features = SearchSpace.nasbench201.oneHot(designs)
    let expected = try AdaProxyFixture.paths()
    #expect(expected.count == 12)
    for (key, facts) in expected {
      let parts = key.split(separator: "|n=")
      let count = try #require(Int(parts[1]))
      let devices = parts[0].split(separator: "->").map(String.init)
      let proxy = try Mirror.oneProxyTable(devices[0])
      let target = try Mirror.oneProxyTable(devices[1])
      let weights = try AdaProxy.proxyWeights(features: features, values: proxy)
      let order = (0..<1999).map { 769 * $0 % 1999 }.filter { target[$0] != -1 }
      let samples = Array(order[..<count])
      var solver = AdaProxy(choice: .validation(count == 70 ? 10 : 20))
      solver.ridges = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1]
      let outcome = try solver.adapt(
        proxy: weights, features: features.rows(samples), values: samples.map { target[$0] })
      let valid = target.indices.filter { target[$0] != -1 }
      let measured = valid.map { target[$0] }
      let spearman = { (position: Int) in
        let predicted = outcome.predictor(position).predict(features.rows(valid))
          .map { PredictionQuality.round($0 / outcome.mean) }
        return Correlation.spearman(predicted, measured).value ?? 0
      }
      let rows = try #require(facts.map?["path"]?.list)
      for (position, row) in rows.enumerated() {
        let point = outcome.path[position]
        let place = "\(key), μ = \(point.ridge ?? 0)"
        let near = { (found: Double, name: String, tolerance: Double) in
          abs(found - (row.map?[name]?.double ?? .nan)) <= tolerance
        }
        #expect(near(spearman(position), "spearman_all", 0.002), "\(place)")
        // Six digits in the reference.
        #expect(near(point.scale, "a", 1e-5) && near(point.intercept, "c", 1e-5), "\(place)")
        #expect(near(point.changeNorm, "norm_b", 1e-4), "\(place)")
        #expect(near(point.penalty, "lambda", 1e-6), "\(place)")
        #expect(near(point.error ?? -1, "val_mse", 1e-6), "\(place)")
      }
      let chosen = try #require(facts.map?["chosen_mu"]?.double)
      #expect(outcome.path[outcome.chosen].ridge == chosen, "\(key)")
      let value = try #require(facts.map?["chosen_spearman_all"]?.double)
      #expect(abs(spearman(outcome.chosen) - value) <= 0.002, "\(key)")
    }
  }
}
