import EdgeOptimization
import Foundation
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
    let tables = try DeviceTables(
      csv: try context.input("table").path, allowsNonPositive: true)
    let values = try tables.column(parameters.device)
    guard let texts = tables.designs, let space = SearchSpace(rawValue: parameters.space) else {
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
    let train = Array(valid[..<parameters.trainRows])
    let test = Array(valid[parameters.trainRows...].prefix(parameters.testRows))
    let isTable = parameters.model == "lut"
    let features = { (rows: [Int]) throws -> FeatureMatrix in
      let designs = try rows.map { try space.design(texts[$0]) }
      return isTable ? space.oneHot(designs) : space.features(designs)
    }
    let trained = train.map { values[$0] }
    let model =
      isTable
      ? try LookupTableFit().fit(features(train), trained)
      : try RidgeFit(isLogarithmic: parameters.log).fit(features(train), trained)
    if isTable && train.count < model.weights.count {
      context.log(
        .warn,
        "\(train.count) training designs for \(model.weights.count) table entries (rank "
          + "\(model.rank)) without regularisation; more designs or 'ridge' are safer")
    }
    let measured = test.map { values[$0] }
    let predicted = model.predict(try features(test))
    try write(model.record(parameters).json(indented: true), "model", context)
    let rows = zip(test, zip(measured, predicted)).map { row, pair in
      "\(tables.indices[row]),\(pair.0),\(PredictionQuality.round(pair.1))\n"
    }
    try write("index,measured,predicted\n" + rows.joined(), "predictions", context)
    let figure = ScatterPlot.figure(measured, predicted, parameters)
    try write(figure.json(indented: true), "scatter", context)
    report(
      PredictionQuality(predicted: predicted, measured: measured), train.count, model.rank, context)
  }

  private func report(
    _ quality: PredictionQuality, _ trainCount: Int, _ rank: Int, _ context: StageContext
  ) {
    let statistics = [
      ("srcc", quality.spearman), ("kendall", quality.kendallTauB),
      ("rmse", quality.rootMeanSquare), ("mae", quality.meanAbsolute),
      ("mape", quality.meanAbsolutePercentage), ("within10", quality.within10),
    ]
    for (name, statistic) in statistics {
      context.metric(name, statistic.value)
      if let reason = statistic.reason { context.log(.warn, "'\(name)' is undefined: \(reason)") }
    }
    context.metric("mape_left_out", quality.leftOut)
    context.metric("n", quality.count)
    context.metric("train_n", trainCount)
    context.metric("rank", rank)
  }

  private func write(_ text: String, _ slot: String, _ context: StageContext) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: try context.output(slot)))
  }
}

extension LinearPredictor {
  fileprivate func record(_ parameters: Predictor.Parameters) -> Value {
    var fields = record.map ?? [:]
    fields["device"] = .string(parameters.device)
    fields["space"] = .string(parameters.space)
    fields["method"] = .string(parameters.model)
    fields["unit"] = .string(parameters.unit)
    return .map(fields)
  }
}
