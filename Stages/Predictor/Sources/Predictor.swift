import EdgeOptimization
import Statistics
public import StageKit
import StructuredValue

/// Learns a device's latency from measured designs and tests it on others.
public struct Predictor: Stage {
  public struct Parameters: Decodable, Sendable {
    var device: String
    var space: String
    var model: String
    var log: Bool
    var trainRows: Int
    var testRows: Int
    var unit: String
    var epochs: Int
    var rounds: Int
  }

  public static var manifest: [UInt8] { PackageResources.stage_yaml }
  public static var code: String { CodeFingerprint.digest }

  public init() {}

  public func run(_ parameters: Parameters, in context: StageContext) async throws {
    do {
      try learn(parameters, context)
    } catch let error as StageError {
      throw error
    } catch let error as EdgeError {
      throw StageError(
        code: error.code == .badParameter ? .badParameter : .badInput, message: error.message,
        slot: "table")
    } catch {
      throw StageError(code: .badInput, message: "\(error)", slot: "table")
    }
  }

  private func learn(_ parameters: Parameters, _ context: StageContext) throws {
    let tables = try context.read("table") { try DeviceTables(csv: $0, allowsNonPositive: true) }
    let values = try tables.column(parameters.device)
    guard let texts = tables.designs, let encoding = DesignEncoding(rawValue: parameters.space),
      let kind = PredictorModel(rawValue: parameters.model)
    else {
      throw StageError(
        code: .badInput,
        message: "the table has no column 'design', so there is nothing to predict from",
        slot: "table")
    }
    let valid = values.indices.filter { !values[$0].isNaN }
    guard parameters.trainRows + 2 <= valid.count else {
      throw StageError(
        code: .badParameter,
        message: "'train-rows' is \(parameters.trainRows), but '\(parameters.device)' has "
          + "\(valid.count) valid rows, of which at least 2 must be left for the test")
    }
    let test = Array(valid[parameters.trainRows...].prefix(parameters.testRows))
    // In rounds, all that isn't tested may be measured.
    let pool =
      parameters.rounds == 0
      ? Array(valid[..<parameters.trainRows])
      : Array(valid[..<parameters.trainRows] + valid[(parameters.trainRows + test.count)...])
    let (features, blocks) = try kind.features((pool + test).map { texts[$0] }, encoding)
    let metric = tables.metric ?? "latency"
    let best: TopDesigns.Best = metric == "accuracy" ? .highest : .lowest
    let method = try kind.method(parameters, blocks: blocks, metric: metric, seed: context.seed)
    let (model, train) = try fit(
      method, features.rows(Array(pool.indices)), pool.map { values[$0] }, best, parameters,
      context)
    let rank = (model as? LinearPredictor)?.rank
    if kind == .lut && train.count < features.columnCount {
      context.log(
        .warn,
        "\(train.count) training designs for \(features.columnCount) table entries (rank "
          + "\(rank ?? 0)) without regularisation; more designs or 'ridge' are safer")
    }
    let measured = test.map { values[$0] }
    let predicted = try model.predict(
      features.rows(Array(pool.count..<pool.count + test.count)))
    let unit = parameters.unit.isEmpty ? tables.unit ?? "ms" : parameters.unit
    let rounds = parameters.rounds == 0 ? nil : train.map { tables.indices[pool[$0]] }
    try context.write(record(model, parameters, unit, rounds).json(indented: true), to: "model")
    let rows = zip(test, zip(measured, predicted)).map { row, pair in
      "\(tables.indices[row]),\(pair.0),\(PredictionQuality.round(pair.1))\n"
    }
    try context.write("index,measured,predicted\n" + rows.joined(), to: "predictions")
    let figure = ScatterPlot.figure(measured, predicted, parameters, axes: "\(metric) in \(unit)")
    try context.write(figure.json(indented: true), to: "scatter")
    report(
      PredictionQuality(predicted: predicted, measured: measured),
      TopDesigns(
        predicted: predicted, measured: measured, count: 10, best: best), context)
    context.metric("train_n", train.count)
    if let rank { context.metric("rank", rank) } else { context.metric("rank", Double?.none) }
  }

  /// The model, and the rows of the pool that it was fitted to.
  private func fit(
    _ method: any PredictorMethod, _ pool: FeatureMatrix, _ values: [Double],
    _ best: TopDesigns.Best, _ parameters: Parameters, _ context: StageContext
  ) throws -> (any TrainedPredictor, [Int]) {
    guard parameters.rounds > 0 else {
      return (try method.fit(pool, values), Array(values.indices))
    }
    var sampling = IterativeSampling(best: best)
    sampling.rounds = parameters.rounds
    sampling.isRelative = parameters.log
    sampling.seed = context.seed
    var oracle = MeasurementOracle(table: values, budget: parameters.trainRows)
    let (model, measured) = try sampling.fit(
      method, pool: pool, budget: parameters.trainRows
    ) { try oracle.measure($0) ?? .nan }
    return (model, measured)
  }

  private func report(
    _ quality: PredictionQuality, _ top: TopDesigns, _ context: StageContext
  ) {
    let statistics = [
      ("srcc", quality.spearman), ("kendall", quality.kendallTauB),
      ("rmse", quality.rootMeanSquare), ("mae", quality.meanAbsolute),
      ("mape", quality.meanAbsolutePercentage), ("within5", quality.within5),
      ("within10", quality.within10), ("pearson", quality.pearson), ("top10", top.recall),
      ("regret", top.regret),
    ]
    for (name, statistic) in statistics {
      context.metric(name, statistic.value)
      if let reason = statistic.reason { context.log(.warn, "'\(name)' is undefined: \(reason)") }
    }
    context.metric("mape_left_out", quality.leftOut)
    context.metric("n", quality.count)
  }

  private func record(
    _ model: any TrainedPredictor, _ parameters: Parameters, _ unit: String, _ chosen: [Int]?
  ) throws -> Value {
    var fields = try model.record.map ?? [:]
    fields["device"] = .string(parameters.device)
    fields["space"] = .string(parameters.space)
    fields["method"] = .string(parameters.model)
    fields["unit"] = .string(unit)
    if let chosen { fields["measured"] = .list(chosen.map { .int($0) }) }
    return .map(fields)
  }
}
