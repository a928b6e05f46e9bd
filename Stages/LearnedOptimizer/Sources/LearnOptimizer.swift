import EdgeOptimization
import LearnedDesign
public import StageKit
import Statistics
import StructuredValue
import Tensors

/// Trains the learned optimizer on some devices and tries it on others.
public struct LearnOptimizer: Stage {
  public struct Parameters: Decodable, Sendable {
    var space: String
    var unseen: [String]
    var references: [Int]
    var referenceCount: Int
    var samples: Int
    var rounds: Int
    var designsPerRound: Int
    var steps: Int
    var unit: String
  }

  public static var manifest: [UInt8] { PackageResources.stage_yaml }
  public static var code: String { CodeFingerprint.digest }

  public init() {}

  public func run(_ parameters: Parameters, in context: StageContext) async throws {
    let problem = try Problem(parameters, context)
    try TensorRuntime.onOneThread { try learn(problem, parameters, context) }
  }

  private func learn(
    _ problem: Problem, _ parameters: Parameters, _ context: StageContext
  ) throws {
    if let warning = try TensorRuntime.blas().warning { context.log(.warn, warning) }
    let random = RandomStream(seed: context.seed)
    let known = Array(0..<parameters.samples)
    let designs = known.map { problem.designs[$0] }

    context.progress(0, of: 100, message: "latency predictor")
    let latency = try LatencyPredictor(
      designs, latencies: problem.sources.map { table in known.map { table.latencies[$0] } },
      profiles: problem.sources.map(\.profile), references: problem.references,
      space: problem.space, random: random.child("latency"))
    let ranges = problem.sources.map { $0.range(known) }
    context.progress(10, of: 100, message: "accuracy predictor and its rounds")

    var rounds = ActiveRounds()
    rounds.rounds = parameters.rounds
    rounds.designsPerRound = parameters.designsPerRound
    let (accuracy, measured) = try rounds.fit(
      designs, accuracies: known.map { problem.accuracies[$0] }, latency: latency,
      devices: problem.sources.map(\.profile), ranges: ranges, pool: problem.designs,
      random: random.child("accuracy")
    ) { problem.accuracy(of: $0) }
    context.progress(50, of: 100, message: "optimizer")

    var options = DesignOptimizer.Options()
    options.steps = parameters.steps
    let optimizer = try DesignOptimizer(
      accuracy: accuracy, latency: latency, devices: problem.sources.map(\.profile),
      budgets: ranges, known: designs, pool: problem.designs, options: options,
      random: random.child("optimizer")
    ) { done, all in context.progress(50 + done * 45 / all, of: 100, message: "optimizer") }
    context.progress(95, of: 100, message: "trial on unseen devices")

    let trial = try DesignTrial(
      problem.designs, accuracies: problem.accuracies, predictor: accuracy, latency: latency)
    let rows = try problem.targets.flatMap { target in
      try trial.run(
        optimizer, device: (target.name, target.profile), latencies: target.latencies,
        random: random.child("trial"))
    }
    context.progress(100, of: 100)
    try context.write(Report.table(rows), to: "designs")
    try context.write(Report.figure(rows).json(indented: true), to: "gaps")
    for mode in DesignTrial.Mode.allCases {
      let summary = DesignTrial.summary(rows, mode)
      context.metric("\(mode.rawValue)_gap", summary?.gap)
      context.metric("\(mode.rawValue)_exceeded", summary?.exceeded)
    }
    try reportRandomSearch(problem, rows, random.child("random search"), context)
    context.metric("evolutionary_judged", DesignTrial.judged(rows, .evolutionary))
    try reportPredictors(problem, accuracy, latency, Set(designs + measured), context)
    context.metric("accuracies_measured", designs.count + measured.count)
    context.metric("latencies_measured", problem.references.count)
    context.metric("risk_price", optimizer.price.points)
    context.metric("known_exceeded", optimizer.price.exceeded)
    try context.write(problem.referenceTable, to: "references")
  }

  /// What measuring random designs on each unseen device would find instead.
  private func reportRandomSearch(
    _ problem: Problem, _ rows: [DesignTrial.Row], _ random: RandomStream, _ context: StageContext
  ) throws {
    for count in [10, 50, 200] {
      let found = try problem.targets.compactMap { target in
        try RandomSearch.summary(
          measuring: count, rows: rows.filter { $0.device == target.name },
          latencies: target.latencies, accuracies: problem.accuracies,
          random: random.child("\(target.name) \(count)"))
      }
      guard !found.isEmpty else { continue }
      let devices = Double(found.count)
      context.metric("random_\(count)_gap", found.reduce(0) { $0 + $1.gap } / devices)
      context.metric("random_\(count)_exceeded", found.reduce(0) { $0 + $1.exceeded } / devices)
    }
  }

  private func reportPredictors(
    _ problem: Problem, _ accuracy: AccuracyPredictor, _ latency: LatencyPredictor,
    _ seen: Set<[Int]>, _ context: StageContext
  ) throws {
    let others = problem.designs.indices.filter { !seen.contains(problem.designs[$0]) }
    let predicted = try accuracy.predict(others.map { problem.designs[$0] })
    context.metric(
      "accuracy_srcc",
      Correlation.spearman(predicted, others.map { problem.accuracies[$0] }).value)
    let correlations = try problem.targets.compactMap { target in
      let valid = problem.designs.indices.filter { target.latencies[$0] > 0 }
      let predicted = try latency.predict(
        valid.map { problem.designs[$0] }, on: target.profile)
      return Correlation.spearman(predicted, valid.map { target.latencies[$0] }).value
    }
    context.metric(
      "latency_srcc",
      correlations.isEmpty ? nil : correlations.reduce(0, +) / Double(correlations.count))
  }
}
