import BayesianInference
import Formats
import Foundation
public import StageKit
import StructuredValue
import Tensors

/// Measures what a posterior costs to fit and to predict with.
public struct InferenceCost: Stage {
  public struct Parameters: Decodable, Sendable {
    var method: String
    var options: [String: Value]
    var model: ModelDescription
    var draws: [Int]
    var title: String

    private enum Key: String, CodingKey { case method, options, draws, title }

    public init(from decoder: any Decoder) throws {
      let values = try decoder.container(keyedBy: Key.self)
      method = try values.decode(String.self, forKey: .method)
      options = try values.decode([String: Value].self, forKey: .options)
      draws = try values.decode([Int].self, forKey: .draws)
      title = try values.decode(String.self, forKey: .title)
      // Its parameters stand beside the stage's own.
      model = try ModelDescription(from: decoder)
    }
  }

  public static var manifest: [UInt8] { PackageResources.stage_yaml }
  public static var code: String { CodeFingerprint.digest }

  public init() {}

  /// Rows that a latency is of.
  private static let rowCount = 1000

  public func run(_ parameters: Parameters, in context: StageContext) async throws {
    guard !parameters.draws.isEmpty else {
      throw StageError(code: .badParameter, message: "'draws' is empty; one number is needed")
    }
    let train = try context.read("train") { try LabelledRows(CSV.read(path: $0)) }
    let given = try context.read("rows") { try Rows(CSV.read(path: $0), without: "y") }
    let rows = given.selected((0..<Self.rowCount).map { $0 % given.count })
    let random = RandomStream(seed: context.seed)
    do {
      let method = try InferenceMethods.method(parameters.method, options: parameters.options)
      let posterior = try parameters.model.posterior(train)
      let watch = Stopwatch()
      let fitted = try await method.fit(
        posterior,
        FitContext(
          random: random.child("fit"), workers: context.cpus,
          progress: { context.progress($0, of: $1) }))
      let fit = watch.elapsed
      var costs: [PredictionCost] = []
      for draws in Set(parameters.draws).sorted() {
        costs.append(try PredictionCost(fitted, rows, draws, random.child("predict")))
        // Stored draws that are all used already take as long again.
        if fitted.rule == .draws, draws >= fitted.count { break }
      }
      try report(fitted, fit, costs, parameters, context)
    } catch let error as InferenceError {
      throw StageError(
        code: error.code == .badOption ? .badParameter : .badInput, message: error.message)
    }
  }

  private func report(
    _ fitted: ApproximatePosterior, _ fit: Stopwatch.Time, _ costs: [PredictionCost],
    _ parameters: Parameters, _ context: StageContext
  ) throws {
    let (least, most) = (costs[0], costs[costs.count - 1])
    let metrics: [(String, Double)] = [
      ("training_seconds", fit.wall), ("training_cpu_seconds", fit.cpu),
      ("seconds_per_draw", fit.cpu / Double(fitted.count)), ("latency", most.time.wall),
      ("latency_one", least.time.wall), ("latency_cpu", most.time.cpu),
      ("draws", Double(most.draws)), ("posterior_bytes", Double(try fitted.file().bytes().count)),
      ("peak_memory", Double(TensorRuntime.peakMemory)),
    ]
    for (name, value) in metrics { context.metric(name, value) }
    let title = parameters.title.isEmpty ? fitted.method : parameters.title
    let scores: Value = [
      "method": .string(title), "temperature": .double(fitted.temperature),
      "warnings": .list(fitted.warnings.map { .string($0) }),
      "metrics": .map(
        Dictionary(uniqueKeysWithValues: metrics.map { ($0, ["value": .double($1)]) })),
    ]
    try context.write(scores.json(indented: true), to: "scores")
    try context.write(
      "draws,wall seconds,cpu seconds\n"
        + costs.map { "\($0.draws),\($0.time.wall),\($0.time.cpu)\n" }.joined(), to: "table")
    try context.write(figure(costs, title).json(indented: true), to: "figure")
  }

  private func figure(_ costs: [PredictionCost], _ title: String) -> Value {
    let points = costs.map { cost -> Value in
      ["draws": .int(cost.draws), "seconds": .double(cost.time.wall)]
    }
    return [
      "$schema": "https://vega.github.io/schema/vega-lite/v5.json", "title": .string(title),
      "width": 420, "height": 240, "data": ["values": .list(points)],
      "mark": ["type": "line", "point": true],
      "encoding": [
        "x": [
          "field": "draws", "type": "quantitative", "scale": ["type": "log"], "title": "draws",
        ],
        "y": [
          "field": "seconds", "type": "quantitative", "scale": ["type": "log"],
          "title": "seconds for 1000 rows",
        ],
      ],
    ]
  }
}

/// What predicting some rows takes.
struct PredictionCost {
  let draws: Int
  /// The shortest of three.
  let time: Stopwatch.Time

  init(_ fitted: ApproximatePosterior, _ rows: Rows, _ draws: Int, _ random: RandomStream) throws {
    var shortest: Stopwatch.Time?
    for _ in 0..<3 {
      let watch = Stopwatch()
      _ = try fitted.predict(rows, count: draws, random: random)
      let time = watch.elapsed
      if time.wall < shortest?.wall ?? .infinity { shortest = time }
    }
    self.draws = fitted.rule == .draws ? min(draws, fitted.count) : draws
    time = shortest ?? Stopwatch.Time(wall: 0, cpu: 0)
  }
}

/// Wall clock and the process's CPU time since it was made.
struct Stopwatch {
  struct Time {
    var wall: Double
    var cpu: Double
  }

  private let wall = ContinuousClock.now
  private let cpu = Stopwatch.cpuSeconds

  var elapsed: Time {
    let duration = (ContinuousClock.now - wall).components
    return Time(
      wall: Double(duration.seconds) + 1e-18 * Double(duration.attoseconds),
      cpu: Stopwatch.cpuSeconds - cpu)
  }

  private static var cpuSeconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + 1e-9 * Double(time.tv_nsec)
  }
}
