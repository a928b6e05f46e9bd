import LinearAlgebra
import Statistics
import Tensors

/// What is known of one device's latencies after its reference designs, and maybe more, were measured.
struct DevicePosterior {
  /// A prediction, in normalised units.
  struct Prediction {
    var mean: Double
    /// The standard deviation of a measurement, noise included.
    var deviation: Double

    /// The probability that a measurement is above a limit.
    func probability(above limit: Double) -> Double {
      1 - NormalDistribution.probability(below: (limit - mean) / max(deviation, 1e-9))
    }
  }

  private var psi: [[Double]]
  /// Measured less prior mean.
  private var residuals: [Double]
  private let noise: Double
  private let prior: Double
  private let priorCount: Double
  private var factor: CholeskyFactorization
  private var solution: [Double]
  /// By how much the device's variances are those of the process: the mean squared left-out residual over
  /// its variance, and the known devices' own such figure as if it were some more measurements.
  private(set) var scale: Double

  /// - Parameters:
  ///   - known: The designs measured.
  ///   - values: Their normalised latencies.
  ///   - noise: The variance of a measurement.
  ///   - prior: The scale of known devices.
  ///   - priorCount: How many measurements that counts for.
  /// - Throws: `TensorError` where memory fails.
  init(
    known: LatencyPredictor.Embedding, values: [Double], noise: Double, prior: Double,
    priorCount: Double
  ) throws {
    let means = try known.mean.doubles()
    let (rows, width) = (values.count, try known.psi.extent(1))
    let flat = try known.psi.doubles()
    psi = (0..<rows).map { Array(flat[$0 * width..<($0 + 1) * width]) }
    residuals = zip(values, means).map { $0 - $1 }
    (self.noise, self.prior, self.priorCount) = (noise, prior, priorCount)
    (factor, solution, scale) = Self.solved(psi, residuals, noise, prior, priorCount)
  }

  /// Adds a measurement of a design, given by its row of an embedding.
  mutating func add(_ row: [Double], mean: Double, value: Double) {
    psi.append(row)
    residuals.append(value - mean)
    (factor, solution, scale) = Self.solved(psi, residuals, noise, prior, priorCount)
  }

  private static func solved(
    _ psi: [[Double]], _ residuals: [Double], _ noise: Double, _ prior: Double,
    _ priorCount: Double
  ) -> (CholeskyFactorization, [Double], Double) {
    let count = psi.count
    var matrix = psi.flatMap { row in psi.map { dot(row, $0) } }
    for index in 0..<count { matrix[index * (count + 1)] += noise }
    guard let factor = CholeskyFactorization(matrix, size: count) else {
      preconditionFailure("a kernel with noise \(noise) is positive definite")
    }
    let solution = factor.solve(residuals)
    var total = priorCount * prior
    for index in 0..<count {
      var unit = [Double](repeating: 0, count: count)
      unit[index] = 1
      let half = factor.forward(unit)
      total += solution[index] * solution[index] / dot(half, half)
    }
    return (factor, solution, total / (Double(count) + priorCount))
  }

  func predict(_ designs: LatencyPredictor.Embedding) throws -> [Prediction] {
    let (means, flat) = (try designs.mean.doubles(), try designs.psi.doubles())
    let width = try designs.psi.extent(1)
    return means.indices.map { row in
      predict(Array(flat[row * width..<(row + 1) * width]), mean: means[row])
    }
  }

  /// One design, by its row of an embedding and its prior mean.
  func predict(_ row: [Double], mean: Double) -> Prediction {
    let cross = psi.map { dot(row, $0) }
    let half = factor.forward(cross)
    let variance = max(dot(row, row) - dot(half, half), 0) + noise
    return Prediction(
      mean: mean + dot(cross, solution), deviation: (scale * variance).squareRoot())
  }

  /// The inverse of a small positive definite matrix, row after row.
  static func inverse(_ matrix: [Double], size: Int) -> [Double] {
    guard let factor = CholeskyFactorization(matrix, size: size) else {
      preconditionFailure("a kernel with noise is positive definite")
    }
    return (0..<size).flatMap { index in
      var unit = [Double](repeating: 0, count: size)
      unit[index] = 1
      return factor.solve(unit)
    }
  }
}
