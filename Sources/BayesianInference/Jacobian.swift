/// A network linearised around parameters θ*, at some rows.
struct Jacobian {
  /// rows × outputs × parameters: ∂f/∂θ.
  let derivatives: [Double]
  /// rows × outputs: f(θ*).
  let values: [Double]
  private let parameterCount: Int

  /// Differentiates each output of each row by all parameters, one pass backwards each.
  init(_ network: Network, _ inputs: Rows, _ parameters: [Double]) {
    let pass = NetworkPass(network)
    let (outputs, count) = (network.outputs, network.parameterCount)
    // A row a block, padded by the kernel's smallest number of rows.
    let stride = RowBlocks.padded(1)
    var derivatives = [Double](repeating: 0, count: inputs.count * outputs * count)
    var values = [Double](repeating: 0, count: inputs.count * outputs)
    var block = [Double](repeating: 0, count: stride * network.inputs)
    parameters.withUnsafeBufferPointer { parameters in
      derivatives.withUnsafeMutableBufferPointer { derivatives in
        guard let parameters = parameters.baseAddress, let derivatives = derivatives.baseAddress
        else { return }
        for row in 0..<inputs.count {
          for feature in 0..<network.inputs {
            block[feature * stride] = inputs.values[row * network.inputs + feature]
          }
          block.withUnsafeBufferPointer { block in
            guard let block = block.baseAddress else { return }
            for output in 0..<outputs {
              let result = pass.forward(parameters, block, rows: stride)
              values[row * outputs + output] = result[output * stride]
              for i in 0..<outputs * stride { pass.outputDerivatives[i] = 0 }
              pass.outputDerivatives[output * stride] = 1
              pass.backward(
                parameters, block, rows: stride,
                gradient: derivatives + (row * outputs + output) * count)
            }
          }
        }
      }
    }
    self.derivatives = derivatives
    self.values = values
    parameterCount = count
  }

  /// f(θ*) + ∂f/∂θ change, rows × outputs.
  func linearised(_ change: [Double]) -> [Double] {
    values.indices.map { index in
      var sum = 0.0
      let start = index * parameterCount
      for i in 0..<parameterCount { sum += derivatives[start + i] * change[i] }
      return values[index] + sum
    }
  }
}
