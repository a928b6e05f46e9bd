@testable import BayesianInference
import Foundation
import Tensors
import Testing

struct LayerFamilyTests {
  @Test func `a matrix-variate normal's divergence is that of its independent entries`() throws {
    let layer = MatrixVariateNormal.Layer(rows: 3, columns: 2)
    let mean = [0.3, -1, 2, 0.5, 0, -0.7]
    let (a, c) = ([0.5, 1, 2], [0.3, 1.4])
    var expected = 0.0
    for i in 0..<3 {
      for j in 0..<2 {
        expected += GaussianDistance.divergence(mean[2 * i + j], (a[i] * c[j]).squareRoot(), 0, 1)
      }
    }
    let divergence = try layer.divergence(
      Tensor(mean, shape: [3, 2]), Tensor(a), Tensor(c)
    ).double()
    #expect(abs(divergence - expected) < 1e-12)
  }

  @Test func `pre-activations have the moments of drawn weights`() throws {
    let layer = MatrixVariateNormal.Layer(rows: 3, columns: 2)
    var random = RandomStream(seed: 3)
    let parameters = try Tensor([0.3, -1, 2, 0.5, 0, -0.7, -1, 0.2, 0.4, -0.5, 0.3])
    let x = try Tensor([0.5, -1, 1], shape: [1, 3])
    let count = 20_000
    let wide = try x.expanded([count, 3])
    let local = try layer.forward(parameters, [wide], &random).outputs[0].doubles()
    let drawn = try (0..<count).flatMap { _ -> [Double] in
      let w = try layer.draw(parameters, &random)
      return [0.5 * w[0] - w[2] + w[4], 0.5 * w[1] - w[3] + w[5]]
    }
    for column in 0..<2 {
      let first = Moments((0..<count).map { local[2 * $0 + column] })
      let second = Moments((0..<count).map { drawn[2 * $0 + column] })
      // Four standard errors of a difference of means, and of deviations.
      let error = first.deviation * (2 / Double(count)).squareRoot()
      #expect(abs(first.mean - second.mean) < 4 * error)
      #expect(abs(first.deviation / second.deviation - 1) < 4 / Double(count).squareRoot())
    }
  }

  @Test func `a masked flow's determinant is that of its Jacobian`() throws {
    let flow = MaskedFlow(size: 4, width: 5)
    var random = RandomStream(seed: 4)
    let parameters = try Tensor(random.normals(flow.parameterCount))
    let mask = try Tensor([1.0, 0, 0, 1])
    let z = random.normals(4)
    let (_, logDeterminant) = try flow.forward(Tensor(z), parameters, mask)
    // Masked entries stay, and each free one depends on itself and on masked ones: a triangle.
    var product = 1.0
    for i in 0..<4 {
      var (up, down) = (z, z)
      up[i] += 1e-6
      down[i] -= 1e-6
      let above = try flow.forward(Tensor(up), parameters, mask).z.doubles()[i]
      let below = try flow.forward(Tensor(down), parameters, mask).z.doubles()[i]
      product *= (above - below) / 2e-6
    }
    #expect(abs(try logDeterminant.double() - log(product)) < 1e-7)
  }

  @Test func `the neighbours' divergence finds that of two normals`() throws {
    var random = RandomStream(seed: 5)
    let count = 2000
    let draws = random.normals(count).map { 1 + 0.5 * $0 }
    let divergence = try NeighbourDivergence.estimate(
      Tensor(draws, shape: [count, 1]), Tensor(random.normals(count), shape: [count, 1])
    ).double()
    // The estimate's own deviation is about 1.5 / √count.
    #expect(abs(divergence - GaussianDistance.divergence(1, 0.5, 0, 1)) < 0.15)
  }

  @Test func `neighbours of single weights add up what each column's say`() throws {
    var random = RandomStream(seed: 6)
    let (draws, prior) = (random.normals(24), random.normals(24))
    let all = try NeighbourDivergence.estimate(
      Tensor(draws, shape: [8, 3]), Tensor(prior, shape: [8, 3]), eachColumn: true
    ).double()
    let columns = try (0..<3).map { column in
      let pick = { (values: [Double]) in
        try Tensor((0..<8).map { values[3 * $0 + column] }, shape: [8, 1])
      }
      return try NeighbourDivergence.estimate(pick(draws), pick(prior)).double()
    }
    #expect(abs(all - columns.reduce(0, +)) < 1e-9)
  }

  /// Why a layer's weights aren't taken as one vector by default: distances between whole layers see the
  /// mean spread only.
  @Test
  func
    `one weight that the data don't need hides from a layer's neighbours that all others collapse`()
    throws
  {
    var random = RandomStream(seed: 7)
    let size = 100
    let deviations = [100] + [Double](repeating: 0.05, count: size - 1)
    let exact = deviations.reduce(0) { $0 + GaussianDistance.divergence(0, $1, 0, 1) }
    var found = 0.0
    for _ in 0..<50 {
      let draws = (0..<5).flatMap { _ in zip(random.normals(size), deviations).map(*) }
      found +=
        try NeighbourDivergence.estimate(
          Tensor(draws, shape: [5, size]), Tensor(random.normals(5 * size), shape: [5, size])
        ).double() / 50
    }
    #expect(exact > 5000 && found < 100, "\(exact), \(found)")
  }

  @Test func `a generator that makes the same of any noise leaves independent normals`() throws {
    let (mean, logs) = ([0.3, -1, 2], [-1.0, 0.2, -0.5])
    var expected = 0.0
    for i in 0..<3 { expected += GaussianDistance.divergence(mean[i], exp(logs[i]), 0, 1) }
    var random = RandomStream(seed: 8)
    let bound = try SemiImplicitLayer.bound(
      Tensor((0..<4).flatMap { _ in mean }, shape: [4, 3]), Tensor(logs),
      random.normal([4, 3], dtype: .float64)
    ).double()
    #expect(abs(bound - expected) < 1e-12)
  }

  @Test
  func `the semi-implicit bound is above a mixture's divergence, and near it with many draws`()
    throws
  {
    // Half of the draws around −2 and half around 2, with a deviation of ½.
    let deviation = 0.5
    let density = { (x: Double, mean: Double, deviation: Double) in
      exp(-0.5 * (x - mean) * (x - mean) / deviation / deviation) / deviation
        / (2 * Double.pi).squareRoot()
    }
    let step = 0.001
    let exact = stride(from: -6.0, to: 6, by: step).reduce(0) { sum, x in
      let q = (density(x, -2, deviation) + density(x, 2, deviation)) / 2
      return q > 0 ? sum + step * q * log(q / density(x, 0, 1)) : sum
    }
    var random = RandomStream(seed: 9)
    let bounds = try [2, 200].map { count in
      try Moments(
        (0..<400).map { _ in
          // A fresh sign a draw, as of a generator's noise.
          let means = (0..<count).map { _ in random.uniform() < 0.5 ? -2.0 : 2 }
          return try SemiImplicitLayer.bound(
            Tensor(means, shape: [count, 1]), Tensor([log(deviation)]),
            random.normal([count, 1], dtype: .float64)
          ).double()
        })
    }
    let errors = bounds.map { 4 * $0.deviation / 20 }
    // Two draws are on the same side half of the time.
    #expect(abs(bounds[0].mean - exact - 0.5 * log(2)) < errors[0])
    #expect(bounds[1].mean > exact - errors[1] && bounds[1].mean < exact + 0.01 + errors[1])
  }
}
