// Shapes and orders. What does not need to move a number gives a view, which shares memory.

private let reshape = Operator("aten::reshape")
private let transpose = Operator("aten::transpose.int")
private let permute = Operator("aten::permute")
private let addDimension = Operator("aten::unsqueeze")
private let dropDimension = Operator("aten::squeeze.dim")
private let dropAll = Operator("aten::squeeze")
private let flatten = Operator("aten::flatten.using_ints")
private let expand = Operator("aten::expand")
private let broadcastTo = Operator("aten::broadcast_to")
private let repeatAlong = Operator("aten::repeat")
private let repeatEach = Operator("aten::repeat_interleave.self_int")
private let join = Operator("aten::cat")
private let pile = Operator("aten::stack")
private let splitEven = Operator("aten::split.Tensor")
private let splitSizes = Operator("aten::split_with_sizes")
private let unbind = Operator("aten::unbind.int")
private let reverse = Operator("aten::flip")
private let rollBy = Operator("aten::roll")
private let constantPad = Operator("aten::constant_pad_nd")
private let lowerPart = Operator("aten::tril")
private let upperPart = Operator("aten::triu")
private let diagonalOf = Operator("aten::diagonal")
private let diagonalMatrix = Operator("aten::diag_embed")

extension Tensor {
  /// The same elements in another shape; one extent may be -1, for what is left.
  ///
  /// - Throws: ``TensorError`` where the counts differ.
  public func reshaped(_ shape: [Int]) throws -> Tensor {
    try reshape(self, .integers(shape))
  }

  /// The same elements in another shape; one extent may be -1, for what is left.
  ///
  /// - Throws: ``TensorError`` where the counts differ.
  public func reshaped(_ shape: Int...) throws -> Tensor { try reshaped(shape) }

  /// Two dimensions swapped; the last two unless named.
  ///
  /// - Throws: ``TensorError`` for a dimension that is not there.
  public func transposed(_ first: Int = -2, _ second: Int = -1) throws -> Tensor {
    try transpose(.tensor(self), .integer(first), .integer(second))
  }

  /// The dimensions in another order.
  ///
  /// - Throws: ``TensorError`` unless each dimension is named once.
  public func permuted(_ dimensions: Int...) throws -> Tensor {
    try permute(self, .integers(dimensions))
  }

  /// A new dimension of extent 1 before the one of that index.
  ///
  /// - Throws: ``TensorError`` for an index beyond the rank.
  public func unsqueezed(_ dimension: Int) throws -> Tensor {
    try addDimension(self, .integer(dimension))
  }

  /// A dimension dropped if its extent is 1.
  ///
  /// - Throws: ``TensorError`` for a dimension that is not there.
  public func squeezed(_ dimension: Int) throws -> Tensor {
    try dropDimension(self, .integer(dimension))
  }

  /// All dimensions of extent 1 dropped.
  ///
  /// - Throws: ``TensorError`` where memory does not suffice.
  public func squeezed() throws -> Tensor { try dropAll(self) }

  /// Dimensions `first` to `last` made one.
  ///
  /// - Throws: ``TensorError`` for a dimension that is not there.
  public func flattened(from first: Int = 0, to last: Int = -1) throws -> Tensor {
    try flatten(.tensor(self), .integer(first), .integer(last))
  }

  /// Dimensions of extent 1 repeated to a shape, without memory; -1 keeps an extent.
  ///
  /// - Throws: ``TensorError`` for other extents that differ.
  public func expanded(_ shape: [Int]) throws -> Tensor {
    try expand(self, .integers(shape))
  }

  /// Repeated to a shape by the rules of broadcasting, without memory.
  ///
  /// - Throws: ``TensorError`` for a shape that it does not broadcast to.
  public func broadcast(to shape: [Int]) throws -> Tensor {
    try broadcastTo(self, .integers(shape))
  }

  /// Copies one after the other, so many along each dimension.
  ///
  /// - Throws: ``TensorError`` for fewer counts than dimensions.
  public func repeated(_ counts: Int...) throws -> Tensor {
    try repeatAlong(self, .integers(counts))
  }

  /// Each slice so many times in a row along a dimension.
  ///
  /// - Throws: ``TensorError`` for a dimension that is not there.
  public func repeatedEach(_ count: Int, along dimension: Int) throws -> Tensor {
    try repeatEach(.tensor(self), .integer(count), .integer(dimension))
  }

  /// Tensors one after the other along a dimension.
  ///
  /// - Throws: ``TensorError`` where the other extents differ, or for no tensors.
  public static func concatenated(_ tensors: [Tensor], along dimension: Int = 0) throws -> Tensor {
    try join(.tensors(tensors), .integer(dimension))
  }

  /// Tensors of one shape side by side along a new dimension.
  ///
  /// - Throws: ``TensorError`` where the shapes differ, or for no tensors.
  public static func stacked(_ tensors: [Tensor], along dimension: Int = 0) throws -> Tensor {
    try pile(.tensors(tensors), .integer(dimension))
  }

  /// Views of so many slices each, the last of the rest.
  ///
  /// - Throws: ``TensorError`` for a size below 1, or a dimension that is not there.
  public func split(every size: Int, along dimension: Int = 0) throws -> [Tensor] {
    try splitEven.tensors(.tensor(self), .integer(size), .integer(dimension))
  }

  /// Views of the given sizes.
  ///
  /// - Throws: ``TensorError`` where they do not add up to the extent.
  public func split(sizes: [Int], along dimension: Int = 0) throws -> [Tensor] {
    try splitSizes.tensors(.tensor(self), .integers(sizes), .integer(dimension))
  }

  /// Views of each slice, without the dimension.
  ///
  /// - Throws: ``TensorError`` for a dimension that is not there.
  public func unstacked(along dimension: Int = 0) throws -> [Tensor] {
    try unbind.tensors(.tensor(self), .integer(dimension))
  }

  /// The order of elements reversed along dimensions.
  ///
  /// - Throws: ``TensorError`` for a dimension that is not there.
  public func flipped(_ dimensions: Int...) throws -> Tensor {
    try reverse(self, .integers(dimensions))
  }

  /// Elements moved along a dimension, the last ones to the front.
  ///
  /// - Throws: ``TensorError`` for a dimension that is not there.
  public func rolled(_ shift: Int, along dimension: Int) throws -> Tensor {
    try rollBy(.tensor(self), .integers([shift]), .integers([dimension]))
  }

  /// A number around: the counts before and after the last dimension, then the one before it, ….
  ///
  /// - Throws: ``TensorError`` for an odd number of counts, or more than two for each dimension.
  public func padded(
    _ counts: [Int], with value: some ScalarConvertible = 0
  ) throws -> Tensor {
    try constantPad(.tensor(self), .integers(counts), .scalar(value))
  }

  /// The elements on and below the diagonal of that offset, zero above.
  ///
  /// - Throws: ``TensorError`` for fewer than two dimensions.
  public func lowerTriangle(_ offset: Int = 0) throws -> Tensor {
    try lowerPart(self, .integer(offset))
  }

  /// The elements on and above the diagonal of that offset, zero below.
  ///
  /// - Throws: ``TensorError`` for fewer than two dimensions.
  public func upperTriangle(_ offset: Int = 0) throws -> Tensor {
    try upperPart(self, .integer(offset))
  }

  /// The diagonals of the last two dimensions, as the last dimension.
  ///
  /// - Throws: ``TensorError`` for fewer than two dimensions.
  public func diagonal(_ offset: Int = 0) throws -> Tensor {
    try diagonalOf(.tensor(self), .integer(offset), .integer(-2), .integer(-1))
  }

  /// Matrices with the last dimension's vectors as diagonals.
  ///
  /// - Throws: ``TensorError`` for no dimensions.
  public func asDiagonal() throws -> Tensor { try diagonalMatrix(self) }
}
