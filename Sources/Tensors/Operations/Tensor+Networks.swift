internal import CTorchInterface

// The operations that networks are made of.

private let affine = Operator("aten::linear")
private let convolution = Operator("aten::convolution")
private let maxPool2 = Operator("aten::max_pool2d")
private let averagePool2 = Operator("aten::avg_pool2d")
private let adaptivePool2 = Operator("aten::adaptive_avg_pool2d")
private let normalizeBatch = Operator("aten::batch_norm")
private let normalizeLayer = Operator("aten::layer_norm")
private let normalizeGroup = Operator("aten::group_norm")
private let rowsOf = Operator("aten::embedding")
private let columnsOf = Operator("aten::im2col")
private let imageOf = Operator("aten::col2im")
private let resizeNearest = Operator("aten::upsample_nearest2d.vec")

extension Tensor {
  /// x · Wᵀ + b for x [..., in], W [out, in] and b [out].
  ///
  /// - Throws: ``TensorError`` where extents differ.
  public func linear(_ weight: Tensor, _ bias: Tensor? = nil) throws -> Tensor {
    try affine(.tensor(self), .tensor(weight), .tensor(bias))
  }

  /// Convolution in one dimension: x [n, in, l], weight [out, in / groups, k] and bias [out] give
  /// [n, out, l'].
  ///
  /// - Throws: ``TensorError`` where extents do not fit.
  public func conv1d(
    _ weight: Tensor, _ bias: Tensor? = nil, stride: Int = 1, padding: Int = 0, dilation: Int = 1,
    groups: Int = 1
  ) throws -> Tensor {
    try convolved(
      weight, bias, [stride], [padding], [dilation], isTransposed: false, [0], groups)
  }

  /// Convolution in two dimensions: x [n, in, h, w], weight [out, in / groups, kh, kw] and bias
  /// [out] give [n, out, h', w'].
  ///
  /// - Throws: ``TensorError`` where extents do not fit.
  public func conv2d(
    _ weight: Tensor, _ bias: Tensor? = nil, stride: [Int] = [1, 1], padding: [Int] = [0, 0],
    dilation: [Int] = [1, 1], groups: Int = 1
  ) throws -> Tensor {
    try convolved(weight, bias, stride, padding, dilation, isTransposed: false, [0, 0], groups)
  }

  /// The transpose of a convolution, as its gradient applies it: x [n, in, h, w] and weight
  /// [in, out / groups, kh, kw] give [n, out, h', w'].
  ///
  /// - Throws: ``TensorError`` where extents do not fit.
  public func convTransposed2d(
    _ weight: Tensor, _ bias: Tensor? = nil, stride: [Int] = [1, 1], padding: [Int] = [0, 0],
    outputPadding: [Int] = [0, 0], dilation: [Int] = [1, 1], groups: Int = 1
  ) throws -> Tensor {
    try convolved(
      weight, bias, stride, padding, dilation, isTransposed: true, outputPadding, groups)
  }

  /// As ``convTransposed2d(_:_:stride:padding:outputPadding:dilation:groups:)``, in one dimension.
  ///
  /// - Throws: ``TensorError`` where extents do not fit.
  public func convTransposed1d(
    _ weight: Tensor, _ bias: Tensor? = nil, stride: Int = 1, padding: Int = 0,
    outputPadding: Int = 0, dilation: Int = 1, groups: Int = 1
  ) throws -> Tensor {
    try convolved(
      weight, bias, [stride], [padding], [dilation], isTransposed: true, [outputPadding], groups)
  }

  private func convolved(
    _ weight: Tensor, _ bias: Tensor?, _ stride: [Int], _ padding: [Int], _ dilation: [Int],
    isTransposed: Bool, _ outputPadding: [Int], _ groups: Int
  ) throws -> Tensor {
    try convolution([
      .tensor(self), .tensor(weight), .tensor(bias), .integers(stride), .integers(padding),
      .integers(dilation), .boolean(isTransposed), .integers(outputPadding), .integer(groups),
    ])
  }

  /// The largest element of each window: [n, c, h, w] gives [n, c, h', w'].
  ///
  /// - Throws: ``TensorError`` for padding over half the window.
  public func maxPool2d(
    _ window: [Int], stride: [Int]? = nil, padding: [Int] = [0, 0], ceil: Bool = false
  ) throws -> Tensor {
    try maxPool2([
      .tensor(self), .integers(window), .integers(stride ?? window), .integers(padding),
      .integers([1, 1]), .boolean(ceil),
    ])
  }

  /// The mean of each window: [n, c, h, w] gives [n, c, h', w'].
  ///
  /// - Throws: ``TensorError`` for padding over half the window.
  public func averagePool2d(
    _ window: [Int], stride: [Int]? = nil, padding: [Int] = [0, 0], ceil: Bool = false,
    countsPadding: Bool = true
  ) throws -> Tensor {
    try averagePool2([
      .tensor(self), .integers(window), .integers(stride ?? window), .integers(padding),
      .boolean(ceil), .boolean(countsPadding),
    ])
  }

  /// The means of as many windows as the result has places: [n, c, h, w] gives [n, c] + size.
  ///
  /// - Throws: ``TensorError`` for other than three or four dimensions.
  public func adaptiveAveragePool2d(_ size: [Int]) throws -> Tensor {
    try adaptivePool2(self, .integers(size))
  }

  /// Each channel (dimension 1) less its mean, over its deviation, times `weight`, plus `bias`.
  ///
  /// In training the mean and variance are the batch's own, and the running ones, where given, are
  /// moved **in place** by `momentum`; else the running ones are used.
  ///
  /// - Throws: ``TensorError`` where extents differ, or in training with one number a channel.
  public func batchNorm(
    weight: Tensor?, bias: Tensor?, runningMean: Tensor?, runningVariance: Tensor?,
    isTraining: Bool, momentum: Double = 0.1, epsilon: Double = 1e-5
  ) throws -> Tensor {
    // LibTorch 1.13 computes wrong gradients for a weight with gaps in memory.
    let weight = try weight?.contiguous()
    let bias = try bias?.contiguous()
    return try normalizeBatch([
      .tensor(self), .tensor(weight), .tensor(bias), .tensor(runningMean),
      .tensor(runningVariance), .boolean(isTraining), .real(momentum), .real(epsilon),
      .boolean(false),
    ])
  }

  /// The last dimensions, of the given shape, less their mean, over their deviation.
  ///
  /// - Throws: ``TensorError`` where the last extents are others.
  public func layerNorm(
    _ shape: [Int], weight: Tensor? = nil, bias: Tensor? = nil, epsilon: Double = 1e-5
  ) throws -> Tensor {
    try normalizeLayer([
      .tensor(self), .integers(shape), .tensor(weight), .tensor(bias), .real(epsilon),
      .boolean(false),
    ])
  }

  /// Groups of channels less their mean, over their deviation.
  ///
  /// - Throws: ``TensorError`` where the groups do not divide the channels.
  public func groupNorm(
    _ groups: Int, weight: Tensor? = nil, bias: Tensor? = nil, epsilon: Double = 1e-5
  ) throws -> Tensor {
    try normalizeGroup([
      .tensor(self), .integer(groups), .tensor(weight), .tensor(bias), .real(epsilon),
      .boolean(false),
    ])
  }

  /// The rows of `weight` [n, d] that this tensor of integers names: [...] gives [..., d].
  ///
  /// - Throws: ``TensorError`` for an index out of range.
  public func embedding(_ weight: Tensor) throws -> Tensor {
    try rowsOf(weight, self)
  }

  /// Windows as columns: [n, c, h, w] gives [n, c · kh · kw, places].
  ///
  /// - Throws: ``TensorError`` where no window fits.
  public func unfolded(
    _ window: [Int], stride: [Int] = [1, 1], padding: [Int] = [0, 0], dilation: [Int] = [1, 1]
  ) throws -> Tensor {
    try columnsOf(
      .tensor(self), .integers(window), .integers(dilation), .integers(padding),
      .integers(stride))
  }

  /// The transpose of ``unfolded(_:stride:padding:dilation:)``: columns summed into an image.
  ///
  /// - Throws: ``TensorError`` where the number of columns does not fit.
  public func folded(
    _ size: [Int], _ window: [Int], stride: [Int] = [1, 1], padding: [Int] = [0, 0],
    dilation: [Int] = [1, 1]
  ) throws -> Tensor {
    try imageOf([
      .tensor(self), .integers(size), .integers(window), .integers(dilation), .integers(padding),
      .integers(stride),
    ])
  }

  /// Each pixel repeated to a size: [n, c, h, w] gives [n, c] + size.
  ///
  /// - Throws: ``TensorError`` for other than four dimensions.
  public func upsampledNearest2d(_ size: [Int]) throws -> Tensor {
    try resizeNearest(.tensor(self), .integers(size), .none)
  }
}
