// Products and decompositions. Leading dimensions are a batch, and broadcast.

private let matrixProduct = Operator("aten::matmul")
private let batchProduct = Operator("aten::bmm")
private let addBatchProduct = Operator("aten::baddbmm")
private let addMatrixProduct = Operator("aten::addmm")
private let einsteinSum = Operator("aten::einsum")
private let outerProduct = Operator("aten::outer")
private let choleskyChecked = Operator("aten::linalg_cholesky")
private let choleskyFlagged = Operator("aten::linalg_cholesky_ex")
private let choleskySolve = Operator("aten::cholesky_solve")
private let triangularSolve = Operator("aten::linalg_solve_triangular")
private let linearSolve = Operator("aten::linalg_solve")
private let leastSquares = Operator("aten::linalg_lstsq")
private let symmetricEigen = Operator("aten::linalg_eigh")
private let singular = Operator("aten::linalg_svd")
private let orthogonal = Operator("aten::linalg_qr")
private let inverse = Operator("aten::linalg_inv")
private let pseudoInverse = Operator("aten::linalg_pinv.atol_rtol_float")
private let signLogDeterminant = Operator("aten::linalg_slogdet")
private let distances = Operator("aten::cdist")

extension Tensor {
  /// The matrix product: [..., n, k] and [..., k, m] give [..., n, m]; a vector counts as a row on
  /// the left and as a column on the right, and its dimension is dropped again.
  ///
  /// - Throws: ``TensorError`` where the inner extents differ.
  public func matmul(_ other: Tensor) throws -> Tensor {
    try matrixProduct(self, other)
  }

  /// Products of [b, n, k] and [b, k, m], one by one.
  ///
  /// - Throws: ``TensorError`` where extents differ.
  public func bmm(_ other: Tensor) throws -> Tensor {
    try batchProduct(self, other)
  }

  /// self + left · right for matrices, in one operation; self broadcasts.
  ///
  /// - Throws: ``TensorError`` where extents differ.
  public func addingMatmul(_ left: Tensor, _ right: Tensor) throws -> Tensor {
    try addMatrixProduct(.tensor(self), .tensor(left), .tensor(right))
  }

  /// self + left · right for batches of matrices, in one operation; self broadcasts.
  ///
  /// - Throws: ``TensorError`` where extents differ.
  public func addingBmm(_ left: Tensor, _ right: Tensor) throws -> Tensor {
    try addBatchProduct(.tensor(self), .tensor(left), .tensor(right))
  }

  /// Einstein's summation, such as `einsum("bi,bj->bij", a, b)`.
  ///
  /// - Throws: ``TensorError`` for an equation that does not fit the shapes.
  public static func einsum(_ equation: String, _ operands: Tensor...) throws -> Tensor {
    try einsteinSum(.text(equation), .tensors(operands))
  }

  /// The products of all pairs of two vectors: [n] and [m] give [n, m].
  ///
  /// - Throws: ``TensorError`` for operands that are no vectors.
  public func outer(_ other: Tensor) throws -> Tensor {
    try outerProduct(self, other)
  }

  /// L, lower triangular, with L · Lᵀ the matrix, whose upper triangle is not read.
  ///
  /// - Throws: ``TensorError`` for a matrix that is not positive definite; see
  ///   ``choleskyIfPositiveDefinite()``.
  public func cholesky() throws -> Tensor { try choleskyChecked(self) }

  /// As ``cholesky()``, or nil where a matrix is not positive definite.
  ///
  /// - Throws: ``TensorError`` for a matrix that is not square.
  public func choleskyIfPositiveDefinite() throws -> Tensor? {
    let results = try choleskyFlagged.tensors(.tensor(self))
    return try results[1].any().boolean() ? nil : results[0]
  }

  /// X with A · X the given matrix, where this one is the lower Cholesky factor of A.
  ///
  /// - Throws: ``TensorError`` where shapes do not fit.
  public func choleskySolving(_ right: Tensor) throws -> Tensor {
    try choleskySolve(right, self)
  }

  /// X with A · X the given matrix, where this one is A, lower or upper triangular.
  ///
  /// - Throws: ``TensorError`` where shapes do not fit.
  public func triangularSolving(_ right: Tensor, isUpper: Bool = false) throws -> Tensor {
    try triangularSolve(
      [.tensor(self), .tensor(right), .boolean(isUpper), .boolean(true), .boolean(false)])
  }

  /// X with A · X the given vectors or matrix, where this one is A.
  ///
  /// - Throws: ``TensorError`` for a singular matrix.
  public func solving(_ right: Tensor) throws -> Tensor {
    try linearSolve(self, right)
  }

  /// X of least |A · X - B|² for the given matrix B, where this one is A, by a singular value
  /// decomposition, so that A may lack rank.
  ///
  /// - Throws: ``TensorError`` where shapes do not fit.
  public func leastSquaresSolving(_ right: Tensor) throws -> Tensor {
    let isVector = right.rank == 1 && rank == 2
    let results = try leastSquares.results([
      .tensor(self), .tensor(isVector ? right.unsqueezed(1) : right), .none, .text("gelsd"),
    ]).compactMap { try OperatorResult(taking: $0).tensors.first }
    return isVector ? try results[0].squeezed(1) : results[0]
  }

  /// The eigenvalues, ascending, and as columns the eigenvectors of a symmetric matrix.
  ///
  /// - Throws: ``TensorError`` where the algorithm does not converge.
  public func eigh() throws -> (values: Tensor, vectors: Tensor) {
    let results = try symmetricEigen.tensors(.tensor(self))
    return (results[0], results[1])
  }

  /// U, S and Vᵀ with U · diag(S) · Vᵀ the matrix, thin unless `isFull`; S descends.
  ///
  /// - Throws: ``TensorError`` where the algorithm does not converge.
  public func svd(isFull: Bool = false) throws -> (u: Tensor, s: Tensor, vt: Tensor) {
    let results = try singular.tensors(.tensor(self), .boolean(isFull))
    return (results[0], results[1], results[2])
  }

  /// Q, orthonormal, and R, upper triangular, with Q · R the matrix.
  ///
  /// - Throws: ``TensorError`` for fewer than two dimensions.
  public func qr() throws -> (q: Tensor, r: Tensor) {
    let results = try orthogonal.tensors(.tensor(self))
    return (results[0], results[1])
  }

  /// The inverse; ``solving(_:)`` is faster and more exact where it is multiplied.
  ///
  /// - Throws: ``TensorError`` for a singular matrix.
  public func inverted() throws -> Tensor { try inverse(self) }

  /// The Moore-Penrose inverse.
  ///
  /// - Throws: ``TensorError`` where the algorithm does not converge.
  public func pseudoInverted() throws -> Tensor { try pseudoInverse(self) }

  /// The sign of the determinant, and the logarithm of its absolute value.
  ///
  /// - Throws: ``TensorError`` for a matrix that is not square.
  public func slogdet() throws -> (sign: Tensor, logAbs: Tensor) {
    let results = try signLogDeterminant.tensors(.tensor(self))
    return (results[0], results[1])
  }

  /// The distances of order `order` between all rows: [..., n, d] and [..., m, d] give [..., n, m].
  ///
  /// - Throws: ``TensorError`` where the last extents differ.
  public func distances(to other: Tensor, order: Double = 2) throws -> Tensor {
    // Mode 2: by differences, not by the product of matrices, which loses digits.
    try Tensors.distances(.tensor(self), .tensor(other), .real(order), .integer(2))
  }
}
