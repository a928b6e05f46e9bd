import CDenseKernels

/// The loss over all rows, and its gradient, of a network with one hidden layer and one output, in float32:
/// see `one_hidden_kernels.h`.
///
/// It gives what ``SingleNetworkPass`` gives, to rounding, and is faster where all rows are run: units needn't
/// fill whole vectors, and of rectifiers the way back needs a bit each. One per thread: it isn't safe to share.
final class SingleOneHiddenPass {
  /// The most groups of rows of a block, whose inputs stay in the innermost cache where there are few.
  private static let blockGroups = 32

  private let rows: SingleLaneRows
  private var network: one_hidden
  private let blocks: Int
  private let hidden: UnsafeMutablePointer<Float>
  private let outputs: UnsafeMutablePointer<Float>
  private let derivatives: UnsafeMutablePointer<Float>

  /// Whether a network has the form.
  static func runs(_ network: Network) -> Bool { network.layers.count == 2 && network.outputs == 1 }

  /// - Parameters:
  ///   - network: One for which ``runs`` holds.
  ///   - layout: The network's, in which parameters and gradients are.
  ///   - rows: All of the data.
  ///   - width: The kernels'; what the processor doesn't have isn't possible.
  init(
    _ network: Network, _ layout: SingleLayout, _ rows: SingleLaneRows,
    width: one_hidden_width = one_hidden_widest()
  ) {
    precondition(
      Self.runs(network) && rows.width == network.inputs && rows.count > 0,
      "\(rows.count) rows of \(rows.width) for a network of the sizes \(network.sizes)")
    let (first, last) = (layout.layers[0], layout.layers[1])
    precondition(
      first.weights == 0 && first.biases == first.inputs * first.stride
        && last.weights == first.biases + first.stride
        && last.biases == last.weights + first.stride,
      "the kernels want weights, biases, output weights and bias one after another")
    self.rows = rows
    self.network = one_hidden(
      inputs: network.inputs, units: first.outputs, stride: first.stride,
      is_relu: network.activation == .relu ? 1 : 0, width: width)
    blocks = (rows.groups + Self.blockGroups - 1) / Self.blockGroups
    let buffer = { (count: Int) in
      let buffer = UnsafeMutablePointer<Float>.allocate(capacity: count)
      buffer.initialize(repeating: 0, count: count)
      return buffer
    }
    let lanes = min(rows.groups, Self.blockGroups) * SingleLaneRows.group
    hidden = buffer(lanes * first.stride)
    outputs = buffer(lanes)
    derivatives = buffer(lanes)
  }

  deinit { for buffer in [hidden, outputs, derivatives] { buffer.deallocate() } }

  /// Sums −log p(y | f) over all rows and derives it by the parameters.
  ///
  /// - Parameters:
  ///   - likelihood: One with one output.
  ///   - parameters: θ.
  ///   - targets: A value a row.
  ///   - precision: 1/σ² of a Gaussian likelihood.
  ///   - gradient: To which the loss's derivatives by θ are added.
  /// - Returns: The sum, and of a Gaussian likelihood the sum of squared errors.
  func loss(
    _ likelihood: Likelihood, _ parameters: UnsafePointer<Float>, _ targets: UnsafePointer<Float>,
    precision: Double, gradient: UnsafeMutablePointer<Float>
  ) -> (loss: Double, squares: Double) {
    var (loss, squares) = (0.0, 0.0)
    rows.values.withUnsafeBufferPointer { values in
      guard let values = values.baseAddress else { return }
      var group = 0
      for block in 1...blocks {
        // Blocks of nearly the same size.
        let groups = rows.groups * block / blocks - group
        let first = group * SingleLaneRows.group
        let inputs = values + first * (rows.width + 1)
        let count = min(groups * SingleLaneRows.group, rows.count - first)
        one_hidden_forward(&network, groups, inputs, parameters, hidden, outputs)
        let part = likelihood.loss(
          outputs, targets + first, count: count, stride: 1, precision: precision,
          derivatives: derivatives)
        loss += part.loss
        squares += part.squares
        for row in count..<groups * SingleLaneRows.group { derivatives[row] = 0 }
        one_hidden_backward(&network, groups, inputs, parameters, hidden, derivatives, gradient)
        group += groups
      }
    }
    return (loss, squares)
  }
}
