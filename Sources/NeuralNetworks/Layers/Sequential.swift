public import Tensors

/// Modules one after the other, named by their place from 0.
public struct Sequential: Module {
  public var modules: [any Module]

  public init(_ modules: any Module...) { self.modules = modules }

  public init(_ modules: [any Module]) { self.modules = modules }

  public mutating func forward(_ input: Tensor, _ pass: inout Pass) throws -> Tensor {
    var value = input
    for index in modules.indices { value = try modules[index].forward(value, &pass) }
    return value
  }

  public mutating func visit(_ visitor: inout Visitor) throws {
    for index in modules.indices { try visitor.child(String(index), &modules[index]) }
  }
}

/// relu(body(x) + shortcut(x)), the block of residual networks.
///
/// Without a shortcut x itself is added. Source: He et al. (CVPR 2016), equations 1 and 2.
public struct Residual: Module {
  public var body: Sequential
  public var shortcut: Sequential?
  /// Whether a relu follows the sum.
  public var isActivated: Bool

  public init(_ body: Sequential, shortcut: Sequential? = nil, isActivated: Bool = true) {
    self.body = body
    self.shortcut = shortcut
    self.isActivated = isActivated
  }

  public mutating func forward(_ input: Tensor, _ pass: inout Pass) throws -> Tensor {
    let around = try shortcut?.forward(input, &pass) ?? input
    let sum = try body.forward(input, &pass) + around
    return isActivated ? try sum.relu() : sum
  }

  public mutating func visit(_ visitor: inout Visitor) throws {
    try visitor.child("body", &body)
    if var inner = shortcut.take() {
      defer { shortcut = inner }
      try visitor.child("shortcut", &inner)
    }
  }
}
