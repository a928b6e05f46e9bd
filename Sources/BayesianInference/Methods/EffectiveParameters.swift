import Foundation
import Tensors

/// How many parameters the data determine, of a network with Gaussian noise.
///
/// γ = Σ λ/(λ + 1) over the eigenvalues λ of τ JᵀJ in whitened coordinates (MacKay, Neural Computation 1992,
/// equation 4.8), by stochastic Lanczos quadrature (Ubaru, Chen and Saad, SIAM J. Matrix Anal. 2017): some
/// random directions, some products of the matrix with each, no matrix in memory.
struct EffectiveParameters {
  private let posterior: Posterior
  private let blocks: RowBlocks
  private let pass: NetworkPass
  private let probes: [[Double]]
  /// Products with each probe: Lanczos finds the large eigenvalues first, and f is 1 there.
  private static let steps = 20

  /// - `posterior`: Of one output with Gaussian noise.
  init(_ posterior: Posterior) {
    self.posterior = posterior
    blocks = posterior.blocks
    pass = NetworkPass(posterior.network)
    // The same ones each time, so that counts at different places differ for no other reason.
    var random = RandomStream(seed: 0).child("probes")
    probes = (0..<2).map { _ in
      (0..<posterior.parameterCount).map { _ in random.uniform() < 0.5 ? -1 : 1 }
    }
  }

  /// γ at a point, at most the number of rows.
  func count(at z: [Double], precision: Double) -> Double {
    let parameters = posterior.parameters(z)
    let sum = probes.reduce(0) { $0 + quadrature($1, parameters, precision) }
    return min(max(sum / Double(probes.count), 0), Double(min(z.count, posterior.rows.count)))
  }

  /// vᵀ f(H) v with H = τ JᵀJ + I and f(x) = 1 − 1/x.
  private func quadrature(
    _ probe: [Double], _ parameters: [Double], _ precision: Double
  ) -> Double {
    let length = dot(probe, probe)
    var basis = [probe.map { $0 / length.squareRoot() }]
    var (diagonal, beside): ([Double], [Double]) = ([], [])
    for step in 0..<min(Self.steps, probe.count) {
      var next = product(basis[step], parameters, precision)
      diagonal.append(dot(next, basis[step]))
      // Against all earlier directions, since rounding lets them come back.
      for vector in basis {
        let share = dot(next, vector)
        for i in next.indices { next[i] -= share * vector[i] }
      }
      let rest = dot(next, next).squareRoot()
      guard rest > 1e-10 * abs(diagonal[0]), rest.isFinite else { break }
      beside.append(rest)
      basis.append(next.map { $0 / rest })
    }
    let size = diagonal.count
    var matrix = [Double](repeating: 0, count: size * size)
    for i in 0..<size {
      matrix[i * size + i] = diagonal[i]
      if i + 1 < size {
        matrix[i * size + i + 1] = beside[i]
        matrix[(i + 1) * size + i] = beside[i]
      }
    }
    let (values, vectors) = SymmetricMatrix(size: size, values: matrix).eigen()
    return length
      * zip(values, vectors).reduce(0) { $0 + $1.1[0] * $1.1[0] * (1 - 1 / max($1.0, 1)) }
  }

  /// (τ JᵀJ + I) v of whitened coordinates.
  private func product(
    _ v: [Double], _ parameters: [Double], _ precision: Double
  ) -> [Double] {
    let change = zip(v, posterior.priorDeviations).map { $0 * $1 }
    var sums = [Double](repeating: 0, count: v.count)
    parameters.withUnsafeBufferPointer { parameters in
      change.withUnsafeBufferPointer { change in
        blocks.values.withUnsafeBufferPointer { values in
          sums.withUnsafeMutableBufferPointer { sums in
            guard let parameters = parameters.baseAddress, let change = change.baseAddress,
              let values = values.baseAddress, let sums = sums.baseAddress
            else { return }
            for block in blocks.blocks {
              let inputs = values + block.start
              _ = pass.forward(parameters, inputs, rows: block.stride)
              _ = pass.tangent(parameters, change, inputs, rows: block.stride)
              // The change of the outputs stands where their derivatives go.
              let slopes = pass.outputDerivatives
              for row in 0..<block.stride {
                slopes[row] = row < block.count ? precision * slopes[row] : 0
              }
              pass.backward(parameters, inputs, rows: block.stride, gradient: sums)
            }
          }
        }
      }
    }
    return zip(zip(sums, posterior.priorDeviations), v).map { $0.0 * $0.1 + $1 }
  }
}
