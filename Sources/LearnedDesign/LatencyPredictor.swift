public import EdgeOptimization
import NeuralNetworks
public import Tensors

/// Latency of any design on any device that has a profile: ψ(x) · U · h(φ(d)).
///
/// ψ are the design's features, φ the device's; h is a small network, so that a new device costs its
/// reference designs and no training (Lu, Yang and Ren, arXiv 2009.00278).
public struct LatencyPredictor: Sendable {
  public struct Options: Sendable {
    public var rank = 16
    public var width = 32
    public var steps = 2500
    public var batch = 256
    public var rate = 5e-3
    public var weightDecay = 1e-4
    /// Noise on the devices' features, so that close ones are treated alike.
    public var noise = 0.02

    public init() {}
  }

  public let encoding: RelaxedEncoding
  /// The designs whose latencies make a device's profile.
  public let references: [[Int]]
  private let model: Bilinear
  /// The root mean square of what the predictor leaves unexplained on a device that it learnt from, the
  /// median of them; in the mean a few devices that measure badly would stand for all.
  private let usualDeviation: Double

  /// The two sides of the product.
  fileprivate struct Bilinear: Module {
    /// [rank, features]: U.
    var design: Linear
    /// φ to [rank].
    var device: Sequential

    mutating func forward(_ input: Tensor, _ pass: inout Pass) throws -> Tensor {
      try design.forward(input, &pass)
    }

    mutating func visit(_ visitor: inout Visitor) throws {
      try visitor.child("design", &design)
      try visitor.child("device", &device)
    }
  }

  /// Learns from the latencies of designs on several devices.
  ///
  /// - Parameters:
  ///   - designs: Measured on every device.
  ///   - latencies: For each device one for each design; not above 0 where it could not be measured.
  ///   - profiles: One for each device.
  ///   - references: The designs that the profiles measured, in their order.
  ///   - space: Of the designs.
  ///   - options: Of the network and its training.
  ///   - random: Draws weights, batches and noise.
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
    let encoding = RelaxedEncoding(space)
    let features = try withoutGradients { try encoding.features(encoding.corners(designs)) }
    // [designs, devices], with a weight of 0 where nothing was measured.
    var targets: [Double] = []
    var weights: [Double] = []
    for design in designs.indices {
      for (device, profile) in profiles.enumerated() {
        let latency = latencies[device][design]
        let isMeasured = latency > 0 && latency.isFinite
        targets.append(isMeasured ? profile.normalized(latency) : 0)
        weights.append(isMeasured ? 1 : 0)
      }
    }
    let shape = [designs.count, profiles.count]
    let target = try Tensor(targets, shape: shape, dtype: .float32)
    let weight = try Tensor(weights, shape: shape, dtype: .float32)
    let phi = try Tensor(
      profiles.flatMap(\.features), shape: [profiles.count, profiles[0].features.count],
      dtype: .float32)
    var model = Bilinear(
      design: try Linear(
        features.extent(1), options.rank, hasBias: false, random: random.child("design")),
      device: try Sequential(
        Linear(phi.extent(1), options.width, random: random.child("hidden")), Activation.silu,
        Linear(options.width, options.rank, random: random.child("device"))))
    var optimizer = Adam.decoupled(rate: options.rate, weightDecay: options.weightDecay)
    let schedule = Schedule.cosine(steps: options.steps)
    var draws = random.child("batches")
    var noise = random.child("noise")
    for step in 0..<options.steps {
      let chosen = try draws.integers(below: designs.count, [options.batch])
      let input = try features.gathering(chosen)
      let (wanted, counts) = (try target.gathering(chosen), try weight.gathering(chosen))
      let noisy = try phi + options.noise * noise.normal(phi.shape)
      optimizer.rate = options.rate * schedule.factor(at: step)
      try model.train(&optimizer) { model in
        var pass = Pass.inference
        let product = try model.design.forward(input, &pass)
          .matmul(model.device.forward(noisy, &pass).transposed())
        return try ((product - wanted).abs() * counts).sum() / counts.sum()
      }
    }
    self.model = model
    self.encoding = encoding
    self.references = references
    usualDeviation = try withoutGradients {
      let left = try (model.design(features).matmul(model.device(phi).transposed()) - target)
      let squares = try (left.square() * weight).sum(along: 0) / weight.sum(along: 0).clamp(min: 1)
      let deviations = try squares.sqrt().doubles().sorted()
      return deviations[deviations.count / 2]
    }
  }

  /// How far predictions are off on a device, judged by its reference designs.
  func correction(on device: DeviceProfile) throws -> LatencyCorrection {
    let predicted = try normalized(references, on: device)
    return LatencyCorrection(
      residuals: zip(device.features, predicted).map { $0 - $1 }, usualDeviation: usualDeviation)
  }

  /// Normalised log latencies of designs [n, positions, operations] on devices φ [n, references], one
  /// device a design: [n].
  ///
  /// - Throws: `TensorError` for other shapes.
  func normalized(_ probabilities: Tensor, _ phi: Tensor) throws -> Tensor {
    var model = model
    var pass = Pass.inference
    let design = try model.design.forward(encoding.features(probabilities), &pass)
    return try (design * model.device.forward(phi, &pass)).sum(along: 1)
  }

  /// Designs whose half of the product is known already.
  struct Pool {
    /// [designs, rank].
    fileprivate let half: Tensor
    fileprivate let device: Sequential

    /// The devices' half of the product, for devices φ [n, references]: [rank, n].
    func devices(_ phi: Tensor) throws -> Tensor { try device(phi).transposed() }

    /// Normalised log latencies of some designs on devices given by their half: [range, n].
    func normalized(_ range: Range<Int>, _ devices: Tensor) throws -> Tensor {
      try half.slicing(range, along: 0).matmul(devices)
    }
  }

  /// Prepares designs [n, positions, operations] for many devices.
  func pool(_ corners: Tensor) throws -> Pool {
    let halves = try corners.split(every: 2048).map { try model.design(encoding.features($0)) }
    return Pool(half: try .concatenated(halves), device: model.device)
  }

  /// The latencies of designs on a device, in the unit of its reference latencies.
  ///
  /// - Throws: `EdgeError` for a design that is not of the space.
  public func predict(_ designs: [[Int]], on device: DeviceProfile) throws -> [Double] {
    try normalized(designs, on: device).map { device.latency($0) }
  }

  /// Normalised log latencies of designs on one device.
  func normalized(_ designs: [[Int]], on device: DeviceProfile) throws -> [Double] {
    try withoutGradients {
      let phi = try Tensor(device.features, dtype: .float32).unsqueezed(0)
        .expanded([designs.count, -1])
      return try normalized(encoding.corners(designs), phi).doubles()
    }
  }
}
