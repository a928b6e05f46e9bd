import BayesianInference
public import StageKit
import Tensors

/// Writes a synthetic problem's rows as tables.
public struct ProblemDraw: Stage {
  public struct Parameters: Decodable, Sendable {
    var problem: String
    var rows: Int
    var testRows: Int
    var noise: Double
    var classes: Int
    var `repeat`: Int
  }

  public static var manifest: [UInt8] { PackageResources.stage_yaml }
  public static var code: String { CodeFingerprint.digest }

  public init() {}

  public func run(_ parameters: Parameters, in context: StageContext) async throws {
    let random = RandomStream(seed: context.seed).child("problem").child(parameters.repeat)
    do {
      let problem = try SyntheticProblem(
        SyntheticProblem.Kind(rawValue: parameters.problem) ?? .linear,
        noise: parameters.noise > 0 ? parameters.noise : nil,
        classes: parameters.classes == 2 ? nil : parameters.classes)
      let train = try problem.rows(parameters.rows, random: random.child("train"))
      let test = try problem.rows(parameters.testRows, random: random.child("test"))
      try context.write(train.csv, to: "train")
      try context.write(test.csv, to: "test")
      try context.write(problem.grid.csv, to: "grid")
      context.metric("train_rows", train.count)
      context.metric("test_rows", test.count)
      context.metric("features", train.inputs.width)
    } catch let error as InferenceError {
      throw StageError(code: .badParameter, message: error.message)
    }
  }
}
