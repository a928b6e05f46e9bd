public import Tensors

extension Module {
  /// The loss, and its gradient with respect to each parameter.
  ///
  /// - Parameter loss: One number, from this module's `forward`.
  /// - Returns: The loss without history, and gradients under the parameters' names.
  /// - Throws: What `loss` throws, or `TensorError` where the loss depends on no parameter.
  public mutating func valueAndGradients(
    _ loss: (inout Self) throws -> Tensor
  ) throws -> (value: Tensor, gradients: ParameterTree) {
    var tree = ParameterTree()
    var visitor = Visitor { name, role, tensor in
      guard role == .parameter else { return }
      if !tensor.needsGradient { tensor = try tensor.asLeaf() }
      tree.append(name, tensor)
    }
    try visit(&visitor)
    let value = try withGradients { try loss(&self) }
    tree.tensors = try value.gradients(wrt: tree.tensors)
    return (try value.detached(), tree)
  }

  /// One step of training: the loss, its gradients, and the optimizer's move.
  ///
  /// - Parameters:
  ///   - optimizer: Moves the parameters.
  ///   - maximumNorm: Gradients longer than this are scaled down first.
  ///   - loss: One number, from this module's `forward`.
  /// - Returns: The loss before the move.
  /// - Throws: What `loss` throws, or ``ModuleError`` for gradients that are not finite where
  ///   `maximumNorm` is given.
  @discardableResult
  public mutating func train(
    _ optimizer: inout some Optimizer, maximumNorm: Double? = nil,
    _ loss: (inout Self) throws -> Tensor
  ) throws -> Tensor {
    var (value, gradients) = try valueAndGradients(loss)
    if let maximumNorm { gradients = try gradients.clipped(toNorm: maximumNorm) }
    try optimizer.step(&self, gradients)
    return value
  }

  /// The same network with `count` copies of each parameter, as a first dimension: an ensemble, the
  /// chains of a sampler, or one copy for each sample.
  ///
  /// Inputs then are [members, n, ...], or are repeated by ``Tensors/Tensor/expanded(_:)``. Linear
  /// and convolutional layers run all members in one operation.
  ///
  /// - Throws: `TensorError` where memory does not suffice.
  public func withMembers(_ count: Int) throws -> Self {
    var copy = self
    try copy.mapState { try $0.unsqueezed(0).expanded([count] + $0.shape) }
    return copy
  }

  /// Networks of the same shapes as one whose parameters have a first dimension for them.
  ///
  /// - Throws: ``ModuleError`` for no networks, `TensorError` for shapes that differ.
  public static func joined(_ members: [Self]) throws -> Self {
    guard var first = members.first else {
      throw ModuleError(.mismatch, "an ensemble needs at least one member")
    }
    let states = try members.map { try $0.state() }
    var index = 0
    var visitor = Visitor { _, _, tensor in
      tensor = try .stacked(states.map { $0.tensors[index] })
      index += 1
    }
    try first.visit(&visitor)
    return first
  }

  /// The gradient of each sample's loss with respect to each parameter, in one backward pass.
  ///
  /// - Parameters:
  ///   - inputs: [n, ...], one sample a slice.
  ///   - losses: From outputs [n, ...], of which slice i is sample i's, to losses [n].
  /// - Returns: Losses [n], and under each parameter's name gradients [n] + its shape.
  /// - Throws: ``ModuleError`` for layers that mix samples, such as batch normalisation in training.
  public func perSampleGradients(
    _ inputs: Tensor, _ losses: (Tensor) throws -> Tensor
  ) throws -> (losses: Tensor, gradients: ParameterTree) {
    let count = try inputs.extent(0)
    var copies = try withMembers(count)
    var values: Tensor?
    var pass = Pass.inference
    let (_, gradients) = try copies.valueAndGradients { copies in
      let output = try copies.forward(inputs.unsqueezed(1), &pass).squeezed(1)
      let each = try losses(output)
      guard each.shape == [count] else {
        throw ModuleError(
          .mismatch, "the losses have shape \(each.shape); give one for each of \(count) samples")
      }
      values = each
      // A sample's loss depends on its own copy only, so that the sum keeps them apart.
      return try each.sum()
    }
    guard let values else { throw ModuleError(.mismatch, "no losses were computed") }
    return (try values.detached(), gradients)
  }
}
