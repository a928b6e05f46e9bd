import EdgeOptimization
import Foundation
import LinearAlgebra
import Tensors

/// Known devices as targets: each predicted from its reference designs by the others alone.
struct DeviceTrials: Sendable {
  /// One known device.
  struct Device: Sendable {
    /// Places in the list of known designs.
    var places: [Int]
    /// Normalised measured latencies.
    var measured: [Double]
    /// What the other devices predict, and how uncertain that is.
    var predicted: [DevicePosterior.Prediction]
  }

  let devices: [Device]
  /// The median over devices of the squared error over its predicted variance.
  let scale: Double

  /// Chooses the weights of the covariance.
  struct Search {
    private let count: Int
    private let targets: [[Double]]
    private let profiles: [DeviceProfile]
    /// Structural kernels of designs with references, of references, and of designs with themselves.
    private let cross: [[Double]]
    private let own: [[Double]]
    private let squares: [[Double]]
    /// For each device its smoothed latencies of designs and references, 0 in the references' mean.
    private let atDesigns: [[Double]]
    private let atReferences: [[Double]]

    /// - Parameters:
    ///   - designs: Features of the known designs [n, f].
    ///   - references: Features of the reference designs [r, f].
    ///   - attributions: [f, devices].
    ///   - ranges: The columns of the structural blocks.
    ///   - targets: For each device the normalised latency of each design, NaN where unknown.
    ///   - profiles: The devices'.
    /// - Throws: `TensorError` for shapes that do not fit.
    init(
      designs: Tensor, references: Tensor, attributions: Tensor, ranges: [Range<Int>],
      targets: [[Double]], profiles: [DeviceProfile]
    ) throws {
      count = try references.extent(0)
      self.targets = targets
      self.profiles = profiles
      var (cross, own, squares): ([[Double]], [[Double]], [[Double]]) = ([], [], [])
      for range in ranges {
        let (part, known) = (
          try designs.slicing(range, along: 1), try references.slicing(range, along: 1)
        )
        cross.append(try part.matmul(known.transposed()).doubles())
        own.append(try known.matmul(known.transposed()).doubles())
        squares.append(try part.square().sum(along: 1).doubles())
      }
      (self.cross, self.own, self.squares) = (cross, own, squares)
      let centre = try references.mean(along: 0, keeping: true)
      let smoothed = try (designs - centre).matmul(attributions).transposed().unstacked()
      atDesigns = try smoothed.map { try $0.doubles() }
      atReferences = try (references - centre).matmul(attributions).transposed().unstacked()
        .map { try $0.doubles() }
    }

    /// The weights with the least root mean square error, in the mean over devices, of those drawn
    /// log-uniformly: α in 0.1…10, structural blocks in 0.001…0.3, σ² in 0.003…0.3, the constant in 0.001…1.
    func best(
      draws: Int, priorCount: Double, random: RandomStream, places: [Int]
    ) -> (KernelWeights, DeviceTrials) {
      var random = random
      func draw(_ least: Double, _ most: Double) -> Double {
        Foundation.exp(log(least) + random.uniform() * (log(most) - log(least)))
      }
      var found: (error: Double, weights: KernelWeights)?
      for _ in 0..<max(draws, 1) {
        let weights = KernelWeights(
          source: draw(0.1, 10), blocks: cross.map { _ in draw(0.001, 0.3) },
          noise: draw(0.003, 0.3), constant: draw(0.001, 1))
        let error = profiles.indices.reduce(0) { $0 + trial($1, weights).error }
        if error < found?.error ?? .infinity { found = (error, weights) }
      }
      guard let weights = found?.weights else { preconditionFailure("one draw has an error") }
      let trials = profiles.indices.map { trial($0, weights) }
      let scales = trials.map(\.scale).sorted()
      let scale = scales[scales.count / 2]
      let devices = trials.map { trial in
        // As a new device's own measurements would scale it.
        let own =
          (trial.own * Double(count) + priorCount * scale) / (Double(count) + priorCount)
        return Device(
          places: trial.rows.map { places[$0] }, measured: trial.measured,
          predicted: zip(trial.means, trial.variances).map {
            DevicePosterior.Prediction(mean: $0, deviation: (own * $1).squareRoot())
          })
      }
      return (weights, DeviceTrials(devices: devices, scale: scale))
    }

    private struct Trial {
      var error: Double
      /// Squared errors over variances, of the designs and of the references left out in turn.
      var scale: Double
      var own: Double
      var rows: [Int]
      var measured: [Double]
      var means: [Double]
      var variances: [Double]
    }

    private func trial(_ device: Int, _ weights: KernelWeights) -> Trial {
      var others = profiles.indices.filter { $0 != device }
      // A device alone has nobody to stand in for it.
      if others.isEmpty { others = [device] }
      let size = others.count
      let share = weights.source / Double(size)
      func centred(_ values: [[Double]], _ index: Int) -> (mean: Double, rest: [Double]) {
        let each = others.map { values[$0][index] }
        let mean = each.reduce(0, +) / Double(size)
        return (mean, each.map { $0 - mean })
      }
      let references = (0..<count).map { centred(atReferences, $0) }
      var matrix = [Double](repeating: weights.constant, count: count * count)
      for first in 0..<count {
        for second in 0..<count {
          let place = first * count + second
          matrix[place] += share * dot(references[first].rest, references[second].rest)
          for (block, weight) in zip(own, weights.blocks) { matrix[place] += weight * block[place] }
        }
        matrix[first * (count + 1)] += weights.noise
      }
      guard let factor = CholeskyFactorization(matrix, size: count) else {
        preconditionFailure("a kernel with noise \(weights.noise) is positive definite")
      }
      let solution = factor.solve(
        zip(profiles[device].features, references).map { $0 - $1.mean })
      let inverse = DevicePosterior.inverse(matrix, size: count)
      let left = (0..<count).reduce(0) {
        $0 + solution[$1] * solution[$1] / inverse[$1 * (count + 1)]
      }
      let rows = targets[device].indices.filter { !targets[device][$0].isNaN }
      var (means, variances): ([Double], [Double]) = ([], [])
      var (error, scaled) = (0.0, 0.0)
      for row in rows {
        let design = centred(atDesigns, row)
        var values = [Double](repeating: weights.constant, count: count)
        var variance = weights.constant + share * dot(design.rest, design.rest)
        for (block, weight) in weights.blocks.enumerated() {
          variance += weight * squares[block][row]
          for index in 0..<count { values[index] += weight * cross[block][row * count + index] }
        }
        for index in 0..<count { values[index] += share * dot(design.rest, references[index].rest) }
        let mean = design.mean + dot(values, solution)
        let half = factor.forward(values)
        let total = max(variance - dot(half, half), 0) + weights.noise
        let miss = targets[device][row] - mean
        error += miss * miss
        scaled += miss * miss / total
        means.append(mean)
        variances.append(total)
      }
      let number = Double(max(rows.count, 1))
      return Trial(
        error: (error / number).squareRoot(), scale: scaled / number, own: left / Double(count),
        rows: rows, measured: rows.map { targets[device][$0] }, means: means, variances: variances)
    }
  }
}
