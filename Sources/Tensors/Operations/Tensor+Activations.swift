// Activation functions of networks.

private let reluOperator = Operator("aten::relu")
private let sigmoidOperator = Operator("aten::sigmoid")
private let logSigmoidOperator = Operator("aten::log_sigmoid")
private let siluOperator = Operator("aten::silu")
private let mishOperator = Operator("aten::mish")
private let hardTanhOperator = Operator("aten::hardtanh")
private let hardSwishOperator = Operator("aten::hardswish")
private let hardSigmoidOperator = Operator("aten::hardsigmoid")
private let leaky = Operator("aten::leaky_relu")
private let exponentialLinear = Operator("aten::elu")
private let gaussianLinear = Operator("aten::gelu")
private let smoothRelu = Operator("aten::softplus")
private let softmaxAlong = Operator("aten::softmax.int")
private let logSoftmaxAlong = Operator("aten::log_softmax.int")

extension Tensor {
  /// max(x, 0).
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func relu() throws -> Tensor { try reluOperator(self) }

  /// 1 / (1 + exp(-x)).
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func sigmoid() throws -> Tensor { try sigmoidOperator(self) }

  /// log(sigmoid(x)), exact for large negative numbers.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func logSigmoid() throws -> Tensor { try logSigmoidOperator(self) }

  /// x · sigmoid(x).
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func silu() throws -> Tensor { try siluOperator(self) }

  /// x · tanh(softplus(x)).
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func mish() throws -> Tensor { try mishOperator(self) }

  /// x, kept between -1 and 1.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func hardTanh() throws -> Tensor { try hardTanhOperator(self) }

  /// x · min(max(x + 3, 0), 6) / 6.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func hardSwish() throws -> Tensor { try hardSwishOperator(self) }

  /// min(max(x + 3, 0), 6) / 6.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func hardSigmoid() throws -> Tensor { try hardSigmoidOperator(self) }

  /// x, or slope · x below zero.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func leakyRelu(slope: Double = 0.01) throws -> Tensor {
    try leaky(self, .real(slope))
  }

  /// x, or alpha · (exp(x) - 1) below zero.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func elu(alpha: Double = 1) throws -> Tensor {
    try exponentialLinear(self, .real(alpha))
  }

  /// x · Φ(x), by the hyperbolic tangent where `isApproximate`.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func gelu(isApproximate: Bool = false) throws -> Tensor {
    try gaussianLinear(self, .text(isApproximate ? "tanh" : "none"))
  }

  /// log(1 + exp(beta · x)) / beta.
  ///
  /// - Throws: ``TensorError`` for types that it is not defined on.
  public func softplus(beta: Double = 1) throws -> Tensor {
    try smoothRelu(self, .real(beta))
  }

  /// exp(x), scaled to sum to 1 along a dimension.
  ///
  /// - Throws: ``TensorError`` for a dimension that is not there, or integers.
  public func softmax(along dimension: Int) throws -> Tensor {
    try softmaxAlong(self, .integer(dimension))
  }

  /// The logarithm of ``softmax(along:)``.
  ///
  /// - Throws: ``TensorError`` for a dimension that is not there, or integers.
  public func logSoftmax(along dimension: Int) throws -> Tensor {
    try logSoftmaxAlong(self, .integer(dimension))
  }
}
