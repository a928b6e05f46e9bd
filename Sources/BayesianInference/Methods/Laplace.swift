import Foundation
import LinearAlgebra
import Tensors

/// A normal distribution around a mode, with the generalised Gauss–Newton matrix as its precision;
/// it predicts with the linearised network.
///
/// MacKay (Neural Computation 1992); Ritter, Botev and Barber (ICLR 2018) for the Kronecker factors;
/// Immer, Korzepa and Bauer (AISTATS 2021) for the linearised predictive.
struct LaplaceApproximation {
  enum Structure: String, CaseIterable {
    case full, diagonal, kronecker
    case lastLayer = "last-layer"
  }

  let structure: Structure
  let iterations: Int
  let draws: Int

  init(_ options: inout MethodOptions, _ structure: Structure) throws {
    self.structure = structure
    iterations = try options.integer("iterations", 5000, in: 1...10_000_000)
    draws = try options.integer("draws", 1000, in: 1...1_000_000)
  }

  func fit(
    _ method: String, _ posterior: Posterior, _ context: FitContext
  ) throws -> ApproximatePosterior {
    guard posterior.likelihood != .heteroscedastic else {
      throw InferenceError(.badOption, "\(method) has no form for a learned variance of each row")
    }
    let count = posterior.parameterCount
    guard structure != .full || count <= 5000 else {
      throw InferenceError(
        .badOption, "\(method): \(count) parameters; a full matrix is for 5000 or fewer")
    }
    let energy = Energy(posterior)
    var (start, noise) = (context.random.child("start"), context.random.child("noise"))
    let mode = try ModeSearch.mode(from: start.normals(count), energy, iterations: iterations)
    var gradient = mode
    let value = energy.evaluate(mode, gradient: &gradient)
    let curvature = Curvature(posterior, mode, precision: energy.precision)
    var offsets: [[Double]]
    var logEvidence: Double?
    switch structure {
    case .full:
      let factor = try curvature.full(0..<count, method)
      offsets = (0..<draws).map { _ in factor.backward(noise.normals(count)) }
      // log p(y|z*) + log p(z*) + P/2 log 2π − ½ log|H|, where the prior's own constant cancels 2π.
      logEvidence = -value - factor.halfLogDeterminant
    case .lastLayer:
      let last = posterior.network.layers[posterior.network.layers.count - 1]
      let factor = try curvature.full(last.weights..<last.end, method)
      offsets = (0..<draws).map { _ in
        [Double](repeating: 0, count: last.weights)
          + factor.backward(noise.normals(last.end - last.weights))
      }
    case .diagonal:
      let deviations = curvature.diagonal().map { 1 / $0.squareRoot() }
      offsets = (0..<draws).map { _ in zip(noise.normals(count), deviations).map { $0 * $1 } }
    case .kronecker:
      let factors = curvature.kronecker()
      offsets = (0..<draws).map { _ in factors.flatMap { $0.draw(&noise) } }
    }
    let z = [mode] + offsets.map { offset in zip(mode, offset).map { $0 + $1 } }
    var result = ApproximatePosterior(
      method: method, of: posterior, rule: .linearised, chains: [z],
      precisions: [[Double](repeating: energy.precision, count: z.count)])
    result.passes = energy.passes
    result.report = ["mode_energy": value]
    result.report["log_evidence"] = logEvidence
    return result
  }
}

/// The generalised Gauss–Newton matrix Σ JᵀΛJ + I of whitened parameters, in several structures.
private struct Curvature {
  let posterior: Posterior
  /// rows × outputs × parameters, by whitened parameters.
  let derivatives: [Double]
  /// rows × outputs × outputs: −∂² log p(y | f) / ∂f².
  let weights: [[Double]]

  init(_ posterior: Posterior, _ mode: [Double], precision: Double) {
    let outputs = posterior.network.outputs
    self.posterior = posterior
    let jacobian = Jacobian(
      posterior.network, posterior.rows.inputs, posterior.parameters(mode))
    var derivatives = jacobian.derivatives
    let count = posterior.parameterCount
    for i in derivatives.indices { derivatives[i] *= posterior.priorDeviations[i % count] }
    self.derivatives = derivatives
    weights = (0..<posterior.rows.count).map { row in
      switch posterior.likelihood {
      case .gaussian, .heteroscedastic: return [precision]
      case .bernoulli:
        let p = logistic(jacobian.values[row])
        return [p * (1 - p)]
      case .categorical(let classes):
        let logits = Array(jacobian.values[row * outputs..<(row + 1) * outputs])
        let total = logSumExp(logits)
        let p = logits.map { exp($0 - total) }
        return (0..<classes * classes).map { index in
          let (a, b) = (index / classes, index % classes)
          return (a == b ? p[a] : 0) - p[a] * p[b]
        }
      }
    }
  }

  /// Vectors v whose outer products sum up to a row's JᵀΛJ: columns of Λ's root times J.
  private func roots(_ row: Int) -> [[Double]] {
    let outputs = posterior.network.outputs
    let count = posterior.parameterCount
    let start = row * outputs * count
    guard outputs > 1 else {
      let root = weights[row][0].squareRoot()
      return [derivatives[start..<start + count].map { root * $0 }]
    }
    let (values, vectors) = SymmetricMatrix(size: outputs, values: weights[row]).eigen()
    return zip(values, vectors).map { value, vector in
      let root = max(value, 0).squareRoot()
      var sum = [Double](repeating: 0, count: count)
      for output in 0..<outputs {
        let factor = root * vector[output]
        for i in 0..<count { sum[i] += factor * derivatives[start + output * count + i] }
      }
      return sum
    }
  }

  /// The Cholesky factor of a block of the matrix.
  ///
  /// - Throws: ``InferenceError`` with the least eigenvalue where it isn't positive definite.
  func full(_ range: Range<Int>, _ method: String) throws -> CholeskyFactorization {
    var matrix = SymmetricMatrix(identity: range.count)
    for row in 0..<posterior.rows.count {
      for vector in roots(row) {
        vector.withUnsafeBufferPointer { vector in
          if let vector = vector.baseAddress {
            matrix.add(1, outer: vector + range.lowerBound)
          }
        }
      }
    }
    matrix.mirror()
    guard let factor = matrix.cholesky() else {
      let least = matrix.eigen().values.min() ?? .nan
      throw InferenceError(
        .failed,
        "\(method): the curvature's least eigenvalue is \(least), which isn't positive; a narrower "
          + "prior damps it")
    }
    return factor
  }

  func diagonal() -> [Double] {
    var sums = [Double](repeating: 1, count: posterior.parameterCount)
    for row in 0..<posterior.rows.count {
      for vector in roots(row) {
        for i in sums.indices { sums[i] += vector[i] * vector[i] }
      }
    }
    return sums
  }

  /// A layer's matrix as (Σ a aᵀ) ⊗ (mean of g gᵀ) + I, in the eigenvectors of both.
  struct KroneckerFactor {
    let inputs: (values: [Double], vectors: [[Double]])
    let outputs: (values: [Double], vectors: [[Double]])

    /// Normal offsets of the layer's weights and biases.
    func draw(_ random: inout RandomStream) -> [Double] {
      let (n, m) = (inputs.values.count, outputs.values.count)
      var result = [Double](repeating: 0, count: n * m)
      var scaled = random.normals(n * m)
      for i in 0..<n {
        for j in 0..<m {
          scaled[i * m + j] /= (inputs.values[i] * outputs.values[j] + 1).squareRoot()
        }
      }
      var half = [Double](repeating: 0, count: n * m)
      for i in 0..<n {
        for a in 0..<n {
          let v = inputs.vectors[i][a]
          for j in 0..<m { half[a * m + j] += v * scaled[i * m + j] }
        }
      }
      for a in 0..<n {
        for j in 0..<m {
          for b in 0..<m { result[a * m + b] += half[a * m + j] * outputs.vectors[j][b] }
        }
      }
      return result
    }
  }

  func kronecker() -> [KroneckerFactor] {
    posterior.network.layers.map { layer in
      // A layer's derivative by its parameters is the outer product of its inputs, with a 1 for the
      // biases, and the derivative by its outputs: both can be read off the biases' derivatives.
      let (n, m) = (layer.inputs + 1, layer.outputs)
      var a = SymmetricMatrix(size: n, values: [Double](repeating: 0, count: n * n))
      var g = SymmetricMatrix(size: m, values: [Double](repeating: 0, count: m * m))
      let rows = Double(posterior.rows.count)
      for row in 0..<posterior.rows.count {
        var input: [Double]?
        for vector in roots(row) {
          let outer = (0..<m).map {
            vector[layer.biases + $0] / posterior.priorDeviations[layer.biases + $0]
          }
          outer.withUnsafeBufferPointer { outer in
            if let outer = outer.baseAddress { g.add(1 / rows, outer: outer) }
          }
          let largest = outer.indices.max { abs(outer[$0]) < abs(outer[$1]) } ?? 0
          if input == nil, outer[largest] != 0 {
            input =
              (0..<layer.inputs).map { vector[layer.weights + $0 * m + largest] / outer[largest] }
              + [posterior.priorDeviations[layer.biases]]
          }
        }
        input?.withUnsafeBufferPointer { input in
          if let input = input.baseAddress { a.add(1, outer: input) }
        }
      }
      a.mirror()
      g.mirror()
      let positive = { (pair: (values: [Double], vectors: [[Double]])) in
        (pair.values.map { max($0, 0) }, pair.vectors)
      }
      return KroneckerFactor(inputs: positive(a.eigen()), outputs: positive(g.eigen()))
    }
  }
}

/// Laplace's approximation with the full matrix.
public struct FullLaplace: InferenceMethod {
  public static let name = "laplace"
  public static let summary = "Linearised Laplace approximation, full matrix (MacKay 1992)"

  private let laplace: LaplaceApproximation

  public init(options: inout MethodOptions) throws {
    laplace = try LaplaceApproximation(&options, .full)
  }

  public func fit(
    _ posterior: Posterior, _ context: FitContext
  ) async throws -> ApproximatePosterior {
    try laplace.fit(Self.name, posterior, context)
  }
}

/// Laplace's approximation with independent parameters.
public struct DiagonalLaplace: InferenceMethod {
  public static let name = "laplace-diagonal"
  public static let summary = "Linearised Laplace approximation, diagonal matrix"

  private let laplace: LaplaceApproximation

  public init(options: inout MethodOptions) throws {
    laplace = try LaplaceApproximation(&options, .diagonal)
  }

  public func fit(
    _ posterior: Posterior, _ context: FitContext
  ) async throws -> ApproximatePosterior {
    try laplace.fit(Self.name, posterior, context)
  }
}

/// Laplace's approximation with a Kronecker product a layer.
public struct KroneckerLaplace: InferenceMethod {
  public static let name = "laplace-kronecker"
  public static let summary =
    "Linearised Laplace approximation, a Kronecker product a layer (Ritter et al. 2018)"

  private let laplace: LaplaceApproximation

  public init(options: inout MethodOptions) throws {
    laplace = try LaplaceApproximation(&options, .kronecker)
  }

  public func fit(
    _ posterior: Posterior, _ context: FitContext
  ) async throws -> ApproximatePosterior {
    try laplace.fit(Self.name, posterior, context)
  }
}

/// Laplace's approximation of the last layer only.
public struct LastLayerLaplace: InferenceMethod {
  public static let name = "laplace-last-layer"
  public static let summary = "Laplace approximation of the last layer, the others at the mode"

  private let laplace: LaplaceApproximation

  public init(options: inout MethodOptions) throws {
    laplace = try LaplaceApproximation(&options, .lastLayer)
  }

  public func fit(
    _ posterior: Posterior, _ context: FitContext
  ) async throws -> ApproximatePosterior {
    try laplace.fit(Self.name, posterior, context)
  }
}
