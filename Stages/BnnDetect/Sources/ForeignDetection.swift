import BayesianInference
import Formats
public import StageKit
import Statistics
import StructuredValue

/// Compares the uncertainties of a test set with those of foreign sets.
public struct ForeignDetection: Stage {
  public struct Parameters: Decodable, Sendable {
    var names: [String]
    var title: String
  }

  public static var manifest: [UInt8] { PackageResources.stage_yaml }
  public static var code: String { CodeFingerprint.digest }

  public init() {}

  public func run(_ parameters: Parameters, in context: StageContext) async throws {
    let inputs = context.inputs("foreign")
    guard parameters.names.isEmpty || parameters.names.count == inputs.count else {
      throw StageError(
        code: .badParameter,
        message: "'names' has \(parameters.names.count) names for \(inputs.count) foreign sets")
    }
    let test = try context.read("test") { try UncertainSet(path: $0, name: "test") }
    guard let correct = test.correct else {
      throw StageError(
        code: .badInput,
        message: "the test set has no labels; connect the table of labelled pictures", slot: "test")
    }
    let foreign = try inputs.enumerated().map { index, input in
      do {
        return try UncertainSet(
          path: input.path,
          name: parameters.names.isEmpty ? input.name : parameters.names[index])
      } catch {
        throw StageError(
          code: .badInput, message: "\(input.name): \(error)", slot: input.slot)
      }
    }
    var comparisons = Uncertainty.allCases.map { uncertainty in
      let values = test.values(uncertainty)
      let part = { (isCorrect: Bool) in
        zip(values ?? [], correct).filter { $0.1 == isCorrect }.map(\.0)
      }
      return SetComparison(
        "wrong", uncertainty, values == nil ? nil : part(false), values == nil ? nil : part(true))
    }
    for set in foreign {
      comparisons += Uncertainty.allCases.map {
        SetComparison(set.name, $0, set.values($0), test.values($0))
      }
    }
    try context.write(SetComparison.table(comparisons), to: "table")
    let matrix = DivergenceMatrix([test] + foreign)
    try context.write(matrix.table(), to: "divergences")
    try context.write(
      matrix.figure("\(parameters.title): divergence of uncertainties").json(indented: true),
      to: "figure")
    let scores = scores(comparisons)
    for score in scores.all { context.metric(score.name, score.value.value) }
    context.metric("sets", foreign.count)
    let json: Value = ["method": .string(parameters.title), "metrics": scores.json]
    try context.write(json.json(indented: true), to: "scores")
  }

  private func scores(_ comparisons: [SetComparison]) -> Scores {
    var scores = Scores()
    let add = { (name: String, value: Double?, error: Double?, sets: [SetComparison]) in
      let reason = sets.isEmpty ? "there is no such set" : sets.first { !$0.reason.isEmpty }?.reason
      scores.add(
        name, value.map { .value($0) } ?? .undefined(reason ?? "a set lacks it"), error: error)
    }
    for uncertainty in [Uncertainty.total, .model] {
      let sets = comparisons.filter { $0.uncertainty == uncertainty && $0.set != "wrong" }
      let values = sets.compactMap(\.detection.auroc.value)
      let isComplete = !sets.isEmpty && values.count == sets.count
      let name = "auroc_\(uncertainty.rawValue)"
      add(name, sets.first?.detection.auroc.value, sets.first?.aurocError, Array(sets.prefix(1)))
      add("least_\(name)", isComplete ? values.min() : nil, nil, sets)
      add("mean_\(name)", isComplete ? Moments(values).mean : nil, nil, sets)
      guard uncertainty == .total else { continue }
      add(
        "divergence_total", sets.first?.divergence?.jensenShannonShare, nil, Array(sets.prefix(1)))
      add("gap_total", sets.compactMap { $0.divergence?.meanGap }.min(), nil, sets)
      let wrong = comparisons.filter { $0.set == "wrong" && $0.uncertainty == .total }
      add("divergence_wrong", wrong.first?.divergence?.jensenShannonShare, nil, wrong)
    }
    return scores
  }
}

/// What a row's uncertainty is measured by.
enum Uncertainty: String, CaseIterable {
  /// The entropy of the mixture.
  case total
  /// The mutual information of class and parameters.
  case model
  /// Less the largest probability.
  case confidence
}

/// The uncertainties of a set of pictures, as bnn-pictures wrote them.
struct UncertainSet {
  let name: String
  /// Whether each picture is right; nil without labels.
  let correct: [Bool]?
  private let entropy: [Double]
  /// Nil where one member predicted.
  private let mutualInformation: [Double]?
  private let confidence: [Double]

  init(path: String, name: String) throws {
    let table = try CSV.read(path: path)
    let column = { (name: String) throws -> [Double] in
      let values = try table.doubles(name)
      if let row = values.firstIndex(where: { !$0.isFinite }) {
        throw InferenceError(
          .badData, "\(table.name): row \(row), column '\(name)' is empty or not finite")
      }
      return values
    }
    self.name = name
    entropy = try column("entropy")
    guard !entropy.isEmpty else {
      throw InferenceError(.badData, "\(table.name) has no rows")
    }
    confidence = try column("confidence")
    let information = try column("mutual_information")
    mutualInformation = try column("members").allSatisfy { $0 == 1 } ? nil : information
    let classes = try column("class")
    let labels = table["label"]?.doubles
    correct =
      labels.flatMap { labels in
        labels.allSatisfy(\.isFinite) ? zip(labels, classes).map { $0 == $1 } : nil
      }
  }

  func values(_ uncertainty: Uncertainty) -> [Double]? {
    switch uncertainty {
    case .total: entropy
    case .model: mutualInformation
    case .confidence: confidence.map { -$0 }
    }
  }
}
