public import Tensors

/// Passing messages along the edges of a graph.
public enum MessagePassing {
  /// The sum of each node's incoming messages: result[v] = Σ of messages whose target is v.
  ///
  /// - Parameters:
  ///   - messages: [edges, features].
  ///   - targets: [edges], int64, from 0 up to `nodes`.
  ///   - nodes: How many there are.
  /// - Returns: [nodes, features].
  /// - Throws: `TensorError` for a target out of range.
  public static func sum(
    _ messages: Tensor, to targets: Tensor, nodes: Int
  ) throws -> Tensor {
    let shape = [nodes] + messages.shape.dropFirst()
    return try Tensor.zeros(shape, dtype: messages.dtype, on: messages.device)
      .indexAdd(targets, from: messages)
  }

  /// The mean of each node's incoming messages; zero for a node without any.
  ///
  /// - Parameters:
  ///   - messages: [edges, features].
  ///   - targets: [edges], int64, from 0 up to `nodes`.
  ///   - nodes: How many there are.
  /// - Returns: [nodes, features].
  /// - Throws: `TensorError` for a target out of range.
  public static func mean(
    _ messages: Tensor, to targets: Tensor, nodes: Int
  ) throws -> Tensor {
    let counts = try targets.bincount(atLeast: nodes).clamp(min: 1).to(messages.dtype)
    return try sum(messages, to: targets, nodes: nodes)
      / counts.reshaped([nodes] + Array(repeating: 1, count: messages.rank - 1))
  }

  /// D^(-1/2) · (A + I) · D^(-1/2), with D the degrees of A + I (Kipf and Welling 2017, equation 2).
  ///
  /// - Parameter adjacency: [..., nodes, nodes], 1 where an edge leads from the column's node to the
  ///   row's.
  /// - Returns: Of the same shape.
  /// - Throws: `TensorError` for a matrix that is not square.
  public static func normalized(_ adjacency: Tensor) throws -> Tensor {
    let nodes = try adjacency.extent(-1)
    let looped = try adjacency + Tensor.eye(nodes, dtype: adjacency.dtype, on: adjacency.device)
    let scale = try looped.sum(along: -1).rsqrt()
    return try looped * scale.unsqueezed(-1) * scale.unsqueezed(-2)
  }
}

/// One layer of a graph convolutional network: Â · (X · Wᵀ) + b (Kipf and Welling 2017, equation 2,
/// without its activation).
public struct GraphConvolution: Module {
  public var linear: Linear
  /// [..., nodes, nodes], as ``MessagePassing/normalized(_:)`` gives it; set before each pass.
  public var adjacency: Tensor?

  /// - Throws: `TensorError` for a negative extent.
  public init(
    _ inputs: Int, _ outputs: Int, dtype: DType = .float32, random: RandomStream
  ) throws {
    linear = try Linear(inputs, outputs, dtype: dtype, random: random)
  }

  /// X [..., nodes, inputs] gives [..., nodes, outputs].
  public mutating func forward(_ input: Tensor, _ pass: inout Pass) throws -> Tensor {
    guard let adjacency else {
      throw ModuleError(.unsupported, "a graph convolution has no graph; set its adjacency")
    }
    let mixed = try input.linear(linear.weight)
    let messages = try adjacency.matmul(mixed)
    return try linear.bias.map { try messages + $0 } ?? messages
  }

  public mutating func visit(_ visitor: inout Visitor) throws { try linear.visit(&visitor) }
}
