public import Tensors

// Layers without parameters.

/// Sets elements to zero with a probability, in training only, and scales the others up.
///
/// Source: Srivastava et al. (JMLR 2014), with the scaling moved from inference to training.
public struct Dropout: Module {
  public var probability: Double
  /// Whether to drop in inference also, as Monte Carlo dropout does.
  public var isAlwaysOn: Bool

  /// - Throws: ``ModuleError`` for a probability outside of 0..<1.
  public init(_ probability: Double, isAlwaysOn: Bool = false) throws {
    guard (0..<1).contains(probability) else {
      throw ModuleError(.mismatch, "a dropout probability is from 0 up to 1, not \(probability)")
    }
    self.probability = probability
    self.isAlwaysOn = isAlwaysOn
  }

  public mutating func forward(_ input: Tensor, _ pass: inout Pass) throws -> Tensor {
    guard probability > 0, pass.isTraining || isAlwaysOn else { return input }
    let kept = 1 - probability
    let mask = try pass.random.bernoulli(kept, input.shape).to(input.dtype).to(input.device)
    return try input * (mask * (1 / kept))
  }

  public mutating func visit(_ visitor: inout Visitor) throws {}
}

/// A function of each element.
public struct Activation: Module {
  private let function: @Sendable (Tensor) throws -> Tensor

  public init(_ function: @escaping @Sendable (Tensor) throws -> Tensor) {
    self.function = function
  }

  public static var relu: Activation { Activation { try $0.relu() } }
  public static var tanh: Activation { Activation { try $0.tanh() } }
  public static var sigmoid: Activation { Activation { try $0.sigmoid() } }
  public static var gelu: Activation { Activation { try $0.gelu() } }
  public static var silu: Activation { Activation { try $0.silu() } }
  public static var softplus: Activation { Activation { try $0.softplus() } }

  public mutating func forward(_ input: Tensor, _ pass: inout Pass) throws -> Tensor {
    try function(input)
  }

  public mutating func visit(_ visitor: inout Visitor) throws {}
}

/// The last dimensions made one: three for images [..., c, h, w].
public struct Flatten: Module {
  public var dimensions: Int

  public init(dimensions: Int = 3) { self.dimensions = dimensions }

  public mutating func forward(_ input: Tensor, _ pass: inout Pass) throws -> Tensor {
    try input.flattened(from: -dimensions)
  }

  public mutating func visit(_ visitor: inout Visitor) throws {}
}

/// The largest element, or the mean, of each window of an image [..., c, h, w].
public struct Pool2d: Module {
  private enum Kind { case maximum, average, adaptiveAverage }
  private let kind: Kind
  public let window: [Int]
  public let stride: [Int]
  public let padding: [Int]

  /// Largest elements; the stride is the window's unless given.
  public static func maximum(_ window: Int, stride: Int? = nil, padding: Int = 0) -> Pool2d {
    Pool2d(.maximum, window, stride, padding)
  }

  /// Means; the stride is the window's unless given.
  public static func average(_ window: Int, stride: Int? = nil, padding: Int = 0) -> Pool2d {
    Pool2d(.average, window, stride, padding)
  }

  /// Means of windows such that the output has `size` rows and columns.
  public static func adaptiveAverage(_ size: Int) -> Pool2d {
    Pool2d(.adaptiveAverage, size, nil, 0)
  }

  private init(_ kind: Kind, _ window: Int, _ stride: Int?, _ padding: Int) {
    self.kind = kind
    self.window = [window, window]
    self.stride = [stride ?? window, stride ?? window]
    self.padding = [padding, padding]
  }

  public mutating func forward(_ input: Tensor, _ pass: inout Pass) throws -> Tensor {
    // The library knows one batch dimension; members make a second.
    guard input.rank > 4 else { return try pooled(input) }
    let leading = Array(input.shape.prefix(input.rank - 3))
    let output = try pooled(input.flattened(from: 0, to: leading.count - 1))
    return try output.reshaped(leading + output.shape.dropFirst())
  }

  private func pooled(_ images: Tensor) throws -> Tensor {
    switch kind {
    case .maximum: try images.maxPool2d(window, stride: stride, padding: padding)
    case .average: try images.averagePool2d(window, stride: stride, padding: padding)
    case .adaptiveAverage: try images.adaptiveAveragePool2d(window)
    }
  }

  public mutating func visit(_ visitor: inout Visitor) throws {}
}
