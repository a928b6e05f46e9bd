import BranchingTrainStage
import Formats
import Foundation
import LearnedBranching
import StageKit
import StageTesting
import StructuredValue
import Testing
import Verification

struct BranchingTrainTests {
  /// Records whose better candidates are those with the higher upper bound, on a made-up network.
  private func samples(_ images: Range<Int>, _ network: ReLUNetwork) throws -> String {
    let folder = NSTemporaryDirectory() + "samples-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for image in images {
      let records = (0..<3).map { number in record(seed: image * 7 + number) }
      let samples = PropertySamples(
        image: image, radius: 0.1, row: OutputRow(0, beats: 1, of: 2), records: records)
      try Data(samples.safetensors().bytes()).write(
        to: URL(fileURLWithPath: "\(folder)/property-\(image).safetensors"))
    }
    return folder
  }

  private func record(seed: Int) -> BranchingRecord {
    let uppers = (0..<6).map { Float(($0 * 5 + seed) % 6 + 1) / 3 }
    let zeros = [Float](repeating: 0, count: 6)
    let features = SubproblemFeatures(
      inputLower: [-1, -1], inputUpper: [1, 1], input: [0, 0],
      layers: [
        SubproblemFeatures.Layer(
          lower: uppers.map { _ in -1 }, upper: uppers, lowerDual: zeros, upperDual: zeros,
          zhat: zeros, z: zeros)
      ], outputLower: -1, outputUpper: 1, output: -1)
    return BranchingRecord(
      features: features, parentBound: -1,
      candidates: uppers.indices.map {
        let bound = Double(uppers[$0]) / 2 - 1
        return BranchingRecord.Candidate(
          relu: ReLUIndex(layer: 0, neuron: $0), children: ChildBounds(off: bound, on: bound))
      })
  }

  private func setUp() throws -> (files: String, network: ReLUNetwork) {
    let network = try ReLUNetwork(
      inputShape: [2],
      layers: [
        AffineLayer(
          weights: (0..<12).map { Double($0 % 5) / 5 - 0.4 },
          biases: (0..<6).map { Double($0) / 10 }, inputs: 2),
        AffineLayer(
          weights: (0..<12).map { Double($0 % 7) / 7 - 0.4 }, biases: [0.1, -0.1], inputs: 6),
      ])
    let folder = NSTemporaryDirectory() + "files-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    return (folder, network)
  }

  @Test(arguments: [RankLoss.hinge, .softmax(temperature: 0.1)])
  func `a ranking that can be read off the features is learnt`(loss: RankLoss) throws {
    let (_, network) = try setUp()
    let graph = BranchingGraph(network, row: OutputRow(0, beats: 1, of: 2))
    let examples = (0..<24).map { BranchingTraining.Example(record(seed: $0), on: graph) }
    var options = BranchingTraining.Options()
    options.rate = 1e-3
    options.epochs = 30
    options.loss = loss
    options.followsCosine = loss != .hinge
    options.averaging = loss == .hinge ? 0 : 0.9
    var run = BranchingTraining(
      BranchingNetwork(BranchingParameters(seed: 4)), seed: 4, options: options)
    let before = run.network.score(examples, loss: loss, workers: 1)
    while !run.isFinished {
      _ = run.runEpoch(training: Array(examples[..<16]), validation: Array(examples[16...]))
    }
    let after = try #require(run.bestScore)
    #expect(after.accuracy == 1 && after.loss < before.loss / 4, "\(before) \(after)")
  }

  @Test func `training that goes on from a checkpoint ends at the same numbers`() throws {
    let (_, network) = try setUp()
    let graph = BranchingGraph(network, row: OutputRow(0, beats: 1, of: 2))
    let examples = (0..<8).map { BranchingTraining.Example(record(seed: $0), on: graph) }
    var options = BranchingTraining.Options()
    options.epochs = 4
    options.loss = .softmax(temperature: 0.2)
    options.followsCosine = true
    options.averaging = 0.95
    let start = BranchingTraining(
      BranchingNetwork(BranchingParameters(seed: 4)), seed: 4, options: options)
    var whole = start
    for _ in 0..<4 { _ = whole.runEpoch(training: examples, validation: examples) }
    var first = start
    for _ in 0..<2 { _ = first.runEpoch(training: examples, validation: examples) }
    var second = start
    try second.restore(FileContent(first.checkpoint().bytes(), name: "state.safetensors"))
    for _ in 0..<2 { _ = second.runEpoch(training: examples, validation: examples) }
    #expect(second.network.parameters == whole.network.parameters)
    #expect(second.best.parameters == whole.best.parameters && second.isFinished)
  }

  @Test func `the top-one loss has its derivative, and is 0 for the qualities themselves`() throws {
    let record = record(seed: 3)
    let scores = record.candidates.indices.map { Float($0 % 4) / 3 }
    let loss = RankLoss.softmax(temperature: 0.3)
    let slopes = try #require(loss.value(scores, record)).slopes
    for index in scores.indices {
      func value(_ step: Float) throws -> Double {
        var moved = scores
        moved[index] += step
        return try #require(loss.value(moved, record)).loss
      }
      let rise = try (value(1e-2) - value(-1e-2)) / 2e-2
      #expect(abs(rise - Double(slopes[index])) < 1e-4)
    }
    let exact = record.qualities.map { Float($0 / 0.3) }
    #expect(abs(try #require(loss.value(exact, record)).loss) < 1e-6)
    // A candidate without a score takes no part.
    let partly: [Float?] = [nil] + scores.dropFirst().map { Optional($0) }
    let some = try #require(loss.value(partly, record))
    #expect(some.slopes[0] == 0)
  }

  @Test func `maps that no gradient reaches neither move nor die`() throws {
    let (_, network) = try setUp()
    let graph = BranchingGraph(network, row: OutputRow(0, beats: 1, of: 2))
    let examples = (0..<8).map { BranchingTraining.Example(record(seed: $0), on: graph) }
    var options = BranchingTraining.Options()
    options.epochs = 20
    options.decay = 1e-2
    let start = BranchingNetwork(BranchingParameters(seed: 4), rounds: 1)
    var run = BranchingTraining(start, seed: 4, options: options)
    for _ in 0..<20 { _ = run.runEpoch(training: examples, validation: examples) }
    // With one round of messages the way back ends before the input's nodes.
    for (before, after) in zip(start.parameters.norms, run.network.parameters.norms) {
      let isUnused = ["inp_b", "inp_b_1", "inp_b2", "inp_b2_2"].contains(before.name)
      #expect(isUnused == (before == after), "\(before.name)")
    }
  }

  @Test func `samples survive the way through a file`() throws {
    let (_, network) = try setUp()
    let samples = PropertySamples(
      image: 5, radius: 0.2, row: OutputRow(0, beats: 1, of: 2), records: [record(seed: 1)])
    let bytes = try samples.safetensors().bytes()
    let read = try PropertySamples(FileContent(bytes, name: "s.safetensors"), for: network)
    #expect(read == samples)
  }

  @Test(.enabled(if: Mirror.isPresent, "\(Mirror.isMissing)"))
  func `samples of another network or of shared images are refused`() async throws {
    let (_, network) = try setUp()
    let files = try Mirror.files()
    let folder = try samples(0..<2, network)
    let error = await #expect(throws: StageError.self) {
      try await StageHarness(BranchingTrain.self).run(
        inputs: ["files": files],
        gathered: ["samples": [("s", folder)], "validation": [("v", folder)]])
    }
    #expect(error?.message.contains("'row' of shape [3]") == true, "\(error?.message ?? "")")
    #expect(error?.slot == "samples")
  }
}
