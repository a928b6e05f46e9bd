public import StageKit
import StructuredValue

/// Sets the points of a sweep side by side.
public struct SmartDealReport: Stage {
  public struct Parameters: Decodable, Sendable {
    var curve: String
    var along: String
    var size: String
    var loss: Double
    var title: String
    var published: [PublishedFigure]
  }

  public static var manifest: [UInt8] { PackageResources.stage_yaml }
  public static var code: String { CodeFingerprint.digest }

  public init() {}

  public func run(_ parameters: Parameters, in context: StageContext) async throws {
    let points = try SweepPoint.all(
      in: context, curve: parameters.curve, along: parameters.along)
    guard !points.isEmpty else {
      throw StageError(
        code: .badInput, message: "no point is connected to the input 'layers'", slot: "layers")
    }
    let front = points.map { point in
      !points.contains { $0.curve == point.curve && $0.beats(point, parameters.size) }
    }
    let comparison = try PublishedComparison(parameters.published, points)
    try context.write(comparison.table, to: "published")
    context.metric("compared", comparison.count)
    context.metric("deviating", comparison.deviating)
    context.metric("largestDeviation", comparison.largest)
    try context.write(SweepTable.text(points, front), to: "table")
    try context.write(
      SweepFigure.figure(points, front, parameters).json(indented: true), to: "figure")
    context.metric("points", points.count)
    context.metric("front", front.count { $0 })
    let kept = points.filter { point in
      guard let after = point.accuracy, let before = point.accuracyBefore else { return false }
      // A share of pictures has rounding of its own.
      return before - after <= parameters.loss + 1e-9
    }
    context.metric("bestCR", kept.compactMap { $0.totals[parameters.size] }.max())
    context.metric("bestRatio", kept.compactMap(\.energyRatio).max())
  }
}

extension SweepPoint {
  /// Whether it is at least as good in all that is known of both, and better in one.
  func beats(_ other: SweepPoint, _ size: String) -> Bool {
    let pairs = [
      (totals[size], other.totals[size]), (accuracy, other.accuracy),
      (energyRatio, other.energyRatio),
    ].compactMap { first, second in first.flatMap { one in second.map { (one, $0) } } }
    return pairs.allSatisfy { $0.0 >= $0.1 } && pairs.contains { $0.0 > $0.1 }
  }
}

/// A row a point.
enum SweepTable {
  private static let sizes = [
    "nonZeros", "referenceCR", "codeCR", "autoCR", "storedCR", "fileCR",
    "relativeError",
    "storedRelativeError",
  ]
  private static let answers = ["images", "correctBefore", "correct", "agree", "outputError"]

  static func text(_ points: [SweepPoint], _ front: [Bool]) -> String {
    let scores = points.contains { !$0.scores.isEmpty }
    let energy = points.contains { $0.energyRatio != nil }
    var text =
      (["curve", "point"] + sizes + (scores ? answers : []) + (energy ? ["energyRatio"] : [])
      + ["front"]).joined(separator: ",") + "\n"
    for (point, isOnFront) in zip(points, front) {
      var cells = [quoted(point.curve), quoted(point.label)]
      cells += sizes.map { rounded(point.totals[$0]) }
      if scores { cells += answers.map { rounded(point.scores[$0]) } }
      if energy { cells.append(rounded(point.energyRatio)) }
      text += (cells + [isOnFront ? "yes" : ""]).joined(separator: ",") + "\n"
    }
    return text
  }

  private static func rounded(_ number: Double?) -> String {
    guard let number else { return "" }
    if let whole = Int(exactly: number) { return "\(whole)" }
    return "\((number * 1e6).rounded() / 1e6)"
  }

  private static func quoted(_ text: String) -> String {
    text.contains(where: { ",\"\n".contains($0) })
      ? "\"\(text.replacing("\"", with: "\"\""))\"" : text
  }
}
