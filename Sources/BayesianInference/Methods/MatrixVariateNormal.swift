import Foundation
import Tensors

/// Variational inference with matrix-variate normals of diagonal row and column covariances.
public struct MatrixVariateNormal: InferenceMethod {
  public static let name = "mvg"
  public static let summary =
    "Variational inference with matrix-variate Gaussians, diagonal rows and columns (Louizos and "
    + "Welling 2016)"

  private let inference: LayerwiseVariational

  public init(options: inout MethodOptions) throws {
    inference = try LayerwiseVariational(&options, steps: 5000, samples: 1, rate: 0.01)
  }

  public func fit(
    _ posterior: Posterior, _ context: FitContext
  ) async throws -> ApproximatePosterior {
    try inference.fit(Self.name, posterior, context) { inputs, outputs, _ in
      Layer(rows: inputs + 1, columns: outputs)
    }
  }

  /// MN(M, A, C): the means [rows × columns], then log A [rows] and log C [columns].
  struct Layer: LayerFamily {
    let rows: Int
    let columns: Int

    var parameterCount: Int { rows * columns + rows + columns }

    func start(_ random: inout RandomStream) -> [Double] {
      random.normals(rows * columns) + [Double](repeating: log(0.05), count: rows + columns)
    }

    private func parts(_ parameters: Tensor) throws -> (mean: Tensor, a: Tensor, c: Tensor) {
      let count = rows * columns
      return (
        try parameters[0..<count].reshaped(rows, columns),
        try parameters[count..<count + rows].exp(),
        try parameters[count + rows..<parameterCount].exp()
      )
    }

    func forward(
      _ parameters: Tensor, _ inputs: [Tensor], _ random: inout RandomStream
    ) throws -> (outputs: [Tensor], divergence: Tensor) {
      let (mean, a, c) = try parts(parameters)
      let outputs = try inputs.map { x in
        // Given a row x: mean xM, covariance (xAxᵀ) C.
        let spread = try (x.square() * a).sum(along: 1, keeping: true).sqrt()
        let noise = try random.normal([x.shape[0], columns], dtype: .float64)
        return try x.matmul(mean) + spread * c.sqrt() * noise
      }
      return (outputs, try divergence(mean, a, c))
    }

    /// ½ (tr A tr C + |M|² − rows · columns − columns log|A| − rows log|C|).
    func divergence(_ mean: Tensor, _ a: Tensor, _ c: Tensor) throws -> Tensor {
      let traces = try a.sum() * c.sum() + mean.square().sum()
      let determinants = try a.log().sum() * Double(columns) + c.log().sum() * Double(rows)
      return try (traces - determinants - Double(rows * columns)) * 0.5
    }

    func draw(_ parameters: Tensor, _ random: inout RandomStream) throws -> [Double] {
      let (mean, a, c) = try parts(parameters)
      let noise = try random.normal([rows, columns], dtype: .float64)
      return try (mean + a.sqrt().unsqueezed(1) * noise * c.sqrt()).doubles()
    }
  }
}
