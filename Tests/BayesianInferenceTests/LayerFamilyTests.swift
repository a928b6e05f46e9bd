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
}
