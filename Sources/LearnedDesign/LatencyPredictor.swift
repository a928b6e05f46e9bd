public import EdgeOptimization
import LinearAlgebra
public import Tensors

/// Latency of any design on any device that has a profile: m(x) + ψ(x) · U · (φ(d) − m).
///
/// ψ are a design's features, φ the device's: the normalised log latencies of its reference designs. As in
/// Lu, Yang and Ren (arXiv 2009.00278) one predictor serves all (design, device) pairs and a new device
/// costs its reference designs only. U has a closed form here: a device's latencies are a draw from a Gaussian
/// process whose mean m is that of the known devices, and whose covariance is α times theirs plus
/// structural kernels; the reference designs condition it (Rasmussen and Williams 2006, equation 2.25).
/// So each prediction also has a variance.
public struct LatencyPredictor: Sendable {
  public struct Options: Sendable {
    /// How many weights of the kernels are tried.
    public var draws = 60
    /// How many measurements the known devices count for where a device's scale is judged.
    public var priorCount = 5.0

    public init() {}
  }

  public let space: SearchSpace
  /// The designs whose latencies make a device's profile.
  public let references: [[Int]]
  /// Known devices as targets, each predicted without itself; what risks are judged by.
  let trials: DeviceTrials
  private let features: DesignFeatures
  /// [features, devices]: what each known device attributes to a feature.
  private let attributions: Tensor
  /// [features]: the mean of the known devices.
  private let meanAttribution: Tensor
  /// [1, features]: of the reference designs, in the mean.
  private let centre: Tensor
  /// [features]: the roots of the structural kernels' weights.
  private let scales: Tensor
  private let weights: KernelWeights
  private let priorCount: Double

  /// Learns from the latencies of designs on several devices.
  ///
  /// - Parameters:
  ///   - designs: Measured on every device.
  ///   - latencies: For each device one for each design; not above 0 where it could not be measured.
  ///   - profiles: One for each device.
  ///   - references: The designs that the profiles measured, in their order.
  ///   - space: Of the designs.
  ///   - options: Of the kernels.
  ///   - random: Draws the weights that are tried.
  /// - Throws: `EdgeError` for tables that do not fit each other.
  public init(
    _ designs: [[Int]], latencies: [[Double]], profiles: [DeviceProfile], references: [[Int]],
    space: SearchSpace, options: Options = Options(), random: RandomStream
  ) throws {
    guard !profiles.isEmpty, latencies.count == profiles.count,
      latencies.allSatisfy({ $0.count == designs.count }), !designs.isEmpty,
      profiles.allSatisfy({ $0.features.count == references.count })
    else {
      throw EdgeError(
        .badTable,
        "a latency predictor needs one latency for each design and device, and profiles of the same "
          + "reference designs")
    }
    // Designs that compute nothing have latencies of their own kind, and are no answer to any budget.
    let live = designs.indices.filter { space.isConnected(designs[$0]) }
    let known = live.map { designs[$0] }
    guard known.count > 2 else {
      throw EdgeError(
        .badTable, "\(known.count) designs that compute anything; a latency predictor needs 3")
    }
    let features = DesignFeatures(space, reference: known)
    let rows = KernelFeatures(
      rowCount: known.count, width: features.width, values: try features.rows(known))
    var smoothed: [[Double]] = []
    var targets: [[Double]] = []
    var system: KernelSmoother.System?
    for (device, profile) in profiles.enumerated() {
      let values = live.map { place -> Double in
        let latency = latencies[device][place]
        return latency > 0 && latency.isFinite ? profile.normalized(latency) : .nan
      }
      let valid = values.indices.filter { !values[$0].isNaN }
      guard valid.count > 2 else {
        throw EdgeError(
          .badTable, "device \(device) has \(valid.count) valid latencies, 3 are needed")
      }
      let same = system?.rows == valid ? system : nil
      let shared = same ?? KernelSmoother.System(rows, rows: valid)
      system = shared
      smoothed.append(shared.smoother(valid.map { values[$0] }).weights)
      targets.append(values)
    }
    let count = references.count
    let reference = try Tensor(
      features.rows(references), shape: [count, features.width], dtype: .float64)
    let attributions = try Tensor(
      smoothed.flatMap { $0 }, shape: [smoothed.count, features.width], dtype: .float64
    )
    .transposed()
    let search = try DeviceTrials.Search(
      designs: Tensor(features.rows(known), shape: [known.count, features.width], dtype: .float64),
      references: reference, attributions: attributions, ranges: features.ranges,
      targets: targets, profiles: profiles)
    let (weights, trials) = search.best(
      draws: options.draws, priorCount: options.priorCount, random: random, places: live)
    self.weights = weights
    self.trials = trials
    self.space = space
    self.references = references
    self.features = features
    priorCount = options.priorCount
    centre = try reference.mean(along: 0, keeping: true)
    let mean = try attributions.mean(along: 1)
    meanAttribution = mean
    self.attributions =
      try (attributions - mean.unsqueezed(1))
      * (weights.source / Double(profiles.count)).squareRoot()
    var scales = [Double](repeating: 0, count: features.width)
    for (range, weight) in zip(features.ranges, weights.blocks) {
      for column in range { scales[column] = weight.squareRoot() }
    }
    self.scales = try Tensor(scales, dtype: .float64)
  }

  // MARK: - Embeddings

  /// Designs as the process sees them: K(x, x′) = ψ(x)·ψ(x′).
  struct Embedding {
    /// [designs, width].
    var psi: Tensor
    /// [designs]: the mean of the known devices.
    var mean: Tensor
  }

  func embedding(_ designs: [[Int]]) throws -> Embedding {
    try withoutGradients {
      let rows = try Tensor(
        features.rows(designs), shape: [designs.count, features.width], dtype: .float64)
      let centred = try rows - centre
      let constant =
        try Tensor.ones([designs.count, 1], dtype: .float64)
        * weights.constant.squareRoot()
      return Embedding(
        psi: try .concatenated([centred.matmul(attributions), rows * scales, constant], along: 1),
        mean: try centred.matmul(meanAttribution))
    }
  }

  /// All that has been measured on one device.
  func posterior(on device: DeviceProfile) throws -> DevicePosterior {
    try DevicePosterior(
      known: embedding(references), values: device.features, noise: weights.noise,
      prior: trials.scale, priorCount: priorCount)
  }

  /// Designs whose predictions for many devices are wanted.
  struct Pool {
    /// [designs, references] and [designs].
    fileprivate let map: Tensor
    fileprivate let mean: Tensor
    /// [references].
    fileprivate let centre: Tensor

    /// The devices' part, for devices φ [n, references]: [references, n].
    func devices(_ phi: Tensor) throws -> Tensor { try (phi - centre).transposed() }

    /// Normalised log latencies of some designs on devices given by their part: [range, n].
    func normalized(_ range: Range<Int>, _ devices: Tensor) throws -> Tensor {
      try map.slicing(range, along: 0).matmul(devices)
        + mean.slicing(range, along: 0).unsqueezed(1)
    }
  }

  /// Prepares designs for many devices.
  func pool(_ designs: [[Int]]) throws -> Pool {
    try withoutGradients {
      let known = try embedding(references)
      var matrix = try known.psi.matmul(known.psi.transposed()).doubles()
      for index in references.indices { matrix[index * (references.count + 1)] += weights.noise }
      let inverse = try Tensor(
        DevicePosterior.inverse(matrix, size: references.count),
        shape: [references.count, references.count], dtype: .float64)
      let right = try known.psi.transposed().matmul(inverse)
      // In parts, since the features of a whole space are large.
      let parts = try stride(from: 0, to: designs.count, by: 2048).map { start in
        let part = try embedding(Array(designs[start..<min(start + 2048, designs.count)]))
        return (try part.psi.matmul(right).to(.float32), try part.mean.to(.float32))
      }
      return Pool(
        map: try .concatenated(parts.map(\.0)), mean: try .concatenated(parts.map(\.1)),
        centre: try known.mean.to(.float32))
    }
  }

  /// The latencies of designs on a device, in the unit of its reference latencies.
  ///
  /// - Throws: `EdgeError` for a design that is not of the space.
  public func predict(_ designs: [[Int]], on device: DeviceProfile) throws -> [Double] {
    let posterior = try posterior(on: device)
    return try stride(from: 0, to: designs.count, by: 2048).flatMap { start in
      try posterior.predict(embedding(Array(designs[start..<min(start + 2048, designs.count)])))
        .map { device.latency($0.mean) }
    }
  }
}

/// Weights of a device's covariance, in squared normalised units.
struct KernelWeights: Hashable, Sendable {
  /// α, of the known devices' own covariance.
  var source: Double
  /// One for each structural block.
  var blocks: [Double]
  /// The variance of a measurement's noise.
  var noise: Double
  /// The variance of a constant.
  var constant: Double
}
