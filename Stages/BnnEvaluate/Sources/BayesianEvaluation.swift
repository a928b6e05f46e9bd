import BayesianInference
import Formats
public import StageKit
import Statistics
import StructuredValue
import Tensors

/// Judges a posterior's predictions against labels and against a reference posterior's.
public struct BayesianEvaluation: Stage {
  public struct Parameters: Decodable, Sendable {
    var draws: Int
    var probe: [Double]
    var smoothing: Double
    var title: String
  }

  public static var manifest: [UInt8] { PackageResources.stage_yaml }
  public static var code: String { CodeFingerprint.digest }

  public init() {}

  public func run(_ parameters: Parameters, in context: StageContext) async throws {
    let posterior = try context.read("posterior") {
      try ApproximatePosterior(path: $0, atMost: parameters.draws)
    }
    let test = try context.read("test") { try LabelledRows(CSV.read(path: $0)) }
    let random = RandomStream(seed: context.seed).child("predict")
    do {
      var scores = ScoreSheet(posterior, parameters)
      let draws = try posterior.predict(
        test.inputs, count: parameters.draws, random: random.child("test"))
      if posterior.likelihood.isRegression {
        scores.add(try RegressionMetrics(draws, test.targets), random.child("bootstrap"))
      } else {
        let probabilities = try ClassProbabilities(draws)
        let selective = try scores.add(
          probabilities, test.targets, parameters.smoothing, random.child("bootstrap"))
        let figure = RejectionFigure.figure(selective, scores.title)
        try context.write(figure.json(indented: true), to: "rejection")
      }
      if !context.inputs("grid").isEmpty {
        try compare(posterior, random, &scores, parameters, context)
      } else if !context.inputs("reference").isEmpty {
        throw StageError(
          code: .badInput, message: "a reference needs rows to compare on: connect 'grid'",
          slot: "grid")
      }
      for warning in scores.warnings { context.log(.warn, "\(posterior.method): \(warning)") }
      scores.report(in: context)
      try context.write(scores.json.json(indented: true), to: "scores")
    } catch let error as InferenceError {
      throw StageError(
        code: error.code == .badOption ? .badParameter : .badInput, message: error.message)
    }
  }

  private func compare(
    _ posterior: ApproximatePosterior, _ random: RandomStream, _ scores: inout ScoreSheet,
    _ parameters: Parameters, _ context: StageContext
  ) throws {
    let rows = try context.read("grid") { try Rows(CSV.read(path: $0), without: "y") }
    let draws = try posterior.predict(
      rows, count: parameters.draws, random: random.child("grid"))
    scores.add(try FunctionConvergence(draws))
    var truth: PredictiveDraws?
    if !context.inputs("reference").isEmpty {
      let reference = try context.read("reference") {
        try ApproximatePosterior(path: $0, atMost: parameters.draws)
      }
      let draws = try reference.predict(
        rows, count: parameters.draws, random: random.child("grid"))
      let convergence = try FunctionConvergence(draws)
      if let rHat = convergence.rHat.value, rHat > FunctionConvergence.limit {
        throw StageError(
          code: .badInput,
          message:
            "the reference's R̂ is \(rHat) on the grid; above 1.05 it is no reference: draw longer",
          slot: "reference")
      }
      scores.add("reference_rhat", convergence.rHat)
      truth = draws
    }
    let grid = try GridScores(rows, draws, reference: truth, probe: parameters.probe)
    for score in grid.summary { scores.add(score.name, score.value, error: score.error) }
    try context.write(grid.table(), to: "grid-scores")
    if rows.width == 1, posterior.likelihood.isRegression {
      let train =
        context.inputs("train").isEmpty
        ? nil : try context.read("train") { try LabelledRows(CSV.read(path: $0)) }
      try context.write(
        grid.bandFigure(scores.title, train).json(indented: true), to: "band")
    }
  }
}
