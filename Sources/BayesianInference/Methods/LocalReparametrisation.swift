import Foundation
import Tensors

/// Mean-field variational inference that draws pre-activations instead of weights.
public struct LocalReparametrisation: InferenceMethod {
  public static let name = "bbb-local"
  public static let summary =
    "Mean-field variational inference with local reparametrisation (Kingma, Salimans and Welling 2015)"

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

  /// Independent normals: means, then log deviations, both [rows × columns].
  struct Layer: LayerFamily {
    let rows: Int
    let columns: Int

    private var count: Int { rows * columns }
    var parameterCount: Int { 2 * count }

    func start(_ random: inout RandomStream) -> [Double] {
      random.normals(count) + [Double](repeating: log(0.05), count: count)
    }

    private func parts(_ parameters: Tensor) throws -> (mean: Tensor, logDeviation: Tensor) {
      (
        try parameters[0..<count].reshaped(rows, columns),
        try parameters[count..<2 * count].reshaped(rows, columns)
      )
    }

    func forward(
      _ parameters: Tensor, _ inputs: [Tensor], _ random: inout RandomStream
    ) throws -> (outputs: [Tensor], divergence: Tensor) {
      let (mean, logDeviation) = try parts(parameters)
      let variance = try (logDeviation * 2.0).exp()
      let outputs = try inputs.map { x in
        // Given a row x: mean xM, variance x² S², independent over outputs and rows.
        let noise = try random.normal([x.shape[0], columns], dtype: .float64)
        return try x.matmul(mean) + x.square().matmul(variance).sqrt() * noise
      }
      let divergence = try ((variance + mean.square() - 1.0) * 0.5 - logDeviation).sum()
      return (outputs, divergence)
    }

    func draw(_ parameters: Tensor, _ random: inout RandomStream) throws -> [Double] {
      let (mean, logDeviation) = try parts(parameters)
      let noise = try random.normal([rows, columns], dtype: .float64)
      return try (mean + logDeviation.exp() * noise).doubles()
    }
  }
}
