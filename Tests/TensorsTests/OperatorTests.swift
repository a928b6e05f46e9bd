import Formats
import Foundation
import Tensors
import Testing

/// Every operation that has a name here, against NumPy.
struct OperatorTests {
  typealias Operation = @Sendable ([Tensor]) throws -> [Tensor]

  static func one(_ operation: @escaping @Sendable (Tensor) throws -> Tensor) -> Operation {
    { [try operation($0[0])] }
  }

  static func two(_ operation: @escaping @Sendable (Tensor, Tensor) throws -> Tensor) -> Operation {
    { [try operation($0[0], $0[1])] }
  }

  static let elementwise: [String: Operation] = [
    "add": two { try $0 + $1 },
    "subtract": two { try $0 - $1 },
    "multiply": two { try $0 * $1 },
    "divide": two { try $0 / $1 },
    "integer-divide": two { try $0 / $1 },
    "scalar-minus": one { try 3 - $0 },
    "scalar-over": one { try 3 / $0 },
    "floor-divide": two { try $0.floorDivided(by: $1) },
    "remainder": two { try $0.remainder(dividingBy: $1) },
    "power": two { try $0.pow($1) },
    "maximum": two { try .maximum($0, $1) },
    "minimum": two { try .minimum($0, $1) },
    "interpolate": two { try $0.interpolated(to: $1, weight: 0.3) },
    "add-product": { [try $0[0].addingProduct($0[1], $0[2], times: 0.5)] },
    "exp": one { try $0.exp() }, "expm1": one { try $0.expm1() }, "log": one { try $0.log() },
    "log1p": one { try $0.log1p() }, "log2": one { try $0.log2() },
    "log10": one { try $0.log10() }, "sqrt": one { try $0.sqrt() },
    "rsqrt": one { try $0.rsqrt() }, "square": one { try $0.square() },
    "abs": one { try $0.abs() }, "sign": one { try $0.sign() }, "sin": one { try $0.sin() },
    "cos": one { try $0.cos() }, "tan": one { try $0.tan() }, "asin": one { try $0.asin() },
    "acos": one { try $0.acos() }, "atan": one { try $0.atan() }, "sinh": one { try $0.sinh() },
    "cosh": one { try $0.cosh() }, "tanh": one { try $0.tanh() },
    "atanh": one { try $0.atanh() }, "erf": one { try $0.erf() }, "erfc": one { try $0.erfc() },
    "lgamma": one { try $0.lgamma() }, "normalCDF": one { try $0.normalCDF() },
    "floor": one { try $0.floor() }, "ceil": one { try $0.ceil() },
    "rounded": one { try $0.rounded() }, "relu": one { try $0.relu() },
    "sigmoid": one { try $0.sigmoid() }, "softplus": one { try $0.softplus() },
    "silu": one { try $0.silu() }, "gelu": one { try $0.gelu() }, "elu": one { try $0.elu() },
    "clamp": one { try $0.clamp(min: -0.5, max: 0.7) },
  ]

  static let reductions: [String: Operation] = [
    "softmax": one { try $0.softmax(along: 1) },
    "log-softmax": one { try $0.logSoftmax(along: -1) },
    "log-sum-exp": one { try $0.logSumExp(along: 0) },
    "sum": one { try $0.sum() }, "sum-along": one { try $0.sum(along: 0) },
    "mean-along": one { try $0.mean(along: 1, keeping: true) },
    "variance": one { try $0.variance(along: 1) },
    "deviation": one { try $0.standardDeviation(correction: 0) },
    "product": one { try $0.product(along: 1) },
    "max": one { try $0.max(along: 0) }, "min": one { try $0.min() },
    "argmax": one { try $0.argmax(along: 1) }, "argmin": one { try $0.argmin(along: 0) },
    "norm": one { try $0.norm(1, along: 1) }, "norm2": one { try $0.norm() },
    "cumulative-sum": one { try $0.cumulativeSum(along: 1) },
    "cumulative-product": one { try $0.cumulativeProduct(along: 0) },
    "quantile": one { try $0.quantile(0.3, along: 1) },
  ]

  static let shapes: [String: Operation] = [
    "transpose": one { try $0.transposed() }, "flip": one { try $0.flipped(1) },
    "roll": one { try $0.rolled(2, along: 1) },
    "pad": one { try $0.padded([2, 0, 0, 1], with: 7) },
    "lower": one { try $0.lowerTriangle(-1) }, "upper": one { try $0.upperTriangle(1) },
    "repeat": one { try $0.repeated(2, 3) },
    "repeat-each": one { try $0.repeatedEach(3, along: 1) },
    "concatenate": { [try .concatenated($0, along: 1)] },
    "stack": { [try .stacked($0, along: 1)] },
    "gather-rows": two { try $0[$1] },
    "gather": two { try $0.gather($1, along: 0) },
    "scatter-add": two { try Tensor.zeros(like: $1).scatterAdd($0, along: 0, from: $1) },
    "index-add": two { try Tensor.zeros(like: $1).indexAdd($0, from: $1) },
    "sort": {
      let (values, indices) = try $0[0].sorted(along: 1); return [values, indices]
    },
    "topk": {
      let (values, indices) = try $0[0].topk(2); return [values, indices]
    },
    "search": two { try $0.searchSorted($1) },
    "bincount": one { try $0.bincount(atLeast: 7) },
    "fourier": one { try $0.realFourierTransform() },
  ]

  static let linearAlgebra: [String: Operation] = [
    "matmul": two { try $0.matmul($1) }, "matmul-vector": two { try $0.matmul($1) },
    "einsum": two { try .einsum("bij,bjk->bki", $0, $1) },
    "outer": two { try $0.outer($1) }, "cholesky": one { try $0.cholesky() },
    "solve": two { try $0.solving($1) },
    "cholesky-solve": two { try $0.choleskySolving($1) },
    "triangular-solve": two { try $0.triangularSolving($1) },
    "inverse": one { try $0.inverted() },
    "slogdet": {
      let (sign, logAbs) = try $0[0].slogdet(); return [sign, logAbs]
    },
    "eigenvalues": one { try $0.eigh().values },
    "singular-values": one { try $0.svd().s },
    "least-squares": two { try $0.leastSquaresSolving($1) },
    "distances": two { try $0.distances(to: $1) },
  ]

  static let networks: [String: Operation] = [
    "conv2d": {
      [
        try $0[0].conv2d(
          $0[1], $0[2], stride: [2, 1], padding: [1, 2], dilation: [1, 2], groups: 2)
      ]
    },
    "conv1d": two { try $0.conv1d($1, stride: 2, padding: 1) },
    "conv-transposed": two {
      try $0.convTransposed2d($1, stride: [2, 2], padding: [1, 1], outputPadding: [0, 1])
    },
    "max-pool": one { try $0.maxPool2d([2, 3], stride: [2, 1]) },
    "average-pool": one { try $0.averagePool2d([2, 3], stride: [2, 1]) },
    "unfold": one { try $0.unfolded([2, 3]) },
    "batch-norm": {
      [
        try $0[0].batchNorm(
          weight: $0[1], bias: $0[2], runningMean: nil, runningVariance: nil, isTraining: true)
      ]
    },
    "layer-norm": { [try $0[0].layerNorm([4], weight: $0[1], bias: $0[2])] },
    "cross-entropy": two { try $0.crossEntropy($1) },
    "squared-error": two { try $0.meanSquaredError($1) },
    "absolute-error": two { try $0.meanAbsoluteError($1, reduction: .sum) },
    "huber": two { try $0.huber($1, delta: 0.5, reduction: .none) },
    "binary-cross-entropy": two { try $0.binaryCrossEntropyWithLogits($1) },
  ]

  static let all = [elementwise, reductions, shapes, linearAlgebra, networks]
    .reduce(into: [:]) { $0.merge($1) { first, _ in first } }

  @Test func `every case that NumPy computes is tested, and every test has its case`() throws {
    let cases = try NumPyReference.cases.get()
    #expect(Set(cases.keys) == Set(OperatorTests.all.keys))
  }

  @Test(arguments: all.keys.sorted())
  func `an operator gives what NumPy gives`(name: String) throws {
    let reference = try #require(try NumPyReference.cases.get()[name])
    let operation = try #require(OperatorTests.all[name])
    let results = try operation(reference.inputs)
    try #require(results.count == reference.results.count)
    for (result, expected) in zip(results, reference.results) {
      #expect(result.shape == expected.shape)
      // Both round each of at most some hundred float64 operations differently.
      #expect(
        try result.to(.float64)
          .isClose(to: expected.to(.float64), relative: 1e-10, absolute: 1e-11),
        "\(result) is not \(expected)")
    }
  }

  @Test func `digamma and the quantile of the normal distribution invert and recur`() throws {
    let x = try Tensor([0.3, 1, 2.5, 10])
    // ψ(x + 1) = ψ(x) + 1 / x, and ψ(1) = -γ.
    #expect(try (x + 1).digamma().isClose(to: x.digamma() + 1 / x, relative: 1e-12))
    #expect(abs(try Tensor(1.0).digamma().double() + 0.577_215_664_901_532_86) < 1e-14)
    let p = try Tensor([1e-9, 0.2, 0.5, 0.9])
    #expect(try p.normalQuantile().normalCDF().isClose(to: p, relative: 1e-8))
    #expect(try x.erf().erfinv().slicing(0..<3, along: 0).isClose(to: x[0..<3], relative: 1e-9))
    #expect(
      try Tensor([-40.0]).logNormalCDF().double() - -804.608_442_013_754_6 < 1e-6)
  }

  @Test func `decompositions rebuild their matrix`() throws {
    var random = RandomStream(seed: 3)
    let a = try random.normal([2, 5, 3], dtype: .float64)
    let (u, s, vt) = try a.svd()
    #expect(try u.matmul(s.asDiagonal()).matmul(vt).isClose(to: a, absolute: 1e-12))
    let (q, r) = try a.qr()
    #expect(try q.matmul(r).isClose(to: a, absolute: 1e-12))
    #expect(try r.isEqual(to: r.upperTriangle()))
    let symmetric = try a.transposed().matmul(a)
    let (values, vectors) = try symmetric.eigh()
    #expect(
      try vectors.matmul(values.asDiagonal()).matmul(vectors.transposed())
        .isClose(to: symmetric, absolute: 1e-12))
    #expect(try a.pseudoInverted().matmul(a).isClose(to: .eye(3, dtype: .float64), absolute: 1e-12))
    #expect(try symmetric.choleskyIfPositiveDefinite() != nil)
    #expect(try (-symmetric).choleskyIfPositiveDefinite() == nil)
    let back = try a.realFourierTransform(along: 1).inverseRealFourierTransform(count: 5, along: 1)
    #expect(try back.isClose(to: a, absolute: 1e-12))
    let columns = try a.unsqueezed(0).unfolded([2, 2], stride: [2, 1])
    #expect(
      try columns.folded([5, 3], [2, 2], stride: [2, 1])[0, .all, 0, 0]
        .isClose(to: a[.all, 0, 0]))
  }
}
