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
    let curvature = GaussNewtonMatrix(posterior, mode, precision: energy.precision)
    var offsets: [[Double]]
    var logEvidence: Double?
    switch structure {
    case .full:
      let factor = try curvature.full(from: 0, method)
      offsets = (0..<draws).map { _ in factor.backward(noise.normals(count)) }
      // log p(y|z*) + log p(z*) + P/2 log 2π − ½ log|H|, where the prior's own constant cancels 2π.
      logEvidence = -value - factor.halfLogDeterminant
    case .lastLayer:
      let last = posterior.network.layers[posterior.network.layers.count - 1]
      guard last.end - last.weights <= 5000 else {
        throw InferenceError(
          .badOption,
          "\(method): the last layer has \(last.end - last.weights) parameters; 5000 or fewer are "
            + "possible")
      }
      let factor = try curvature.full(from: posterior.network.layers.count - 1, method)
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
