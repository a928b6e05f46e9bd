import Tensors

/// Moves a module's parameters against their gradients.
public protocol Optimizer: Sendable {
  /// How far to move; set it before a step to follow a schedule.
  var rate: Double { get set }

  /// Moves each parameter; `gradients` are in the order of the module's parameters.
  mutating func step(_ module: inout some Module, _ gradients: ParameterTree) throws

  /// What the optimizer remembers of the steps before, to resume from.
  var state: ParameterTree { get throws }

  /// Takes what ``state`` gave, in any order: files keep tensors in one of their own.
  mutating func restore(_ state: ParameterTree) throws
}

extension Module {
  /// Hands each parameter with its number, its name and its gradient to `body`, without recording.
  mutating func updateParameters(
    _ gradients: ParameterTree,
    _ body: (Int, inout Tensor, Tensor) throws -> Void
  ) throws {
    var index = 0
    try withoutActuallyEscaping(body) { body in
      var visitor = Visitor { name, role, parameter in
        guard role == .parameter else { return }
        guard index < gradients.count, gradients.names[index] == name else {
          throw ModuleError(
            .mismatch, "the gradients have no '\(name)' in place \(index); take them of this module"
          )
        }
        try body(index, &parameter, gradients.tensors[index])
        index += 1
      }
      try withoutGradients { try visit(&visitor) }
    }
    guard index == gradients.count else {
      throw ModuleError(.mismatch, "\(gradients.count) gradients for \(index) parameters")
    }
  }
}

extension ParameterTree {
  /// The tensors in the order of `names`.
  ///
  /// - Throws: ``ModuleError/movedAnother`` where the names are not the same ones.
  func ordered(as names: [String]) throws -> [Tensor] {
    guard names.count == count else { throw ModuleError.movedAnother }
    let named = Dictionary(zip(self.names, tensors), uniquingKeysWith: { first, _ in first })
    return try names.map { name in
      guard let tensor = named[name] else { throw ModuleError.movedAnother }
      return tensor
    }
  }
}

extension ModuleError {
  /// What an optimizer remembers belongs to other parameters.
  static var movedAnother: ModuleError {
    ModuleError(.mismatch, "the optimizer has moved another module before; make a new one")
  }
}

extension Tensor {
  /// Adds factor · other: into this tensor's memory where nobody else looks at it, else into a copy.
  @inline(__always)
  mutating func addUnshared(_ other: Tensor, times factor: Double) throws {
    if isUnshared() {
      try addInPlace(other, times: factor)
    } else {
      let wasLeaf = needsGradient
      self = try adding(other, times: factor)
      if wasLeaf { try setNeedsGradient(true) }
    }
  }

  /// Adds factor · left / right, as ``addUnshared(_:times:)``.
  mutating func addQuotientUnshared(_ left: Tensor, _ right: Tensor, times factor: Double) throws {
    if isUnshared() {
      try addQuotientInPlace(left, right, times: factor)
    } else {
      let wasLeaf = needsGradient
      self = try addingQuotient(left, right, times: factor)
      if wasLeaf { try setNeedsGradient(true) }
    }
  }

  /// Multiplies, as ``addUnshared(_:times:)``.
  mutating func multiplyUnshared(by factor: Double) throws {
    if isUnshared() {
      try multiplyInPlace(by: factor)
    } else {
      let wasLeaf = needsGradient
      self = try self * factor
      if wasLeaf { try setNeedsGradient(true) }
    }
  }
}
