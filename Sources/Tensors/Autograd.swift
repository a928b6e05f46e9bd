internal import CTorchInterface

// Derivatives.

private let detachOperator = Operator("aten::detach")
private let makeDual = Operator("aten::_make_dual")
private let unpackDual = Operator("aten::_unpack_dual")

extension Tensor {
  /// Whether operations on this tensor are recorded for gradients.
  public var needsGradient: Bool {
    withExtendedLifetime(handle) { TorchLibrary.opened.pointee.needs_gradient(handle.pointer) }
  }

  /// The same elements and memory, without history: no gradient passes.
  ///
  /// - Throws: ``TensorError`` where memory does not suffice.
  public func detached() throws -> Tensor {
    needsGradient ? try detachOperator(self) : self
  }

  /// The same elements and memory as a leaf: gradients with respect to it can be asked for.
  ///
  /// - Throws: ``TensorError`` for integers and booleans.
  public func asLeaf() throws -> Tensor {
    let leaf = try detachOperator(self)
    try leaf.setNeedsGradient(true)
    return leaf
  }

  /// Asks for gradients of a tensor that no operation has recorded, or no longer.
  package func setNeedsGradient(_ needs: Bool) throws {
    let done: Bool? = try checked { message in
      TorchLibrary.opened.pointee.set_needs_gradient(handle.pointer, needs, message) ? true : nil
    }
    _ = done
  }

  /// Whether nobody else, no other value, view or recorded graph, looks at this tensor's memory, so
  /// that writing into it surprises no one.
  package mutating func isUnshared() -> Bool {
    isKnownUniquelyReferenced(&handle) && TorchLibrary.opened.pointee.is_unshared(handle.pointer)
  }

  /// The gradient of this number with respect to a leaf.
  ///
  /// - Throws: As ``gradients(of:wrt:cotangents:keepsGraph:createsGraph:)``.
  public func gradient(wrt input: Tensor, createsGraph: Bool = false) throws -> Tensor {
    try Tensors.gradients(of: [self], wrt: [input], createsGraph: createsGraph)[0]
  }

  /// The gradients of this number with respect to several tensors.
  ///
  /// - Throws: As ``gradients(of:wrt:cotangents:keepsGraph:createsGraph:)``.
  public func gradients(wrt inputs: [Tensor], createsGraph: Bool = false) throws -> [Tensor] {
    try Tensors.gradients(of: [self], wrt: inputs, createsGraph: createsGraph)
  }
}

/// Gradients in reverse: for each input the sum over the outputs of cotangent · d output / d input.
///
/// - Parameters:
///   - outputs: Recorded tensors; numbers, unless cotangents are given.
///   - inputs: Leaves (``Tensor/asLeaf()``) or tensors recorded on the way to the outputs. One that
///     no output depends on has a gradient of zeros.
///   - cotangents: One for each output, of its shape; ones where absent.
///   - keepsGraph: Whether gradients of the same outputs can be asked for again.
///   - createsGraph: Whether the gradients are recorded themselves, for second derivatives.
/// - Returns: One gradient for each input, of its shape.
/// - Throws: ``TensorError`` where nothing was recorded, or the graph is used up.
public func gradients(
  of outputs: [Tensor], wrt inputs: [Tensor], cotangents: [Tensor?]? = nil,
  keepsGraph: Bool = false, createsGraph: Bool = false
) throws -> [Tensor] {
  guard !outputs.isEmpty, !inputs.isEmpty else {
    throw TensorError(.mismatch, "gradients need at least one output and one input")
  }
  let seeds = cotangents ?? Array(repeating: nil, count: outputs.count)
  guard seeds.count == outputs.count else {
    throw TensorError(
      .mismatch, "\(seeds.count) cotangents for \(outputs.count) outputs; give one for each")
  }
  let outputPointers = outputs.map { Optional($0.handle.pointer) }
  let seedPointers = seeds.map { $0?.handle.pointer }
  let inputPointers = inputs.map { Optional($0.handle.pointer) }
  return try withUnsafeTemporaryAllocation(of: CTorchTensor?.self, capacity: inputs.count) {
    results in
    results.initialize(repeating: nil)
    let done: Bool? = try withExtendedLifetime((outputs, seeds, inputs)) {
      try checked(.computation, "gradients") { message in
        TorchLibrary.opened.pointee.gradients(
          outputPointers, seedPointers, Int64(outputs.count), inputPointers, results.baseAddress,
          Int64(inputs.count), keepsGraph || createsGraph, createsGraph, message) ? true : nil
      }
    }
    _ = done
    let taken = results.map { $0.map { Tensor(taking: $0) } }
    return try zip(taken, inputs).map { gradient, input in try gradient ?? .zeros(like: input) }
  }
}

/// Runs `body` without recording anything for gradients, which is faster and takes less memory.
///
/// - Returns: What `body` returns.
/// - Throws: What `body` throws.
public func withoutGradients<Result>(_ body: () throws -> Result) rethrows -> Result {
  try recording(false, body)
}

/// Runs `body` with recording switched on again inside of ``withoutGradients(_:)``.
///
/// - Returns: What `body` returns.
/// - Throws: What `body` throws.
public func withGradients<Result>(_ body: () throws -> Result) rethrows -> Result {
  try recording(true, body)
}

private func recording<Result>(_ records: Bool, _ body: () throws -> Result) rethrows -> Result {
  // Without the library there is no tensor, and so nothing to record.
  guard let functions = try? TorchLibrary.functions() else { return try body() }
  let before = functions.pointee.set_records_graph(records)
  defer { _ = functions.pointee.set_records_graph(before) }
  return try body()
}

/// The value of a function, and its gradient.
///
/// - Parameters:
///   - input: Where.
///   - function: Gives one number.
/// - Returns: Both without history.
/// - Throws: What `function` throws, or ``TensorError`` where its result does not depend on its
///   argument.
public func valueAndGradient(
  at input: Tensor, of function: (Tensor) throws -> Tensor
) throws -> (value: Tensor, gradient: Tensor) {
  let leaf = try input.asLeaf()
  let value = try withGradients { try function(leaf) }
  return (try value.detached(), try value.gradient(wrt: leaf))
}

/// The value of a function and its derivative along a direction, in one forward pass.
///
/// - Parameters:
///   - input: Where.
///   - direction: Of the input's shape.
///   - function: Of operations that have forward derivatives; most have.
/// - Returns: The value, and the Jacobian times the direction, of the same shape.
/// - Throws: ``TensorError`` naming the operation that has no forward derivative.
public func jacobianVectorProduct(
  at input: Tensor, along direction: Tensor, of function: (Tensor) throws -> Tensor
) throws -> (value: Tensor, tangent: Tensor) {
  var message: UnsafeMutablePointer<CChar>?
  let level = TorchLibrary.opened.pointee.enter_dual_level(&message)
  if message != nil { throw TensorError(.computation, taken(message)) }
  defer { TorchLibrary.opened.pointee.exit_dual_level(level) }
  let dual = try makeDual(.tensor(input), .tensor(direction), .integer(Int(level)))
  let result = try function(dual)
  let parts = try unpackDual.results([.tensor(result), .integer(Int(level))])
    .map { try OperatorResult(taking: $0).tensors.first }
  guard let value = parts.first ?? nil else {
    throw TensorError(.computation, "the function gave nothing")
  }
  // No tangent: the result does not depend on the input.
  return (value, try (parts.count > 1 ? parts[1] : nil) ?? .zeros(like: value))
}

/// The matrix of all derivatives: [outputs, inputs], both flattened.
///
/// - Parameters:
///   - input: Where.
///   - function: Of any shape.
/// - Returns: Row by row by reverse passes.
/// - Throws: What `function` throws, or ``TensorError``.
public func jacobian(at input: Tensor, of function: (Tensor) throws -> Tensor) throws -> Tensor {
  let leaf = try input.asLeaf()
  let output = try withGradients { try function(leaf) }
  let flat = try output.reshaped(-1)
  let rows = try (0..<flat.count).map { row in
    try gradients(of: [try flat.selecting(row, along: 0)], wrt: [leaf], keepsGraph: true)[0]
      .reshaped(-1)
  }
  return try .stacked(rows)
}

/// The matrix of all second derivatives of one number: [inputs, inputs], flattened.
///
/// - Parameters:
///   - input: Where.
///   - function: Gives one number.
/// - Returns: Row by row by reverse passes over the gradient.
/// - Throws: What `function` throws, or ``TensorError``.
public func hessian(at input: Tensor, of function: (Tensor) throws -> Tensor) throws -> Tensor {
  try jacobian(at: input) { leaf in
    try function(leaf).gradient(wrt: leaf, createsGraph: true)
  }
}
