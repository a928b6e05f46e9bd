// What training makes small. All are means unless `reduction` says otherwise.

private let crossEntropyLoss = Operator("aten::cross_entropy_loss")
private let negativeLogLikelihood = Operator("aten::nll_loss_nd")
private let squaredError = Operator("aten::mse_loss")
private let absoluteError = Operator("aten::l1_loss")
private let huberLoss = Operator("aten::huber_loss")
private let binaryCrossEntropy = Operator("aten::binary_cross_entropy_with_logits")

/// What becomes of the losses of single elements.
///
/// The raw values are the library's.
public enum Reduction: Int, Sendable {
  /// One for each element.
  case none = 0
  case mean = 1
  case sum = 2
}

extension Tensor {
  /// -log softmax(logits)[class], for logits [n, classes, ...] and classes [n, ...], int64.
  ///
  /// - Throws: ``TensorError`` for a class out of range.
  public func crossEntropy(
    _ classes: Tensor, weight: Tensor? = nil, reduction: Reduction = .mean, smoothing: Double = 0
  ) throws -> Tensor {
    try crossEntropyLoss([
      .tensor(self), .tensor(classes), .tensor(weight), .integer(reduction.rawValue),
      .integer(-100), .real(smoothing),
    ])
  }

  /// -logProbabilities[class], for [n, classes, ...] and classes [n, ...], int64.
  ///
  /// - Throws: ``TensorError`` for a class out of range.
  public func negativeLogLikelihood(
    _ classes: Tensor, reduction: Reduction = .mean
  ) throws -> Tensor {
    try Tensors.negativeLogLikelihood(
      .tensor(self), .tensor(classes), .none, .integer(reduction.rawValue))
  }

  /// (x - target)².
  ///
  /// - Throws: ``TensorError`` for shapes that do not broadcast.
  public func meanSquaredError(_ target: Tensor, reduction: Reduction = .mean) throws -> Tensor {
    try squaredError(self, target, .integer(reduction.rawValue))
  }

  /// |x - target|.
  ///
  /// - Throws: ``TensorError`` for shapes that do not broadcast.
  public func meanAbsoluteError(_ target: Tensor, reduction: Reduction = .mean) throws -> Tensor {
    try absoluteError(self, target, .integer(reduction.rawValue))
  }

  /// (x - target)² / 2 up to a distance of `delta`, linear beyond.
  ///
  /// - Throws: ``TensorError`` for shapes that do not broadcast.
  public func huber(
    _ target: Tensor, delta: Double = 1, reduction: Reduction = .mean
  ) throws -> Tensor {
    try huberLoss(.tensor(self), .tensor(target), .integer(reduction.rawValue), .real(delta))
  }

  /// -t · log σ(x) - (1 - t) · log(1 - σ(x)), exact for large |x|.
  ///
  /// - Throws: ``TensorError`` for shapes that differ.
  public func binaryCrossEntropyWithLogits(
    _ target: Tensor, positiveWeight: Tensor? = nil, reduction: Reduction = .mean
  ) throws -> Tensor {
    try binaryCrossEntropy(
      .tensor(self), .tensor(target), .none, .tensor(positiveWeight),
      .integer(reduction.rawValue))
  }
}
