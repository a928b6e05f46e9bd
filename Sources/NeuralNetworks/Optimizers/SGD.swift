import Tensors

/// Stochastic gradient descent, with momentum or Nesterov's momentum.
///
/// v ← μ v + g, w ← w - rate · v, or with Nesterov's w ← w - rate · (g + μ v): Sutskever et al. (ICML
/// 2013), section 2, in PyTorch's form, where the rate is outside of the velocity.
public struct SGD: Optimizer {
  public var rate: Double
  public var momentum: Double
  public var isNesterov: Bool
  /// λ of the penalty λ/2 · |w|², added to the gradient.
  public var weightDecay: Double
  private var velocities: [Tensor] = []
  private var names: [String] = []

  public init(
    rate: Double, momentum: Double = 0, isNesterov: Bool = false, weightDecay: Double = 0
  ) {
    self.rate = rate
    self.momentum = momentum
    self.isNesterov = isNesterov
    self.weightDecay = weightDecay
  }

  public mutating func step(_ module: inout some Module, _ gradients: ParameterTree) throws {
    let isFirst = velocities.isEmpty && momentum != 0
    if isFirst { names = gradients.names }
    if momentum != 0 && names != gradients.names {
      velocities = try ParameterTree(names: names, tensors: velocities)
        .ordered(as: gradients.names)
      names = gradients.names
    }
    try module.updateParameters(gradients) { index, parameter, gradient in
      var gradient = gradient
      if weightDecay != 0 { gradient = try gradient.adding(parameter, times: weightDecay) }
      guard momentum != 0 else { return try parameter.addUnshared(gradient, times: -rate) }
      if isFirst {
        velocities.append(try gradient.copy())
      } else {
        try velocities[index].multiplyUnshared(by: momentum)
        try velocities[index].addUnshared(gradient, times: 1)
      }
      let direction =
        isNesterov ? try gradient.adding(velocities[index], times: momentum) : velocities[index]
      try parameter.addUnshared(direction, times: -rate)
    }
  }

  public var state: ParameterTree {
    get throws { try ParameterTree(names: names.map { "velocity.\($0)" }, tensors: velocities) }
  }

  public mutating func restore(_ state: ParameterTree) throws {
    let branch = state.branch("velocity")
    names = branch.names
    velocities = try branch.tensors.map { try $0.copy() }
  }
}
