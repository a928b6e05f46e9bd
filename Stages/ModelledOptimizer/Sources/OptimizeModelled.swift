import EdgeOptimization
import LearnedDesign
public import StageKit
import StructuredValue
import Tensors

/// Trains the optimizer of compressed cells on a declared cost model and tries it on declared devices.
public struct OptimizeModelled: Stage {
  public struct Parameters: Decodable, Sendable {
    struct Device: Decodable, Sendable {
      var name: String
      var peaks: [Double]
      var bandwidth: Double
      var cache: Double?
    }

    var devices: [Device]
    var operationPicojoules: [Double]
    var memoryPicojoules: Double
    var cachePicojoules: Double
    var widthLosses: [Double]
    var shareLosses: [Double]
    var prices: [Double]
    var samples: Int
    var steps: Int

    /// The lists with another count than their widths or shares, which the manifest can't refuse.
    var wrongCount: String? {
      let (widths, shares) = (CostModel.widths.count, CostModel.shares.count)
      let lists =
        [
          ("operation-picojoules", operationPicojoules.count, widths),
          ("width-losses", widthLosses.count, widths), ("share-losses", shareLosses.count, shares),
        ] + devices.map { ("'peaks' of the device '\($0.name)'", $0.peaks.count, widths) }
      return lists.first { $0.1 != $0.2 }.map { "\($0.0) has \($0.1) numbers; \($0.2) are right" }
    }

    func costModel() throws(EdgeError) -> CostModel {
      try CostModel(
        operation: .init(uniqueKeysWithValues: zip(CostModel.widths, operationPicojoules)),
        memory: memoryPicojoules, cache: cachePicojoules,
        widthLoss: .init(uniqueKeysWithValues: zip(CostModel.widths, widthLosses)),
        shareLoss: .init(uniqueKeysWithValues: zip(CostModel.shares, shareLosses)))
    }

    var declared: [DeclaredDevice] {
      devices.map {
        DeclaredDevice(
          name: $0.name, peaks: .init(uniqueKeysWithValues: zip(CostModel.widths, $0.peaks)),
          bandwidth: $0.bandwidth, cache: $0.cache)
      }
    }
  }

  public static var manifest: [UInt8] { PackageResources.stage_yaml }
  public static var code: String { CodeFingerprint.digest }

  public init() {}

  public func run(_ parameters: Parameters, in context: StageContext) async throws {
    let names = parameters.devices.map(\.name)
    if let twice = names.first(where: { name in names.count { $0 == name } > 1 }) {
      throw StageError(code: .badParameter, message: "two devices are called '\(twice)'")
    }
    if let message = parameters.wrongCount {
      throw StageError(code: .badParameter, message: message)
    }
    let (cells, accuracies) = try context.read("accuracy") { path in
      let table = try DeviceTables(csv: path, allowsNonPositive: true)
      guard table.devices.count == 1, let texts = table.designs else {
        throw EdgeError(
          .badTable,
          "the accuracy table has \(table.devices.count) columns; it needs 'design' and one")
      }
      return (try texts.map { try SearchSpace.nasbench201.design($0) }, table.values[0])
    }
    guard parameters.samples <= cells.count else {
      throw StageError(
        code: .badParameter,
        message: "\(parameters.samples) samples of \(cells.count) cells; lower 'samples'")
    }
    try TensorRuntime.onOneThread { try optimize(parameters, cells, accuracies, context) }
  }

  private func optimize(
    _ parameters: Parameters, _ cells: [[Int]], _ accuracies: [Double], _ context: StageContext
  ) throws {
    let random = RandomStream(seed: context.seed)
    context.progress(0, of: 100, message: "accuracy predictor")
    let predictor = try AccuracyPredictor(
      Array(cells[..<parameters.samples]),
      accuracies: Array(accuracies[..<parameters.samples]), space: .nasbench201,
      random: random.child("accuracy"))
    let model = try parameters.costModel()
    let predicted = try CompressionProblem(
      model: model, cells: cells, accuracies: predictor.predict(cells))
    let truth = try CompressionProblem(model: model, cells: cells, accuracies: accuracies)
    context.progress(15, of: 100, message: "optimizer")
    var options = CompressionOptimizer.Options()
    options.steps = parameters.steps
    let optimizer = try CompressionOptimizer(
      predicted, options: options, random: random.child("optimizer")
    ) { done, all in context.progress(15 + done * 80 / all, of: 100, message: "optimizer") }
    var trial = ModelledTrial(predicted: predicted, truth: truth, cells: cells)
    for device in parameters.declared {
      for energy in parameters.prices {
        for latency in parameters.prices {
          let prices = CompressionProblem.Prices(energy: energy, latency: latency)
          try trial.add(
            optimizer.design(for: device, prices), device, prices,
            random: random.child(device.name))
        }
      }
    }
    context.progress(100, of: 100)
    try context.write(trial.table, to: "designs")
    try context.write(trial.figure.json(indented: true), to: "figure")
    context.metric("regret", trial.mean(\.regret))
    context.metric("exact_regret", trial.mean(\.exactRegret))
    context.metric("dense_regret", trial.mean(\.denseRegret))
    context.metric("random_regret", trial.mean(\.randomRegret))
    context.metric("energy_share", trial.mean(\.energyShare))
    context.metric("latency_share", trial.mean(\.latencyShare))
    context.metric("agreement", trial.mean { $0.agrees ? 1 : 0 })
    context.metric("accuracies_measured", parameters.samples)
  }
}
