import BayesianInference
import BnnProblemStage
import Formats
import Foundation
import StageKit
import StageTesting
import StructuredValue
import Testing

struct ProblemDrawTests {
  @Test(arguments: SyntheticProblem.Kind.allCases)
  func `every problem gives rows to fit and a grid that reaches beyond them`(
    kind: SyntheticProblem.Kind
  ) async throws {
    let outcome = try await run(["problem": .string(kind.rawValue), "rows": 60])
    let (train, test) = (try rows(outcome, "train"), try rows(outcome, "test"))
    #expect(train.count == 60 && test.count == 200)
    let grid = try Rows(CSV.read(FileContent(outcome.bytes("grid"), name: "grid")))
    #expect(grid.width == train.inputs.width)
    #expect((grid.values.max() ?? 0) > (train.inputs.values.max() ?? 0))
    #expect((grid.values.min() ?? 0) < (train.inputs.values.min() ?? 0))
    let again = try await run(["problem": .string(kind.rawValue), "rows": 70])
    #expect(try rows(again, "train").selected(Array(0..<60)) == train)
    let other = try await run(["problem": .string(kind.rawValue), "rows": 60, "repeat": 1])
    #expect(try rows(other, "train") != train)
  }

  @Test func `noise has its deviation around the function`() async throws {
    let data = try rows(await run(["problem": "linear", "rows": 4000, "noise": 0.7]), "train")
    let errors = (0..<data.count).map { data.targets[$0] - 1.5 * data.inputs.values[$0] + 0.5 }
    let moments = Moments(errors)
    // Four standard errors.
    #expect(abs(moments.mean) < 4 * 0.7 / 4000.0.squareRoot())
    #expect(abs(moments.deviation / 0.7 - 1) < 4 / 8000.0.squareRoot())
    let gap = try rows(await run(["problem": "gap", "rows": 400]), "train")
    #expect(gap.inputs.values.allSatisfy { abs($0) >= 0.6 && abs($0) <= 1.5 })
  }

  @Test func `rings have as many classes as are asked for, other problems two`() async throws {
    let rings = try rows(await run(["problem": "rings", "rows": 90, "classes": 3]), "train")
    #expect(Set(rings.targets) == [0, 1, 2])
    let error = await #expect(throws: StageError.self) {
      try await run(["problem": "moons", "classes": 3])
    }
    #expect(error?.message == "moons: 3 classes; only rings have other than 2, up to 100")
  }

  private func rows(
    _ outcome: StageHarness<ProblemDraw>.Outcome, _ name: String
  ) throws -> LabelledRows {
    try LabelledRows(CSV.read(FileContent(outcome.bytes(name), name: name)))
  }

  private func run(_ parameters: Value) async throws -> StageHarness<ProblemDraw>.Outcome {
    try await StageHarness(ProblemDraw.self).run(parameters: parameters, seed: 3)
  }
}
