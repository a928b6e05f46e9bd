import Formats
import Foundation
public import StageKit
import Statistics
import StructuredValue

/// Compares means over splits with published ones.
public struct PublishedComparison: Stage {
  public struct Parameters: Decodable, Sendable {
    var set: String
    var results: String
    var resultsMethod: String
  }

  public static var manifest: [UInt8] { PackageResources.stage_yaml }
  public static var code: String { CodeFingerprint.digest }

  public init() {}

  public func run(_ parameters: Parameters, in context: StageContext) async throws {
    let runs = try context.inputs("scores").map { try SplitScores($0) }
    let published = try context.read("published") {
      try PublishedMean.all(CSV.read(path: $0)).filter { $0.set == parameters.set }
    }
    let methods = Dictionary(grouping: runs, by: \.method)
    let rows = methods.keys.sorted().flatMap { method in
      ComparedMean.scores.flatMap { score in
        ComparedMean.rows(method, score, methods[method] ?? [], published)
      }
    }
    context.metric("methods", methods.count)
    context.metric("splits", methods.values.map(\.count).min() ?? 0)
    context.metric("compared", rows.count { $0.isWithin != nil })
    context.metric("beyond", rows.count { $0.isWithin == false })
    for row in rows where row.isWithin == false {
      context.log(
        .warn, "\(row.method): \(row.score) is farther from \(row.source) than chance allows")
    }
    if !context.inputs("folder").isEmpty {
      let correlation = try correlation(
        methods[parameters.resultsMethod] ?? [], parameters, context)
      context.metric("split_correlation", correlation?.value)
      if let reason = correlation?.reason {
        context.log(.warn, "the correlation over splits is undefined: \(reason)")
      }
    }
    try context.write(ComparedMean.table(rows), to: "table")
  }

  /// With the published log-likelihoods of the same splits; nil where the folder has none.
  private func correlation(
    _ runs: [SplitScores], _ parameters: Parameters, _ context: StageContext
  ) throws -> Statistic? {
    try context.read("folder") { folder -> Statistic? in
      let path = "\(folder)/\(parameters.results)"
      guard FileManager.default.fileExists(atPath: path) else { return nil }
      let table = try CSV.readWhitespaceSeparated(FileContent(path: path))
      let published = try table.columnNames.flatMap { try table.doubles($0) }
      let pairs = try runs.compactMap { run -> (Double, Double)? in
        guard let split = run.split, let value = run.values["log_likelihood"] else { return nil }
        guard published.indices.contains(split) else {
          throw StageError(
            code: .badInput,
            message:
              "\(parameters.results) has \(published.count) numbers, none for split \(split)",
            slot: "folder")
        }
        return (value, published[split])
      }
      guard pairs.count > 2 else {
        return .undefined(
          "\(pairs.count) splits of \(parameters.resultsMethod); 3 or more are needed")
      }
      return Correlation.pearson(pairs.map(\.0), pairs.map(\.1))
    }
  }
}

/// What bnn-evaluate wrote of a method on one split.
struct SplitScores {
  let method: String
  let split: Int?
  let values: [String: Double]

  init(_ input: StageInput) throws {
    guard
      let map = try? Value(json: Data(contentsOf: URL(fileURLWithPath: input.path))).map,
      let method = map["method"]?.string, let metrics = map["metrics"]?.map
    else {
      throw StageError(
        code: .badInput, message: "\(input.name): the file isn't what bnn-evaluate writes",
        slot: input.slot)
    }
    self.method = method
    split = input.matrix["split"].flatMap { $0.int ?? $0.string.flatMap { Int($0) } }
    values = metrics.compactMapValues { $0["value"]?.double }
  }
}

/// A published mean over splits.
struct PublishedMean {
  let set: String
  let method: String
  let source: String
  let score: String
  let mean: Double
  /// Its standard error, where that was published.
  let error: Double?

  /// - Throws: ``StageError`` or `FormatError` for a missing column, or a cell that is no number.
  static func all(_ table: Table) throws -> [PublishedMean] {
    let texts = try ["set", "method", "source", "score"].map { try table.strings($0) }
    let (means, errors) = (try table.doubles("mean"), try table.doubles("error"))
    return try (0..<table.rowCount).map { row in
      guard means[row].isFinite, ComparedMean.scores.contains(texts[3][row]) else {
        throw StageError(
          code: .badInput,
          message: "\(table.name): row \(row) has the mean \(means[row]) of '\(texts[3][row])'; "
            + "a number of rmse or log_likelihood is needed", slot: "published")
      }
      return PublishedMean(
        set: texts[0][row], method: texts[1][row], source: texts[2][row], score: texts[3][row],
        mean: means[row], error: errors[row].isFinite ? errors[row] : nil)
    }
  }
}

/// A mean over splits, ours and a published one.
struct ComparedMean {
  let method: String
  let score: String
  let splits: Int
  let mean: Double
  let error: Double
  /// Empty where nothing is published.
  let source: String
  let published: PublishedMean?

  static let scores = ["rmse", "log_likelihood"]

  /// How far apart both may be.
  var allowed: Double? {
    guard let published, let other = published.error else { return nil }
    let slack = score == "rmse" ? 0.01 * abs(published.mean) : 0.03
    return 3 * (error * error + other * other).squareRoot() + slack
  }

  /// Whether chance explains the distance; nil where no published error tells.
  var isWithin: Bool? {
    guard let published, let allowed else { return nil }
    return abs(mean - published.mean) <= allowed
  }

  /// A row a source, or one without where there is none.
  static func rows(
    _ method: String, _ score: String, _ runs: [SplitScores], _ published: [PublishedMean]
  ) -> [ComparedMean] {
    let values = runs.compactMap { $0.values[score] }
    guard !values.isEmpty else { return [] }
    let count = Double(values.count)
    let mean = values.reduce(0, +) / count
    // The papers' standard error: the population deviation over the root of the splits.
    let error =
      (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count / count).squareRoot()
    let sources = published.filter { $0.method == method && $0.score == score }
    return (sources.isEmpty ? [nil] : sources.map(Optional.some)).map {
      ComparedMean(
        method: method, score: score, splits: values.count, mean: mean, error: error,
        source: $0?.source ?? "", published: $0)
    }
  }

  static func table(_ rows: [ComparedMean]) -> String {
    let text = { (value: Double?) in value.map { "\(($0 * 1e4).rounded() / 1e4)" } ?? "" }
    return "method,score,splits,mean,error,source,published,published error,allowed,within\n"
      + rows.map { row in
        [
          row.method, row.score, "\(row.splits)", text(row.mean), text(row.error),
          "\"\(row.source)\"", text(row.published?.mean), text(row.published?.error),
          text(row.allowed), row.isWithin.map { $0 ? "yes" : "no" } ?? "",
        ].joined(separator: ",") + "\n"
      }.joined()
  }
}
