/// A network, its prior and its likelihood as somebody writes them down, before there are rows.
public struct ModelDescription: Decodable, Hashable, Sendable {
  /// gaussian, heteroscedastic, bernoulli or categorical.
  public var likelihood: String
  /// Of a categorical likelihood.
  public var classes: Int
  /// The noise's deviation in the network's units; 0 learns its precision.
  public var noise: Double
  /// Shape and rate of the gamma prior of a learned precision.
  public var noiseShape: Double
  public var noiseRate: Double
  /// Widths of the hidden layers.
  public var hidden: [Int]
  /// relu or tanh.
  public var activation: String
  /// A factor a layer of the weights' prior deviation; empty is 1 for all.
  public var priorWeights: [Double]
  /// A prior deviation a layer of the biases; empty is 1 for all.
  public var priorBiases: [Double]
  /// One prior deviation of all parameters instead, where it is above 0.
  public var priorDeviation: Double
  /// Whether features, and a target of numbers, get mean 0 and deviation 1; nil, where the rows bring a
  /// scaling of their own, is true.
  public var standardise: Bool?
  /// double or single.
  public var arithmetic: String

  /// The posterior of the description given rows.
  ///
  /// - Parameters:
  ///   - rows: In the user's units, or scaled already where `given` says how.
  ///   - given: The scaling of such rows; nil where it is to be learned from them.
  /// - Returns: The posterior.
  /// - Throws: ``InferenceError`` for a description that can't be, or that doesn't fit the rows.
  public func posterior(
    _ rows: LabelledRows, scaling given: Standardisation? = nil
  ) throws -> Posterior {
    let likelihood = resolvedLikelihood
    let network = try Network(
      inputs: rows.inputs.width, hidden: hidden, outputs: likelihood.outputs,
      activation: try word(activation, "activation"))
    let factors = { (given: [Double]) in
      given.isEmpty ? network.layers.map { _ in 1 } : given
    }
    let prior: Prior =
      priorDeviation > 0
      ? .isotropic(priorDeviation)
      : .scaledByWidth(weights: factors(priorWeights), biases: factors(priorBiases))
    let arithmetic: Posterior.Arithmetic = try word(arithmetic, "arithmetic")
    if let given {
      return try Posterior(
        network: network, prior: prior, likelihood: likelihood, rows: rows, scaling: given,
        arithmetic: arithmetic)
    }
    let scaling =
      standardise ?? true
      ? try Standardisation(rows, scalesTarget: likelihood.isRegression)
      : .identity(width: rows.inputs.width)
    return try Posterior(
      network: network, prior: prior, likelihood: likelihood, rows: scaling.rows(rows),
      scaling: scaling, arithmetic: arithmetic)
  }

  private func word<Choice: RawRepresentable & CaseIterable>(
    _ text: String, _ name: String
  ) throws -> Choice where Choice.RawValue == String {
    guard let choice = Choice(rawValue: text) else {
      let words = Choice.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
      throw InferenceError(.badOption, "'\(name)' is '\(text)'; it must be one of \(words)")
    }
    return choice
  }

  private var resolvedLikelihood: Likelihood {
    switch likelihood {
    case "heteroscedastic": .heteroscedastic
    case "bernoulli": .bernoulli
    case "categorical": .categorical(classes: classes)
    default:
      noise > 0
        ? .gaussian(.known(deviation: noise))
        : .gaussian(.learned(shape: noiseShape, rate: noiseRate))
    }
  }
}
