import Foundation
import Tensors

/// Adam (Kingma and Ba 2015, algorithm 1), and AdamW where the weight decay is decoupled (Loshchilov
/// and Hutter 2019, algorithm 2).
public struct Adam: Optimizer {
  public var rate: Double
  /// How slowly the mean of the gradients, and that of their squares, forget.
  public var betas: (Double, Double)
  public var epsilon: Double
  public var weightDecay: Double
  /// Whether the decay shrinks the weights themselves (AdamW) instead of entering the gradient.
  public var isDecoupled: Bool
  private var steps = 0
  private var means: [Tensor] = []
  private var squares: [Tensor] = []
  private var names: [String] = []

  /// The defaults are the paper's.
  public init(
    rate: Double = 1e-3, betas: (Double, Double) = (0.9, 0.999), epsilon: Double = 1e-8,
    weightDecay: Double = 0, isDecoupled: Bool = false
  ) {
    self.rate = rate
    self.betas = betas
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.isDecoupled = isDecoupled
  }

  /// AdamW, with PyTorch's default decay.
  public static func decoupled(rate: Double = 1e-3, weightDecay: Double = 1e-2) -> Adam {
    Adam(rate: rate, weightDecay: weightDecay, isDecoupled: true)
  }

  public mutating func step(_ module: inout some Module, _ gradients: ParameterTree) throws {
    let isFirst = means.isEmpty
    if isFirst {
      names = gradients.names
      means = try gradients.tensors.map { try .zeros(like: $0) }
      squares = try gradients.tensors.map { try .zeros(like: $0) }
    }
    if names != gradients.names {
      means = try ParameterTree(names: names, tensors: means).ordered(as: gradients.names)
      squares = try ParameterTree(names: names, tensors: squares).ordered(as: gradients.names)
      names = gradients.names
    }
    steps += 1
    let first = 1 - Foundation.pow(betas.0, Double(steps))
    let second = (1 - Foundation.pow(betas.1, Double(steps))).squareRoot()
    try module.updateParameters(gradients) { index, parameter, gradient in
      var gradient = gradient
      if weightDecay != 0 {
        if isDecoupled {
          try parameter.multiplyUnshared(by: 1 - rate * weightDecay)
        } else {
          gradient = try gradient.adding(parameter, times: weightDecay)
        }
      }
      try means[index].multiplyUnshared(by: betas.0)
      try means[index].addUnshared(gradient, times: 1 - betas.0)
      try squares[index].multiplyUnshared(by: betas.1)
      try squares[index].addUnshared(gradient.square(), times: 1 - betas.1)
      // √v̂ + ε with the correction of v taken out of the root.
      let denominator = try squares[index].sqrt()
      try denominator.multiplyInPlace(by: 1 / second)
      try denominator.addInPlace(epsilon)
      try parameter.addQuotientUnshared(means[index], denominator, times: -rate / first)
    }
  }

  public var state: ParameterTree {
    get throws {
      try ParameterTree(
        names: ["steps"] + names.map { "mean.\($0)" } + names.map { "square.\($0)" },
        tensors: [Tensor(steps)] + means + squares)
    }
  }

  public mutating func restore(_ state: ParameterTree) throws {
    guard let count = state["steps"] else {
      throw ModuleError(.mismatch, "the state of Adam has no 'steps'")
    }
    let (first, second) = (state.branch("mean"), state.branch("square"))
    guard first.names.sorted() == second.names.sorted() else {
      throw ModuleError(
        .mismatch, "the state of Adam has not a mean and a square for each parameter")
    }
    steps = try count.integer()
    names = first.names
    means = try first.tensors.map { try $0.copy() }
    squares = try second.ordered(as: names).map { try $0.copy() }
  }
}
