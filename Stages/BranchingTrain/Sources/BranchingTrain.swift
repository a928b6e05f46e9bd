import Formats
import Foundation
import LearnedBranching
public import StageKit
import StructuredValue
import Verification

/// Trains the branching network on recorded strong branching.
public struct BranchingTrain: Stage {
  public struct Parameters: Decodable, Sendable {
    var network: String
    var published: String
    var rounds: Int
    var epochs: Int
    var batch: Int
    var rate: Double
    var decay: Double
    var patience: Int
    var loss: String
    var temperature: Double
    var schedule: String
    var averaging: Double
  }

  public static var manifest: [UInt8] { PackageResources.stage_yaml }
  public static var code: String { CodeFingerprint.digest }

  public init() {}

  public func run(_ parameters: Parameters, in context: StageContext) async throws {
    let folder = try context.input("files").path
    let path = "\(folder)/\(parameters.network)"
    let network = try named("files", without: folder) {
      path.hasSuffix(".onnx")
        ? try ReLUNetwork.read(onnx: path) : try ReLUNetwork.read(checkpoint: path)
    }
    let training = try examples("samples", network, context)
    let validation = try examples("validation", network, context)
    if let shared = Set(training.images).intersection(validation.images).min() {
      throw StageError(
        code: .badInput,
        message: "image \(shared) is among both the samples and the validation; split by image",
        slot: "validation")
    }
    var options = BranchingTraining.Options()
    options.rate = Float(parameters.rate)
    options.decay = Float(parameters.decay)
    options.batch = parameters.batch
    options.epochs = parameters.epochs
    options.patience = parameters.patience
    options.loss =
      parameters.loss == "hinge" ? .hinge : .softmax(temperature: parameters.temperature)
    options.followsCosine = parameters.schedule == "cosine"
    options.averaging = Float(parameters.averaging)
    options.workers = context.cpus
    var run = BranchingTraining(
      BranchingNetwork(BranchingParameters(seed: context.seed), rounds: parameters.rounds),
      seed: context.seed, options: options)
    var curve: [Value] = []
    if let resume = context.resume {
      try run.restore(FileContent(path: "\(resume)/state.safetensors"))
      let text = try Data(contentsOf: URL(fileURLWithPath: "\(resume)/curve.json"))
      curve = try Value(json: text).list ?? []
    }
    while !run.isFinished {
      let result = run.runEpoch(training: training.examples, validation: validation.examples)
      for (name, value) in [
        ("training loss", result.trainingLoss), ("validation loss", result.validation.loss),
        ("validation accuracy", result.validation.accuracy),
      ] {
        context.metric(name.replacing(" ", with: "_"), step: run.epoch, value)
        curve.append(["epoch": .int(run.epoch), "value": .double(value), "curve": .string(name)])
      }
      context.progress(
        run.epoch, of: parameters.epochs, unit: "epochs",
        message: String(
          format: "loss %.3f, accuracy %.3f", result.validation.loss, result.validation.accuracy))
      try keep(run, curve, context)
    }
    try report(run, curve, training.examples, validation.examples, parameters, context)
  }

  /// Runs a reader, whose error then names the slot and no folder of this machine.
  private func named<Result>(
    _ slot: String, without folder: String, _ body: () throws -> Result
  ) throws(StageError) -> Result {
    do {
      return try body()
    } catch {
      throw StageError(
        code: .badInput, message: "\(error)".replacing("\(folder)/", with: ""), slot: slot)
    }
  }

  private func examples(
    _ slot: String, _ network: ReLUNetwork, _ context: StageContext
  ) throws -> (examples: [BranchingTraining.Example], images: [Int]) {
    var examples: [BranchingTraining.Example] = []
    var images: [Int] = []
    for input in context.inputs(slot) {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: input.path)) ?? []
      for name in names.sorted() where name.hasSuffix(".safetensors") {
        let samples = try named(slot, without: input.path) {
          try PropertySamples(FileContent(path: "\(input.path)/\(name)"), for: network)
        }
        images.append(samples.image)
        let graph = BranchingGraph(network, row: samples.row)
        examples += samples.records.filter(\.isUseful).map {
          BranchingTraining.Example($0, on: graph)
        }
      }
    }
    guard !examples.isEmpty else {
      throw StageError(
        code: .badInput,
        message: "no record tells its candidates apart; more properties or harder ones are needed",
        slot: slot)
    }
    return (examples, images)
  }

  private func keep(
    _ run: BranchingTraining, _ curve: [Value], _ context: StageContext
  ) throws {
    let folder = "\(context.scratch)/epoch-\(run.epoch)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try Data(run.checkpoint().bytes()).write(
      to: URL(fileURLWithPath: "\(folder)/state.safetensors"))
    try Data(Value.list(curve).json().utf8).write(
      to: URL(fileURLWithPath: "\(folder)/curve.json"))
    context.checkpoint(folder)
  }

  private func report(
    _ run: BranchingTraining, _ curve: [Value], _ training: [BranchingTraining.Example],
    _ validation: [BranchingTraining.Example], _ parameters: Parameters, _ context: StageContext
  ) throws {
    let file = run.best.parameters.safetensors(metadata: ["rounds": "\(parameters.rounds)"])
    try Data(file.bytes()).write(to: URL(fileURLWithPath: context.output("model")))
    try context.write(figure(curve).json(indented: true), to: "curve")
    let norms = run.best.parameters.norms
    try context.write(
      "map,weights,biases\n"
        + norms.map { "\($0.name),\(Float($0.weights)),\(Float($0.biases))\n" }.joined(),
      to: "norms")
    context.metric("epochs", run.epoch)
    context.metric("best_epoch", run.bestEpoch)
    context.metric("records", training.count)
    context.metric("validation_records", validation.count)
    context.metric("validation_loss", run.bestScore?.loss)
    context.metric("validation_accuracy", run.bestScore?.accuracy)
    context.metric("validation_quality", run.bestScore?.quality)
    let qualities = validation.map(\.record.qualities)
    func mean(_ value: ([Double]) -> Double) -> Double {
      qualities.reduce(0) { $0 + value($1) / Double($1.count) } / Double(qualities.count)
    }
    context.metric("chance_accuracy", mean { Double($0.count { $0 > 0.9 }) })
    context.metric("chance_quality", mean { $0.reduce(0, +) })
    context.metric("dead_maps", norms.count { $0.weights < 1e-6 })
    guard !parameters.published.isEmpty else { return }
    let folder = try context.input("files").path
    let published = try named("files", without: folder) {
      try BranchingParameters(
        snapshot: FileContent(path: "\(folder)/\(parameters.published)"))
    }
    let score = BranchingNetwork(published, rounds: 1).score(validation, workers: context.cpus)
    context.metric("published_accuracy", score.accuracy)
    context.metric("published_quality", score.quality)
  }

  private func figure(_ curve: [Value]) -> Value {
    [
      "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
      "title": "Learning to rank as strong branching does", "width": 480, "height": 260,
      "data": ["values": .list(curve)], "mark": ["type": "line", "point": ["size": 14]],
      "encoding": [
        "x": ["field": "epoch", "type": "quantitative", "axis": ["tickMinStep": 1]],
        "y": ["field": "value", "type": "quantitative", "title": "loss, accuracy"],
        "color": ["field": "curve", "type": "nominal", "title": .null],
      ],
    ]
  }
}
