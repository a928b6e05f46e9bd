import BayesianInference
import Formats
public import StageKit
import Statistics
import StructuredValue
import Tensors

/// Classifies pictures with a posterior and judges what it says of them.
public struct PictureEvaluation: Stage {
  public struct Parameters: Decodable, Sendable {
    var labelled: Bool
    var draws: Int
    var limit: Int
    var smoothing: Double
    var cost: [[Double]]
    var reject: Double
    var shifts: [String]
    var title: String
  }

  public static var manifest: [UInt8] { PackageResources.stage_yaml }
  public static var code: String { CodeFingerprint.digest }

  public init() {}

  public func run(_ parameters: Parameters, in context: StageContext) async throws {
    let posterior = try context.read("posterior") {
      try ApproximatePosterior(path: $0, atMost: parameters.draws)
    }
    let pictures = try context.read("pictures") {
      let all = try Pictures(Safetensors(path: $0))
      return parameters.limit > 0 ? all.prefix(parameters.limit) : all
    }
    do {
      guard pictures.size == posterior.network.inputs else {
        throw InferenceError(
          .badData,
          "pictures of \(pictures.height) × \(pictures.width) for a network of "
            + "\(posterior.network.inputs) inputs")
      }
      let classifier = PictureClassifier(
        posterior, draws: parameters.draws, smoothing: parameters.smoothing,
        random: RandomStream(seed: context.seed))
      let mixture = try classifier.classify(pictures)
      context.metric("pictures", pictures.count)
      context.metric("draws", mixture.members)
      for warning in posterior.warnings { context.log(.warn, "\(posterior.method): \(warning)") }
      guard parameters.labelled else {
        try context.write(
          UncertaintyTable.csv(ClassUncertainty(mixture), labels: nil), to: "uncertainty")
        return
      }
      let title = parameters.title.isEmpty ? posterior.method : parameters.title
      let judged = try judge(mixture, pictures.labels, posterior, parameters, context)
      try context.write(
        UncertaintyTable.csv(judged.uncertainty, labels: pictures.labels), to: "uncertainty")
      try context.write(
        PictureFigures.rejection(judged.selective, title).json(indented: true), to: "rejection")
      try context.write(
        PictureFigures.reliability(mixture, judged.uncertainty, pictures.labels, title)
          .json(indented: true), to: "reliability")
      if !parameters.shifts.isEmpty {
        try shift(pictures, classifier, parameters, title, context)
      }
    } catch let error as InferenceError {
      throw StageError(
        code: error.code == .badOption ? .badParameter : .badInput, message: error.message)
    }
  }

  private func judge(
    _ mixture: ClassMixture, _ labels: [Int], _ posterior: ApproximatePosterior,
    _ parameters: Parameters, _ context: StageContext
  ) throws -> (uncertainty: ClassUncertainty, selective: SelectivePrediction) {
    var scores = Scores()
    scores.add("temperature", .value(posterior.temperature))
    let random = RandomStream(seed: context.seed).child("bootstrap")
    let judged = try scores.add(mixture, labels, random: random)
    let correct = zip(judged.uncertainty.predictions, labels).map { $0 == $1 }
    let wrong = correct.count { !$0 }
    scores.add("error_percent", .value(100 * Double(wrong) / Double(labels.count)))
    let rejected = try judged.selective.rejecting(
      Int((parameters.reject * Double(labels.count)).rounded()))
    scores.add("kept_accuracy", rejected.keptAccuracy)
    scores.add("classification_quality", .value(rejected.classificationQuality))
    scores.add("rejection_quality", rejected.rejectionQuality)
    if !parameters.cost.isEmpty {
      let decisions = try Decisions(
        judged.uncertainty.mixtures, labels, cost: parameters.cost)
      let costs = zip(decisions.actions, labels).map { parameters.cost[$1][$0] }
      let count = Double(labels.count)
      scores.add(
        "decision_cost", .value(decisions.totalCost),
        error: Moments(costs).deviation * count.squareRoot())
    }
    let gap = scores.all.first { $0.name == "entropy_gap" }?.value.value
    let rate = Double(wrong) / Double(labels.count)
    scores.add(
      "uncertainty_useless",
      gap.map { .value($0 > 0 && judged.selective.areaUnderRisk < rate ? 0 : 1) }
        ?? .undefined("wrong and right pictures cannot be told apart, or one kind is missing"))
    for score in scores.all { context.metric(score.name, score.value.value) }
    let json: Value = [
      "method": .string(parameters.title.isEmpty ? posterior.method : parameters.title),
      "temperature": .double(posterior.temperature),
      "warnings": .list(posterior.warnings.map { .string($0) }), "draws": .int(mixture.members),
      "smoothing": .double(parameters.smoothing), "metrics": scores.json,
    ]
    try context.write(json.json(indented: true), to: "scores")
    return judged
  }

  private func shift(
    _ pictures: Pictures, _ classifier: PictureClassifier, _ parameters: Parameters,
    _ title: String, _ context: StageContext
  ) throws {
    let shifts = parameters.shifts.compactMap { PictureShift(rawValue: $0) }
    let total = shifts.reduce(0) { $0 + $1.amounts.count }
    var rows: [ShiftedScores] = []
    for shift in shifts {
      for amount in shift.amounts {
        let shifted = shift.applied(
          to: pictures, amount: amount,
          random: RandomStream(seed: context.seed).child("shift"))
        let mixture = try classifier.classify(shifted)
        rows.append(
          ShiftedScores(
            shift: shift.rawValue, amount: amount,
            metrics: try ClassificationMetrics(mixture, pictures.labels),
            meanEntropy: Moments(ClassUncertainty(mixture).entropy).mean))
        context.progress(rows.count, of: total, unit: "shifts")
      }
    }
    context.metric("shifted_accuracy", Moments(rows.map(\.metrics.accuracy)).mean)
    context.metric(
      "shifted_calibration_error", Moments(rows.map(\.metrics.calibrationError)).mean)
    try context.write(ShiftedScores.table(rows), to: "shift")
    try context.write(
      PictureFigures.shifts(rows, title).json(indented: true), to: "shift-figure")
  }
}

/// A posterior that classifies pictures, always with the same draws.
struct PictureClassifier {
  private let posterior: ApproximatePosterior
  private let draws: Int
  private let smoothing: Double
  private let random: RandomStream

  init(_ posterior: ApproximatePosterior, draws: Int, smoothing: Double, random: RandomStream) {
    self.posterior = posterior
    self.draws = draws
    self.smoothing = smoothing
    self.random = random
  }

  func classify(_ pictures: Pictures) throws -> ClassMixture {
    guard posterior.predictsMixtures else {
      // Linearised networks and moments have no networks to run: their draws are of the function.
      let rows = try pictures.labelledRows(.identity(width: pictures.size)).inputs
      return try ClassMixture(
        ClassProbabilities(
          posterior.predict(rows, count: draws, random: random.child("predict"))),
        smoothing: smoothing)
    }
    return try posterior.classMixture(
      pictures.rows(posterior.scaling), count: draws, smoothing: smoothing,
      random: random.child("predict"))
  }
}

/// What is left of the predictions at an amount of shift.
struct ShiftedScores {
  var shift: String
  var amount: Double
  var metrics: ClassificationMetrics
  var meanEntropy: Double

  static func table(_ rows: [ShiftedScores]) -> String {
    var text = "shift,amount,accuracy,log_likelihood,calibration_error,brier,mean_entropy\n"
    for row in rows {
      let numbers = [
        row.amount, row.metrics.accuracy, -row.metrics.negativeLogLikelihood,
        row.metrics.calibrationError, row.metrics.brier, row.meanEntropy,
      ].map { "\(($0 * 1e6).rounded() / 1e6)" }
      text += row.shift + "," + numbers.joined(separator: ",") + "\n"
    }
    return text
  }
}

/// What the posterior says of each picture, as a table.
enum UncertaintyTable {
  static func csv(_ uncertainty: ClassUncertainty, labels: [Int]?) -> String {
    var text =
      "label,class,confidence,entropy,expected_entropy,mutual_information,variation_ratio,members\n"
    for row in uncertainty.predictions.indices {
      text += (labels.map { "\($0[row])" } ?? "") + ",\(uncertainty.predictions[row])"
      for value in [
        uncertainty.confidence[row], uncertainty.entropy[row], uncertainty.expectedEntropy[row],
        uncertainty.mutualInformation[row], uncertainty.variationRatio[row],
      ] { text += ",\(value)" }
      text += ",\(uncertainty.members)\n"
    }
    return text
  }
}
