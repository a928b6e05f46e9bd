#if canImport(Glibc)
  import Glibc
#endif

/// Predicts a target's latencies of all designs by one of the methods.
struct TransferPredictor {
  let method: AdaptedTransfer.Method
  let known: TransferKnowledge
  /// The chosen proxy's latencies.
  let proxy: [Double]

  /// Predictions, one for each design.
  struct Fit {
    /// The designs that were predicted; of others, values are NaN.
    var designs: [Int]
    var values: [Double]
    /// The standard deviations of the logarithms.
    var logDeviations: [Double]
    /// Empty where the method gives none.
    var intervals: [(lower: Double, upper: Double)] = []
    /// Each sample predicted from the others; nil for no method.
    var leftOut: [Double]?
    var isReversed = false
  }

  /// - Parameters:
  ///   - samples: The measured designs.
  ///   - values: Their latencies.
  ///   - designs: The designs to predict.
  /// - Returns: The predictions.
  /// - Throws: `EdgeError` for too few samples, or unusable ones.
  func fit(
    _ samples: [Int], _ values: [Double], predicting designs: [Int]
  ) throws(EdgeError) -> Fit {
    let all = Array(known.designs.indices)
    switch method {
    case .none:
      return Fit(
        designs: all, values: proxy, logDeviations: [Double](repeating: 0, count: proxy.count))
    case .adaproxy: return try adaProxy(samples, values)
    case .gp:
      guard let process = known.process else {
        throw EdgeError(.badParameter, "the knowledge was built for another method than gp")
      }
      let posterior = try process.fit(samples: samples, latencies: values)
      let predictions = posterior.predict(designs)
      var fit = Fit(
        designs: designs, values: [Double](repeating: .nan, count: all.count),
        logDeviations: [Double](repeating: 0, count: all.count), leftOut: posterior.leaveOneOut)
      fit.intervals = [(lower: Double, upper: Double)](repeating: (.nan, .nan), count: all.count)
      for (design, prediction) in zip(designs, predictions) {
        fit.values[design] = prediction.value
        fit.logDeviations[design] = prediction.logDeviation
        fit.intervals[design] = (prediction.lower, prediction.upper)
      }
      return fit
    }
  }

  private func adaProxy(_ samples: [Int], _ values: [Double]) throws(EdgeError) -> Fit {
    let features = known.space.oneHot(known.designs)
    let fitted = known.pool.filter { !proxy[$0].isNaN }
    let weights = try AdaProxy.proxyWeights(
      features: features.rows(fitted), values: fitted.map { proxy[$0] })
    let adaptation = try AdaProxy().adapt(
      proxy: weights, features: features.rows(samples), values: values)
    var left: [Double] = []
    for (position, design) in samples.enumerated() {
      let kept = samples.indices.filter { $0 != position }
      let other = try AdaProxy().adapt(
        proxy: weights, features: features.rows(kept.map { samples[$0] }),
        values: kept.map { values[$0] })
      left.append(other.predictor.predict(features.rows([design]))[0])
    }
    // A linear predictor gives no variance: the left-out errors stand for those of all designs. It
    // may predict less than nothing, which has no logarithm.
    let squares = zip(left, values).compactMap { left, value in
      left > 0 ? pow(log(left / value), 2) : nil
    }
    let deviation = (squares.reduce(0, +) / Double(max(squares.count, 1))).squareRoot()
    return Fit(
      designs: Array(known.designs.indices), values: adaptation.predictor.predict(features),
      logDeviations: [Double](repeating: deviation, count: known.designs.count), leftOut: left,
      isReversed: adaptation.isReversed)
  }
}
