import Foundation
public import StageKit
import Statistics
import StructuredValue

/// Averages scores over splits.
public struct BayesianSplits: Stage {
  public struct Parameters: Decodable, Sendable {
    var published: [String: [Double]]
  }

  public static var manifest: [UInt8] { PackageResources.stage_yaml }
  public static var code: String { CodeFingerprint.digest }

  public init() {}

  private static let reported = [
    "rmse", "log_likelihood", "coverage95", "width95", "crps", "accuracy", "brier",
    "calibration_error", "wasserstein2", "divergence", "deviation_ratio", "auroc_total",
    "auroc_model",
  ]
  /// Those whose difference from a baseline is told.
  private static let compared = [
    "rmse", "log_likelihood", "accuracy", "brier", "calibration_error", "auroc_total",
    "auroc_model",
  ]
  /// What may lie between two programs beyond chance: a share, or an amount.
  private static let slack: [String: (share: Double, amount: Double)] = [
    "rmse": (0.01, 0), "log_likelihood": (0, 0.03),
  ]

  public func run(_ parameters: Parameters, in context: StageContext) async throws {
    let files = try context.inputs("scores").map(scores)
    let (methods, splits) = (files.map(\.method), files.map(\.values))
    for (name, value) in parameters.published.sorted(by: { $0.key < $1.key })
    where Self.slack[name] == nil || value.count != 2 {
      throw StageError(
        code: .badParameter,
        message: "'published' gives '\(name): \(value)'; `rmse` and `log_likelihood` may be given, "
          + "each as [mean, standard error]")
    }
    let names = Set(splits.flatMap(\.keys)).filter { name in
      splits.allSatisfy { $0[name] != nil }
    }
    var table = "score,mean,standard error,splits\n"
    for name in names.sorted() {
      let values = splits.compactMap { $0[name] }
      let mean = values.reduce(0, +) / Double(values.count)
      let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
      let error = (variance / Double(values.count)).squareRoot()
      table += "\(name),\(rounded(mean)),\(rounded(error)),\(values.count)\n"
      guard Self.reported.contains(name) else { continue }
      context.metric(name, mean)
      if let slack = Self.slack[name] {
        context.metric("\(name)_se", error)
        if let published = parameters.published[name] {
          let allowed =
            3 * (error * error + published[1] * published[1]).squareRoot()
            + slack.share * abs(published[0]) + slack.amount
          context.metric("\(name)_beyond", max(abs(mean - published[0]) - allowed, 0))
        }
      }
    }
    context.metric("splits", splits.count)
    if !context.inputs("baseline").isEmpty {
      let others = try context.inputs("baseline").map(scores)
      let baseline = others.map(\.values)
      context.metric("wasserstein2_gain", gain(of: splits, over: baseline))
      // Of several methods the one that gains least.
      let methods = Dictionary(grouping: zip(methods, splits), by: \.0)
      let gains = methods.values.map { gain(of: $0.map(\.1), over: baseline) }
      context.metric("least_gain", gains.contains(nil) ? nil : gains.compactMap { $0 }.min())
      for name in Self.compared {
        if let paired = pairedDifference(name, files, others) {
          context.metric("\(name)_difference", paired.mean)
          if Self.slack[name] != nil {
            context.metric("\(name)_difference_se", paired.error)
          }
          continue
        }
        let means = [splits, baseline].map { scores -> Double? in
          let values = scores.compactMap { $0[name] }
          guard values.count == scores.count, !values.isEmpty else { return nil }
          return values.reduce(0, +) / Double(values.count)
        }
        if let ours = means[0], let theirs = means[1] {
          context.metric("\(name)_difference", ours - theirs)
        }
      }
    }
    try context.write(table, to: "table")
  }

  /// How much smaller the mean distance is than the baseline's: Welch's t, as the normal deviate that is
  /// as improbable, since a standard error of few repetitions is itself uncertain; nil where there is one
  /// repetition, or no distance.
  private func gain(of scores: [[String: Double]], over baseline: [[String: Double]]) -> Double? {
    let summary = {
      (scores: [[String: Double]]) -> (
        mean: Double, variance: Double, degrees: Double
      )? in
      let values = scores.compactMap { $0["wasserstein2"] }
      guard values.count == scores.count, values.count > 1 else { return nil }
      let mean = values.reduce(0, +) / Double(values.count)
      let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
      let degrees = Double(values.count - 1)
      return (mean, squares / degrees / Double(values.count), degrees)
    }
    guard let ours = summary(scores), let theirs = summary(baseline),
      ours.variance + theirs.variance > 0
    else { return nil }
    let sum = ours.variance + theirs.variance
    // The Welch–Satterthwaite degrees of freedom.
    let degrees =
      sum * sum
      / (ours.variance * ours.variance / ours.degrees
        + theirs.variance * theirs.variance / theirs.degrees)
    return StudentDistribution.normalEquivalent(
      (theirs.mean - ours.mean) / sum.squareRoot(), degrees: degrees)
  }

  /// The mean difference over our splits and its standard error, where the baseline has all of them: how
  /// hard a split is falls out; nil where they can't be paired.
  private func pairedDifference(
    _ name: String, _ ours: [Scores], _ theirs: [Scores]
  ) -> (mean: Double, error: Double?)? {
    let bySplit = { (scores: [Scores]) -> [String: Double]? in
      let pairs = scores.compactMap { one in
        one.split.flatMap { split in one.values[name].map { (split, $0) } }
      }
      let values = Dictionary(pairs) { first, _ in first }
      return values.count == scores.count ? values : nil
    }
    guard let first = bySplit(ours), let second = bySplit(theirs), !first.isEmpty else {
      return nil
    }
    let differences = first.sorted { $0.key < $1.key }
      .compactMap { split, value in second[split].map { value - $0 } }
    guard differences.count == first.count else { return nil }
    let count = Double(differences.count)
    let mean = differences.reduce(0, +) / count
    let squares = differences.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return (mean, count > 1 ? (squares / (count * (count - 1))).squareRoot() : nil)
  }

  /// What a file says of a method on a split.
  private typealias Scores = (method: String, split: String?, values: [String: Double])

  private func scores(_ input: StageInput) throws -> Scores {
    guard
      let map = try? Value(json: Data(contentsOf: URL(fileURLWithPath: input.path))).map,
      let metrics = map["metrics"]?.map
    else {
      throw StageError(
        code: .badInput, message: "\(input.name): the file isn't what bnn-evaluate writes",
        slot: input.slot)
    }
    return (
      map["method"]?.string ?? "", input.matrix["split"]?.text,
      metrics.compactMapValues { $0["value"]?.double }
    )
  }

  private func rounded(_ value: Double) -> Double { (value * 1e5).rounded() / 1e5 }
}
