import BayesianInference
public import StageKit

/// Writes one split of a regression set as two tables.
public struct RegressionSplit: Stage {
  public struct Parameters: Decodable, Sendable {
    var split: Int
  }

  public static var manifest: [UInt8] { PackageResources.stage_yaml }
  public static var code: String { CodeFingerprint.digest }

  public init() {}

  public func run(_ parameters: Parameters, in context: StageContext) async throws {
    let (train, test) = try context.read("folder") {
      try RegressionSplits(folder: $0).split(parameters.split)
    }
    try context.write(train.csv, to: "train")
    try context.write(test.csv, to: "test")
    let duplicates = RegressionSplits.duplicates(train, test)
    if duplicates > 0 {
      context.log(.warn, "\(duplicates) of \(test.count) test rows are training rows, too")
    }
    context.metric("train_rows", train.count)
    context.metric("test_rows", test.count)
    context.metric("features", train.inputs.width)
    context.metric("duplicates", duplicates)
  }
}
