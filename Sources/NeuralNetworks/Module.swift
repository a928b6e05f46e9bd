public import Tensors

/// A part of a network: a value that holds parameters and maps tensors to tensors.
///
/// A copy is independent: training one leaves the other as it was. To write one, hold tensors and
/// other modules in properties, hand each of them to the visitor, and compute:
/// ```swift
/// struct Classifier: Module {
///   var hidden: Linear
///   var output: Linear
///
///   mutating func forward(_ input: Tensor, _ pass: inout Pass) throws -> Tensor {
///     try output.forward(hidden.forward(input, &pass).relu(), &pass)
///   }
///
///   mutating func visit(_ visitor: inout Visitor) throws {
///     try visitor.child("hidden", &hidden)
///     try visitor.child("output", &output)
///   }
/// }
/// ```
/// Parameters of many members (an ensemble, chains, one copy for each sample) run as one batch: see
/// ``withMembers(_:)``.
public protocol Module: Sendable {
  /// The output for an input; in training a module may also change its buffers.
  mutating func forward(_ input: Tensor, _ pass: inout Pass) throws -> Tensor

  /// Hands every parameter, buffer and child to the visitor, always in the same order.
  mutating func visit(_ visitor: inout Visitor) throws
}

/// How a forward pass runs.
public struct Pass: Sendable {
  /// Whether dropout drops, and batch normalisation uses the batch's own moments.
  public var isTraining: Bool
  /// What dropout draws from.
  public var random: RandomStream

  private init(isTraining: Bool, random: RandomStream) {
    self.isTraining = isTraining
    self.random = random
  }

  /// The pass that draws nothing and changes nothing.
  public static var inference: Pass { Pass(isTraining: false, random: RandomStream(seed: 0)) }

  /// A pass that trains.
  public static func training(_ random: RandomStream) -> Pass {
    Pass(isTraining: true, random: random)
  }
}

/// Walks over a module's tensors by name, and may replace them.
public struct Visitor {
  /// What a tensor is to its module.
  public enum Role: Sendable {
    /// Found by training.
    case parameter
    /// Kept beside, such as running means.
    case buffer
  }

  private var path = ""
  private let body: (String, Role, inout Tensor) throws -> Void

  init(_ body: @escaping (String, Role, inout Tensor) throws -> Void) { self.body = body }

  /// A tensor that training finds.
  ///
  /// - Throws: What the visit throws.
  public mutating func parameter(_ name: String, _ tensor: inout Tensor) throws {
    try body(path + name, .parameter, &tensor)
  }

  /// A tensor that training finds, where the module has one.
  ///
  /// - Throws: What the visit throws.
  public mutating func parameter(_ name: String, _ tensor: inout Tensor?) throws {
    try visit(name, .parameter, &tensor)
  }

  /// A tensor that is kept beside the parameters.
  ///
  /// - Throws: What the visit throws.
  public mutating func buffer(_ name: String, _ tensor: inout Tensor) throws {
    try body(path + name, .buffer, &tensor)
  }

  private mutating func visit(_ name: String, _ role: Role, _ tensor: inout Tensor?) throws {
    guard var value = tensor.take() else { return }
    defer { tensor = value }
    try body(path + name, role, &value)
  }

  /// A module inside.
  ///
  /// - Throws: What the visit throws.
  public mutating func child(_ name: String, _ module: inout some Module) throws {
    let outer = path
    path += name + "."
    defer { path = outer }
    try module.visit(&self)
  }
}

extension Module {
  /// The output for an input: nothing is dropped, changed or recorded.
  ///
  /// - Throws: `TensorError` for an input that does not fit.
  public func callAsFunction(_ input: Tensor) throws -> Tensor {
    var copy = self
    var pass = Pass.inference
    return try withoutGradients { try copy.forward(input, &pass) }
  }

  private func collected(withBuffers: Bool) throws -> ParameterTree {
    var tree = ParameterTree()
    var copy = self
    var visitor = Visitor { name, role, tensor in
      if withBuffers || role == .parameter { tree.append(name, try tensor.detached()) }
    }
    try copy.visit(&visitor)
    return tree
  }

  /// What training finds, by name.
  ///
  /// - Throws: `TensorError` where memory does not suffice.
  public func parameters() throws -> ParameterTree { try collected(withBuffers: false) }

  /// Parameters and buffers, by name: all that a file needs to hold.
  ///
  /// - Throws: `TensorError` where memory does not suffice.
  public func state() throws -> ParameterTree { try collected(withBuffers: true) }

  /// Replaces each parameter, in order; names are not looked at.
  ///
  /// - Throws: ``ModuleError`` for another number of tensors.
  public mutating func setParameters(_ tensors: [Tensor]) throws {
    var index = 0
    var visitor = Visitor { name, role, tensor in
      guard role == .parameter else { return }
      guard index < tensors.count else {
        throw ModuleError(.mismatch, "\(tensors.count) tensors leave '\(name)' without one")
      }
      tensor = tensors[index]
      index += 1
    }
    try visit(&visitor)
    guard index == tensors.count else {
      throw ModuleError(.mismatch, "\(tensors.count) tensors for \(index) parameters")
    }
  }

  /// Replaces parameters and buffers by name.
  ///
  /// - Parameters:
  ///   - state: Tensors of the shapes that the module has; converted to its types.
  ///   - isPartial: Whether names may be missing on either side.
  /// - Throws: ``ModuleError`` that lists what is missing, left over, or of another shape; the module
  ///   is then as it was.
  public mutating func load(_ state: ParameterTree, isPartial: Bool = false) throws {
    let available = Dictionary(uniqueKeysWithValues: zip(state.names, state.tensors))
    var used: Set<String> = []
    var problems: [String] = []
    var copy = self
    var visitor = Visitor { name, _, tensor in
      guard let value = available[name] else {
        if !isPartial { problems.append("'\(name)' is missing") }
        return
      }
      used.insert(name)
      guard value.shape == tensor.shape else {
        problems.append("'\(name)' has shape \(value.shape), not \(tensor.shape)")
        return
      }
      // Memory of its own: training writes into it.
      tensor = try value.detached().to(tensor.dtype).copy()
    }
    try copy.visit(&visitor)
    if !isPartial {
      // PyTorch counts batches, for an averaging that is not done here.
      problems += state.names
        .filter { !used.contains($0) && !$0.hasSuffix("num_batches_tracked") }
        .map { "'\($0)' has no place in the module" }
    }
    guard problems.isEmpty else {
      throw ModuleError(.mismatch, "the state does not fit: " + problems.joined(separator: "; "))
    }
    self = copy
  }

  /// Replaces each parameter and buffer by a function of it, such as a conversion to float64.
  ///
  /// - Throws: What `transform` throws.
  public mutating func mapState(_ transform: (Tensor) throws -> Tensor) throws {
    try withoutActuallyEscaping(transform) { transform in
      var visitor = Visitor { _, _, tensor in tensor = try transform(tensor.detached()) }
      try visit(&visitor)
    }
  }
}
