import EdgeOptimization
public import Tensors

/// How well optimised designs keep their promise on a device whose whole table is known.
public struct DesignTrial: Sendable {
  /// One budget on one device.
  public struct Row: Hashable, Sendable {
    public let device: String
    public let budget: Double
    /// The best accuracy of any design within the budget, in percent.
    public let optimum: Double
    /// By the way that the design was found; without those whose design is in no table.
    public let results: [Mode: Result]
  }

  public struct Result: Hashable, Sendable {
    public let design: [Int]
    /// True values, from the tables.
    public let accuracy: Double
    public let latency: Double
    /// Designs that were judged by the predictors on the way.
    public let judged: Int
  }

  /// How a design is found, from the cheapest to the dearest.
  public enum Mode: String, CaseIterable, Hashable, Sendable {
    /// The network's own design.
    case direct
    /// The best of 200 drawn designs by the predictors.
    case sampled
    /// The best of ten drawn designs that were measured, each chosen after the one before it.
    case measured
    /// The best that an evolutionary search finds by the predictors.
    case evolutionary
    /// The best of all designs by the predictors, which only small spaces allow.
    case exhaustive
    /// The best of the ten best of all by the predictors, once they were measured.
    case exhaustiveMeasured = "exhaustive_measured"
  }

  public let designs: [[Int]]
  public let accuracies: [Double]
  private let places: [[Int]: Int]
  private let predictedAccuracies: [Double]
  private let latency: LatencyPredictor
  private let embedding: LatencyPredictor.Embedding

  /// Takes the designs of a space and their accuracies.
  ///
  /// - Parameters:
  ///   - designs: All that an optimum is looked for among.
  ///   - accuracies: True ones, in percent.
  ///   - predictor: What the optimizers were trained through.
  ///   - latency: And this.
  /// - Throws: `EdgeError` where the counts differ, or a design is not of the predictor's space.
  public init(
    _ designs: [[Int]], accuracies: [Double], predictor: AccuracyPredictor,
    latency: LatencyPredictor
  ) throws {
    guard designs.count == accuracies.count, !designs.isEmpty else {
      throw EdgeError(.badTable, "a trial needs one accuracy for each design")
    }
    self.designs = designs
    self.accuracies = accuracies
    predictedAccuracies = try predictor.predict(designs)
    self.latency = latency
    embedding = try latency.embedding(designs)
    places = Dictionary(
      designs.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// Tries budgets at quantiles of a device's true latencies.
  ///
  /// - Parameters:
  ///   - optimizer: Trained without this device.
  ///   - device: Its name and profile.
  ///   - latencies: Its whole table, of which the optimizer sees the reference designs only.
  ///   - quantiles: Of the latencies; those not above 0 do not count.
  ///   - random: Draws.
  /// - Returns: One row a quantile.
  /// - Throws: `EdgeError` where the table does not fit.
  public func run(
    _ optimizer: DesignOptimizer, device: (name: String, profile: DeviceProfile),
    latencies: [Double],
    quantiles: [Double] = (1...8).map { Double($0) / 10 }, random: RandomStream
  ) throws -> [Row] {
    let valid = latencies.indices.filter { latencies[$0] > 0 && latencies[$0].isFinite }
    guard latencies.count == designs.count, !valid.isEmpty else {
      throw EdgeError(.badTable, "the table of '\(device.name)' does not fit the designs")
    }
    let ordered = valid.map { latencies[$0] }.sorted()
    let predicted = try latency.posterior(on: device.profile).predict(embedding)
    return try quantiles.map { quantile in
      let budget = ordered[min(ordered.count - 1, Int(quantile * Double(ordered.count)))]
      let within = valid.filter { latencies[$0] <= budget }
      let optimum = within.map { accuracies[$0] }.max() ?? 0
      let direct = places[try optimizer.design(for: device.profile, budget: budget)]
      let drawn = try optimizer.candidates(
        for: device.profile, budget: budget, random: random.child(device.name)
      ).compactMap { places[$0.design] }
      let measured = try optimizer.measured(
        for: device.profile, budget: budget, random: random.child(device.name)
      ) { design in
        guard let place = places[design], latencies[place] > 0, latencies[place].isFinite else {
          return nil
        }
        return (latencies[place], accuracies[place])
      }.flatMap { places[$0.design] }
      let (own, limit) = (
        device.profile.normalized(budget), RiskPrice.limit(budget, on: device.profile)
      )
      let worths = designs.indices.map {
        optimizer.price.worth(
          predictedAccuracies[$0], predicted[$0], within: own, exceededAbove: limit)
      }
      let (evolutionary, judged) = evolved(
        within: own, latencies: predicted.map(\.mean), worths: worths,
        random: random.child("evolution \(budget)"))
      let exhaustive = designs.indices.max { worths[$0] < worths[$1] }
      let best = valid.sorted { worths[$0] != worths[$1] ? worths[$0] > worths[$1] : $0 < $1 }
      let exhaustiveMeasured = RandomSearch.best(
        of: Array(best.prefix(10)), within: budget, latencies, accuracies)
      let found: [(Mode, place: Int?, judged: Int)] = [
        (.direct, direct, 0), (.sampled, drawn.first, drawn.count),
        (.measured, measured, drawn.count), (.evolutionary, evolutionary, judged),
        (.exhaustive, exhaustive, designs.count),
        (.exhaustiveMeasured, exhaustiveMeasured, designs.count),
      ]
      return Row(
        device: device.name, budget: budget, optimum: optimum,
        results: Dictionary(
          uniqueKeysWithValues: found.compactMap { mode, place, judged in
            place.map {
              let result = Result(
                design: designs[$0], accuracy: accuracies[$0], latency: latencies[$0],
                judged: judged)
              return (mode, result)
            }
          }))
    }
  }

  /// What an evolutionary search finds by the predictors, and how many designs they judged for it.
  private func evolved(
    within budget: Double, latencies: [Double], worths: [Double], random: RandomStream
  ) -> (place: Int?, judged: Int) {
    var random = random
    var judged = 0
    let found = try? EvolutionarySearch(space: latency.space).best(
      within: budget, seed: random.next(),
      accuracy: { design in
        judged += 1
        return places[design].map { worths[$0] } ?? -.infinity
      },
      latency: { design in places[design].map { latencies[$0] } ?? .infinity })
    // Without a design that is fast enough there is nothing to find.
    return (found.flatMap { places[$0.design] }, judged)
  }

  /// How many designs the predictors judge for one answer, in the mean.
  public static func judged(_ rows: [Row], _ mode: Mode) -> Double? {
    let counts = rows.compactMap { $0.results[mode]?.judged }
    return counts.isEmpty ? nil : Double(counts.reduce(0, +)) / Double(counts.count)
  }

  /// The mean accuracy lost against the optimum, in points, and the share of budgets that are exceeded
  /// by more than 2 %.
  public static func summary(_ rows: [Row], _ mode: Mode) -> (gap: Double, exceeded: Double)? {
    let results = rows.compactMap { row in row.results[mode].map { (row, $0) } }
    guard !results.isEmpty else { return nil }
    let gaps = results.reduce(0) { $0 + $1.0.optimum - $1.1.accuracy }
    let exceeded = results.count { $0.1.latency > 1.02 * $0.0.budget }
    return (gaps / Double(results.count), Double(exceeded) / Double(results.count))
  }
}
