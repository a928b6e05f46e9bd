@testable import BayesianInference
import Foundation
import LinearAlgebra
import Statistics
import StructuredValue
import Tensors
import Testing

struct CurvatureTests {
  private static let cases: [(Likelihood, Network.Activation, [Int])] = [
    (.gaussian(.known(deviation: 0.3)), .tanh, [7]), (.bernoulli, .relu, [5, 4]),
    (.categorical(classes: 3), .tanh, [4, 3]),
  ]

  /// Outputs at whitened coordinates, rows × outputs.
  private static func outputs(_ posterior: Posterior, _ z: [Double]) -> [Double] {
    let pass = NetworkPass(posterior.network)
    let width = posterior.network.outputs
    var values = [Double](repeating: 0, count: posterior.rows.count * width)
    pass.forEachBlock(of: posterior.blocks, posterior.parameters(z)) { block, outputs in
      for row in 0..<block.count {
        for output in 0..<width {
          values[(block.first + row) * width + output] = outputs[output * block.stride + row]
        }
      }
    }
    return values
  }

  /// Derivatives of the outputs by each coordinate, by central differences.
  private static func jacobian(_ posterior: Posterior, _ z: [Double]) -> [[Double]] {
    z.indices.map { i in
      var (up, down) = (z, z)
      up[i] += 1e-5
      down[i] -= 1e-5
      return zip(outputs(posterior, up), outputs(posterior, down)).map { ($0 - $1) / 2e-5 }
    }
  }

  @Test(arguments: cases.indices)
  func `the Gauss-Newton matrix is that of the Jacobian, and its diagonal`(number: Int) throws {
    let (likelihood, activation, hidden) = Self.cases[number]
    let posterior = try EnergyTests.posterior(likelihood, activation, hidden)
    var random = RandomStream(seed: 5)
    let z = random.normals(posterior.parameterCount).map { 0.7 * $0 }
    let jacobian = Self.jacobian(posterior, z)
    let values = Self.outputs(posterior, z)
    let width = posterior.network.outputs
    let precision = 1 / 0.09
    /// Λ of a row.
    let weight = { (row: Int, a: Int, b: Int) -> Double in
      switch likelihood {
      case .bernoulli:
        let p = logistic(values[row])
        return p * (1 - p)
      case .categorical:
        let logits = Array(values[row * width..<(row + 1) * width])
        let p = logits.map { exp($0 - logSumExp(logits)) }
        return (a == b ? p[a] : 0) - p[a] * p[b]
      default: return precision
      }
    }
    let product = { (i: Int, j: Int) -> Double in
      var sum = i == j ? 1.0 : 0
      for row in 0..<posterior.rows.count {
        for a in 0..<width {
          for b in 0..<width {
            sum += jacobian[i][row * width + a] * weight(row, a, b) * jacobian[j][row * width + b]
          }
        }
      }
      return sum
    }
    let matrix = GaussNewtonMatrix(posterior, z, precision: precision)
    let diagonal = matrix.diagonal()
    let factor = try matrix.full(from: 0, "test")
    let scale = diagonal.max() ?? 1
    for i in z.indices { #expect(abs(diagonal[i] - product(i, i)) < 1e-7 * scale, "\(i)") }
    // H⁻¹ of a column of H is a unit vector.
    for i in [0, z.count / 2, z.count - 1] {
      let unit = factor.solve(z.indices.map { product($0, i) })
      for j in z.indices { #expect(abs(unit[j] - (j == i ? 1 : 0)) < 1e-6, "\(i), \(j)") }
    }
  }

  @Test(arguments: cases.indices)
  func `outputs change along a direction as differences do`(number: Int) throws {
    let (likelihood, activation, hidden) = Self.cases[number]
    let posterior = try EnergyTests.posterior(likelihood, activation, hidden)
    var random = RandomStream(seed: 6)
    let (centre, change) = (
      random.normals(posterior.parameterCount), random.normals(posterior.parameterCount)
    )
    let fitted = ApproximatePosterior(
      method: "made", network: posterior.network, likelihood: .categorical(classes: 2),
      scaling: .identity(width: 3), rule: .linearised,
      draws: centre.map { Float($0) } + zip(centre, change).map { Float($0 + $1) }, chains: 1,
      noise: [])
    let predicted = try fitted.predict(posterior.rows.inputs, random: random)
    let at = { (step: Double) in
      Self.outputs(
        posterior,
        zip(zip(centre, change), posterior.priorDeviations).map {
          ($0.0 + step * $0.1) / $1
        })
    }
    let (middle, up, down) = (at(0), at(1e-5), at(-1e-5))
    for i in middle.indices {
      let expected = middle[i] + (up[i] - down[i]) / 2e-5
      // Draws are stored in float32.
      #expect(abs(Double(predicted.values[i]) - expected) < 2e-5 * max(1, abs(expected)), "\(i)")
    }
  }

  @Test func `the parameters that data determine are those of the matrix's eigenvalues`() throws {
    let posterior = try EnergyTests.posterior(.gaussian(.learned(shape: 1, rate: 0.1)), .tanh, [6])
    var random = RandomStream(seed: 9)
    let z = random.normals(posterior.parameterCount)
    let jacobian = Self.jacobian(posterior, z)
    let precision = 7.0
    let matrix = SymmetricMatrix(
      size: z.count,
      values: (0..<z.count * z.count).map {
        precision * BayesianInference.dot(jacobian[$0 / z.count], jacobian[$0 % z.count])
      })
    let exact = matrix.eigen().values.reduce(0) { $0 + max($1, 0) / (max($1, 0) + 1) }
    let found = EffectiveParameters(posterior).count(at: z, precision: precision)
    // Two random directions: the variance is at most twice the trace of the squares, over two.
    #expect(abs(found - exact) < 3 * exact.squareRoot(), "\(found) of \(exact)")
  }

  @Test(arguments: ["map", "laplace", "swa", "sgd"])
  func `with more parameters than rows the noise is still found`(name: String) async throws {
    var random = RandomStream(seed: 10).child("rows")
    let (rows, width, noise) = (120, 20, 0.8)
    let inputs = Rows(random.normals(rows * width), count: rows, width: width)
    let targets = (0..<rows).map {
      0.6 * inputs[$0][inputs[$0].startIndex] + noise * random.normal()
    }
    let posterior = try Posterior(
      network: try Network(inputs: width, hidden: [30], outputs: 1, activation: .relu),
      prior: .scaledByWidth(weights: [1, 1], biases: [1, 1]),
      likelihood: .gaussian(.learned(shape: 1, rate: 0.01)),
      rows: try LabelledRows(inputs, targets))
    let fitted = try await InferenceMethods.method(name).fit(
      posterior, FitContext(random: RandomStream(seed: 2)))
    // A fit that goes through all rows finds a deviation of a hundredth.
    #expect(fitted.noise[0] > 0.35 && fitted.noise[0] < 1.6, "\(fitted.noise[0])")
  }

  @Test(arguments: [1, 2, 3, 30])
  func `eigenvectors are orthogonal and reproduce the matrix`(size: Int) {
    var random = RandomStream(seed: 8)
    var values = [Double](repeating: 0, count: size * size)
    // Of low rank, so that eigenvalues repeat.
    for _ in 0..<max(size / 2, 1) {
      let v = random.normals(size)
      for i in 0..<size { for j in 0..<size { values[i * size + j] += v[i] * v[j] } }
    }
    let matrix = SymmetricMatrix(size: size, values: values)
    let (eigenvalues, vectors) = matrix.eigen()
    #expect(eigenvalues == eigenvalues.sorted())
    #expect(abs(matrix.leastEigenvalue() - eigenvalues[0]) < 1e-10)
    for i in 0..<size {
      for j in 0..<size {
        #expect(abs(BayesianInference.dot(vectors[i], vectors[j]) - (i == j ? 1 : 0)) < 1e-12)
        let sum = (0..<size).reduce(0) {
          $0 + eigenvalues[$1] * vectors[$1][i] * vectors[$1][j]
        }
        #expect(abs(sum - values[i * size + j]) < 1e-10)
      }
    }
  }

  @Test func `Laplace's covariance is a linear model's posterior's`() throws {
    let model = try LinearModel()
    let factor = try GaussNewtonMatrix(
      model.posterior, [0, 0, 0], precision: 1 / (LinearModel.noise * LinearModel.noise)
    ).full(from: 0, "test")
    for i in 0..<3 {
      let column = factor.solve((0..<3).map { $0 == i ? 1 : 0 })
      for j in 0..<3 {
        let covariance = LinearModel.prior * LinearModel.prior * column[j]
        #expect(abs(covariance - model.covariance[i][j]) < 1e-9)
      }
    }
  }

  @Test func `HMC's means and covariances are a linear model's within four Monte Carlo errors`()
    async throws
  {
    let model = try LinearModel()
    let fitted = try await InferenceMethods.method(
      "hmc", options: ["warmup": 300, "draws": 1000, "steps": 10]
    ).fit(model.posterior, FitContext(random: RandomStream(seed: 15), workers: 2))
    let length = fitted.count / 4
    let chains = { (value: ([Double]) -> Double) in
      (0..<4).map { chain in
        (0..<length).map { value(fitted.parameters(chain * length + $0)) }
      }
    }
    for i in 0..<3 {
      let values = chains { $0[i] }
      let error = try #require(try ChainDiagnostics(values).meanError.value)
      #expect(abs(Moments(values.flatMap { $0 }).mean - model.mean[i]) < 4 * error, "\(i)")
      for j in 0...i {
        let products = chains { ($0[i] - model.mean[i]) * ($0[j] - model.mean[j]) }
        let error = try #require(try ChainDiagnostics(products).meanError.value)
        let covariance = Moments(products.flatMap { $0 }).mean
        #expect(abs(covariance - model.covariance[i][j]) < 4 * error, "\(i), \(j)")
      }
    }
  }
}
