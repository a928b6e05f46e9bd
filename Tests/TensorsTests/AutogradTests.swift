import Foundation
import Tensors
import Testing

struct AutogradTests {
  /// Functions of positive float64 inputs [2, 3] and [3, 2] that give one number.
  static let functions: [String: @Sendable ([Tensor]) throws -> Tensor] = [
    "arithmetic": { try (($0[0] * 2 - $0[1].transposed()) / ($0[0] + 1)).square().sum() },
    "matmul": { try $0[0].matmul($0[1]).tanh().sum() },
    "elementary": { try ($0[0].log() + $0[0].sqrt() * $0[0].exp().sin()).sum() },
    "special": { try ($0[0].lgamma() + $0[0].erf() + $0[0].normalCDF().log()).sum() },
    "power": { try $0[0].pow(2.5).sum() + Tensor.pow(2, $0[1]).sum() },
    "softmax": { try ($0[0].softmax(along: 1) * $0[1].transposed()).sum() },
    "log-sum-exp": { try $0[0].logSumExp(along: 0).sum() },
    "reductions": { try $0[0].variance(along: 1).sum() + $0[0].norm() + $0[1].product() },
    "max": { try $0[0].max(along: 1).sum() + $0[0].sorted().values[.all, 0].sum() },
    "indexing": { try $0[0][.all, 1...].sum() + $0[1][Tensor([2, 0, 2])].square().sum() },
    "gather": { try $0[0].gather(Tensor([0, 1, 1], shape: [1, 3]), along: 0).square().sum() },
    "replacing": { try $0[0].replacing(1, along: 0, with: $0[1][.all, 0]).square().sum() },
    "cumulative": { try $0[0].cumulativeSum(along: 1).square().sum() },
    "concatenate": { try Tensor.concatenated([$0[0], $0[1].transposed()]).exp().mean() },
    "einsum": { try Tensor.einsum("ij,ji->i", $0[0], $0[1]).square().sum() },
    "cholesky": {
      try ($0[0].matmul($0[0].transposed()) + Tensor.eye(2, dtype: .float64)).cholesky().sum()
    },
    "solve": {
      let matrix = try $0[0].matmul($0[1]) + 3 * Tensor.eye(2, dtype: .float64)
      return try matrix.solving($0[0]).square().sum() + matrix.slogdet().logAbs
    },
    "eigenvalues": { try $0[0].matmul($0[0].transposed()).eigh().values.log().sum() },
    "convolution": {
      let image = try $0[0].reshaped(1, 1, 2, 3)
      let kernel = try $0[1].reshaped(1, 1, 3, 2)
      return try image.conv2d(kernel, padding: [1, 1]).square().sum()
        + image.convTransposed2d(kernel, stride: [2, 1]).square().sum()
        + image.averagePool2d([2, 2]).sum() + image.maxPool2d([1, 2]).sum()
    },
    "normalisation": {
      try $0[0].layerNorm([3]).pow(3).sum()
        + $0[0].batchNorm(
          weight: $0[1][.all, 0], bias: $0[1][.all, 1], runningMean: nil, runningVariance: nil,
          isTraining: true
        ).pow(3).sum()
    },
    "losses": {
      let classes = try Tensor([2, 0])
      return try $0[0].crossEntropy(classes) + $0[0].meanSquaredError($0[1].transposed())
        + $0[0].huber($0[1].transposed(), delta: 0.3)
        + $0[0].binaryCrossEntropyWithLogits($0[1].transposed())
    },
    "activations": {
      try
        ($0[0].relu() + $0[0].sigmoid() + $0[0].softplus() + $0[0].gelu() + $0[0].silu()
        + $0[0].elu() + $0[0].leakyRelu() + $0[0].logSigmoid()).square().sum()
    },
    "distances": { try $0[0].distances(to: $0[1].transposed()).sum() },
  ]

  static func inputs() throws -> [Tensor] {
    var random = RandomStream(seed: 11)
    return try [
      random.uniform([2, 3], dtype: .float64) + 0.2, random.uniform([3, 2], dtype: .float64) + 0.2,
    ]
  }

  @Test(arguments: functions.keys.sorted())
  func `gradients agree with central differences`(name: String) throws {
    let function = try #require(AutogradTests.functions[name])
    let worst = try checkGradients(at: AutogradTests.inputs(), of: function)
    // The differences' own error: step² plus epsilon over step.
    #expect(worst.error < 1e-7, "\(worst)")
  }

  @Test func `a wrong gradient is found`() throws {
    // The detached factor hides its part of the derivative.
    let worst = try checkGradients(at: [Tensor([2.0])]) { try ($0[0] * $0[0].detached()).sum() }
    #expect(abs(worst.error - 0.5) < 1e-6)
    #expect(throws: TensorError.self) {
      try checkGradients(at: [.ones([2])]) { try $0[0].sum() }
    }
  }

  @Test func `second derivatives follow from gradients that are recorded`() throws {
    let x = try Tensor([1.0, 2, 3])
    let matrix = try hessian(at: x) { try ($0.pow(3) + $0 * $0.sum()).sum() }
    // d²/dx_i dx_j of Σ x³ + (Σ x)²: 6 x_i on the diagonal, plus 2 everywhere.
    #expect(try matrix.isClose(to: (6 * x).asDiagonal() + 2))
    let rows = try jacobian(at: x) { try $0.square().cumulativeSum(along: 0) }
    #expect(try rows.isClose(to: Tensor.ones([3, 3], dtype: .float64).lowerTriangle() * (2 * x)))
  }

  @Test func `a forward derivative is the Jacobian times the direction`() throws {
    let x = try Tensor([0.3, 0.6, 0.9])
    let direction = try Tensor([1.0, -1, 2])
    let function: (Tensor) throws -> Tensor = { try $0.exp().cumulativeSum(along: 0) }
    let (value, tangent) = try jacobianVectorProduct(at: x, along: direction, of: function)
    #expect(try value.isClose(to: function(x)))
    #expect(try tangent.isClose(to: jacobian(at: x, of: function).matmul(direction)))
    let constant = try jacobianVectorProduct(at: x, along: direction) { try .ones(like: $0) }
    #expect(try constant.tangent.doubles() == [0, 0, 0])
  }

  @Test func `nothing is recorded where it is not wanted`() throws {
    let x = try Tensor([1.0]).asLeaf()
    #expect(try (x * 2).needsGradient)
    let (outer, inner) = try withoutGradients {
      (try x * 2, try withGradients { try x * 2 })
    }
    #expect(!outer.needsGradient && inner.needsGradient)
    #expect(try !x.detached().needsGradient)
    struct Stop: Error {}
    #expect(throws: Stop.self) { try withoutGradients { throw Stop() } }
    #expect(try (x * 2).needsGradient)
  }

  @Test func `several outputs, cotangents and unused inputs`() throws {
    let x = try Tensor([1.0, 2]).asLeaf()
    let unused = try Tensor([5.0]).asLeaf()
    let result = try gradients(
      of: [x * 2, x.square().sum()], wrt: [x, unused], cotangents: [Tensor([1.0, 10]), nil])
    #expect(try result[0].doubles() == [4, 24])
    #expect(try result[1].doubles() == [0])
  }

  @Test func `what cannot be derived is refused`() throws {
    let x = try Tensor([1.0, 2])
    #expect(throws: TensorError.self) { try x.sum().gradient(wrt: x) }
    #expect(throws: TensorError.self) { try Tensor([1, 2]).asLeaf() }
    let leaf = try x.asLeaf()
    #expect(throws: TensorError.self) { try (leaf * 2).gradient(wrt: leaf) }
    let sum = try leaf.square().sum()
    _ = try sum.gradient(wrt: leaf)
    #expect(throws: TensorError.self) { try sum.gradient(wrt: leaf) }
    #expect(throws: TensorError.self) { try leaf.addInPlace(1) }
    #expect(throws: TensorError.self) { try gradients(of: [], wrt: [leaf]) }
    #expect(throws: TensorError.self) {
      try gradients(of: [leaf.sum()], wrt: [leaf], cotangents: [])
    }
  }
}
