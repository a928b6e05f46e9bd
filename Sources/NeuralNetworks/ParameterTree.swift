public import Tensors

/// Tensors by name, in the order of their module.
///
/// They are parameters, gradients, buffers or an optimizer's state. Dots separate the levels of the tree, as in `blocks.0.weight`.
public struct ParameterTree: Sendable {
  public private(set) var names: [String] = []
  public var tensors: [Tensor] = []

  public init() {}

  /// Takes names and tensors, in order.
  ///
  /// - Throws: ``ModuleError`` for a name that stands twice, or counts that differ.
  public init(names: [String], tensors: [Tensor]) throws {
    guard names.count == tensors.count else {
      throw ModuleError(
        .mismatch, "\(names.count) names for \(tensors.count) tensors; give one for each")
    }
    var seen: Set<String> = []
    for name in names where !seen.insert(name).inserted {
      throw ModuleError(.mismatch, "two tensors are named '\(name)'")
    }
    self.names = names
    self.tensors = tensors
  }

  /// Adds a tensor whose name is new.
  mutating func append(_ name: String, _ tensor: Tensor) {
    names.append(name)
    tensors.append(tensor)
  }

  /// The number of tensors.
  public var count: Int { tensors.count }

  /// The number of elements of all tensors.
  public var elementCount: Int { tensors.reduce(0) { $0 + $1.count } }

  /// The tensor of that name.
  public subscript(name: String) -> Tensor? {
    names.firstIndex(of: name).map { tensors[$0] }
  }

  /// The branch below a name, without it.
  public func branch(_ name: String) -> ParameterTree {
    var branch = ParameterTree()
    for (full, tensor) in zip(names, tensors) where full.hasPrefix(name + ".") {
      branch.append(String(full.dropFirst(name.count + 1)), tensor)
    }
    return branch
  }

  /// The same names with other tensors.
  ///
  /// - Throws: What `transform` throws.
  public func map(_ transform: (Tensor) throws -> Tensor) rethrows -> ParameterTree {
    var result = self
    result.tensors = try tensors.map(transform)
    return result
  }

  // MARK: As one vector

  /// All elements one after the other, [elementCount].
  ///
  /// - Throws: `TensorError` for types that do not join.
  public func flattened() throws -> Tensor {
    guard !tensors.isEmpty else { return try .zeros([0]) }
    return try .concatenated(tensors.map { try $0.reshaped(-1) })
  }

  /// The same names and shapes with the elements of a vector, as views of it.
  ///
  /// - Throws: `TensorError` for a vector of another length.
  public func unflattened(_ vector: Tensor) throws -> ParameterTree {
    let parts = try vector.split(sizes: tensors.map(\.count))
    var result = self
    result.tensors = try zip(parts, tensors).map { part, tensor in
      try part.reshaped(tensor.shape)
    }
    return result
  }

  // MARK: As gradients

  /// The Euclidean norm of all elements together.
  ///
  /// - Throws: `TensorError` for integers.
  public func norm() throws -> Double {
    guard !tensors.isEmpty else { return 0 }
    return try Tensor.stacked(tensors.map { try $0.norm() }).norm().double()
  }

  /// Scaled down so that the norm of all elements together is at most `limit`.
  ///
  /// - Throws: ``ModuleError`` where the norm is not finite.
  public func clipped(toNorm limit: Double) throws -> ParameterTree {
    let norm = try norm()
    guard norm.isFinite else {
      throw ModuleError(
        .notFinite, "the gradient's norm is \(norm); lower the learning rate or look for log(0)")
    }
    return norm <= limit ? self : try map { try $0 * (limit / norm) }
  }

  /// Each element kept between -limit and limit.
  ///
  /// - Throws: `TensorError` for types that are not ordered.
  public func clipped(toValue limit: Double) throws -> ParameterTree {
    try map { try $0.clamp(min: -limit, max: limit) }
  }
}
