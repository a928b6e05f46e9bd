@testable import BayesianInference
import Formats
import Foundation
import Statistics
import Tensors
import Testing

struct ClassMixtureTests {
  /// Three draws of a network that tells three classes of pictures of 2 × 3 apart.
  private static func posterior(_ rule: ApproximatePosterior.Rule = .draws) throws
    -> ApproximatePosterior
  {
    let network = try Network(inputs: 6, hidden: [9], outputs: 3, activation: .relu)
    var random = RandomStream(seed: 4)
    let count = rule == .draws ? 3 : 1
    var posterior = ApproximatePosterior(
      method: "made", network: network, likelihood: .categorical(classes: 3),
      scaling: Standardisation(
        inputMeans: [Double](repeating: 30, count: 6),
        inputScales: [Double](repeating: 80, count: 6), targetMean: 0, targetScale: 1),
      rule: rule, draws: random.normals(count * network.parameterCount).map { Float($0) },
      chains: 1, noise: [])
    posterior.dropoutRate = rule == .dropout ? 0.3 : 0
    return posterior
  }

  private static func pictures(_ count: Int = 300) -> Pictures {
    var random = RandomStream(seed: 5)
    return Pictures(
      count: count, height: 2, width: 3,
      pixels: (0..<count * 6).map { _ in UInt8(random.uniform() * 256) },
      labels: (0..<count).map { $0 % 3 })
  }

  @Test func `summing draws one by one gives what all of them give at once`() throws {
    let (posterior, pictures) = (try Self.posterior(), Self.pictures())
    let streamed = try posterior.classMixture(
      pictures.rows(posterior.scaling), smoothing: 1e-4, random: RandomStream(seed: 1))
    let rows = try pictures.labelledRows(.identity(width: 6)).inputs
    let probabilities = try ClassProbabilities(
      posterior.predict(rows, random: RandomStream(seed: 1)))
    let whole = try ClassMixture(probabilities, smoothing: 1e-4)
    #expect(streamed.members == 3 && whole.members == 3)
    let (first, second) = (ClassUncertainty(streamed), ClassUncertainty(whole))
    // Float32 passes against float64 ones.
    #expect(agree(first.entropy, second.entropy, 1e-5))
    #expect(agree(first.mutualInformation, second.mutualInformation, 1e-5))
    #expect(first.predictions == second.predictions)
    #expect(first.variationRatio == second.variationRatio)
    let metrics = try [streamed, whole].map { try ClassificationMetrics($0, pictures.labels) }
    #expect(
      abs(metrics[0].negativeLogLikelihood - metrics[1].negativeLogLikelihood) < 1e-6)
    #expect(
      abs(metrics[0].gibbsNegativeLogLikelihood - metrics[1].gibbsNegativeLogLikelihood) < 1e-5)
    #expect(metrics[0].gibbsNegativeLogLikelihood > metrics[0].negativeLogLikelihood)
  }

  @Test func `dropout draws afresh, the same for the same seed`() throws {
    let (posterior, pictures) = (try Self.posterior(.dropout), Self.pictures(20))
    let draw = { (seed: UInt64) in
      try posterior.classMixture(
        pictures.rows(posterior.scaling), count: 7, random: RandomStream(seed: seed))
    }
    let mixture = try draw(1)
    #expect(mixture.members == 7)
    #expect(try mixture == draw(1) && mixture != draw(2))
    #expect(ClassUncertainty(mixture).mutualInformation.contains { $0 > 0.01 })
  }

  @Test func `a file's draws are read as far as they predict`() throws {
    let network = try Network(inputs: 2, hidden: [], outputs: 1, activation: .relu)
    for (rule, chains) in [(ApproximatePosterior.Rule.draws, 4), (.linearised, 1)] {
      let count = rule == .draws ? 40 : 41
      var random = RandomStream(seed: 4)
      let posterior = ApproximatePosterior(
        method: "made", network: network, likelihood: .gaussian(.known(deviation: 1)),
        scaling: .identity(width: 2), rule: rule,
        draws: random.normals(3 * count).map { Float($0) }, chains: chains,
        noise: (1...count).map { Double($0) })
      let path = NSTemporaryDirectory() + "posterior-\(UUID().uuidString).safetensors"
      defer { try? FileManager.default.removeItem(atPath: path) }
      try posterior.file().write(to: path)
      let thinned = try ApproximatePosterior(path: path, atMost: 12)
      #expect(thinned.count == (rule == .draws ? 12 : 13))
      let rows = Rows([[1, 2], [-1, 0.5]])
      let predicted = try thinned.predict(rows, count: 12, random: RandomStream(seed: 1))
      let expected = try posterior.predict(rows, count: 12, random: RandomStream(seed: 1))
      #expect(predicted.values == expected.values && predicted.noise == expected.noise)
      #expect(predicted.chains == expected.chains)
    }
  }

  @Test func `posteriors that can't classify are refused`() throws {
    let posterior = try Self.posterior()
    #expect(throws: InferenceError.self) {
      try posterior.classMixture(
        SingleRows(Rows([[1, 2]])), random: RandomStream(seed: 1))
    }
    #expect(throws: InferenceError.self) { try ClassMixture(rows: 1, classes: 2, smoothing: 1) }
    let file = Safetensors([
      NamedTensor(
        name: "images", data: TensorData(type: .uint8, shape: [1, 3, 1, 1], bytes: [1, 2, 3])),
      NamedTensor(name: "labels", data: TensorData([0], shape: [1])),
    ])
    let error = #expect(throws: InferenceError.self) { try Pictures(file) }
    #expect(error?.message.contains("[1, 3, 1, 1]") == true)
    let empty = #expect(throws: InferenceError.self) { try Pictures(Safetensors([])) }
    #expect(empty?.message.contains("labelled-pictures") == true)
  }
}

struct PictureShiftTests {
  private let pictures = Pictures(
    count: 2, height: 3, width: 3, pixels: (1...18).map { UInt8($0) }, labels: [0, 1])

  @Test func `a half turn turns the rows of pixels around, a quarter turn their axes`() {
    let random = RandomStream(seed: 1)
    let half = PictureShift.rotation.applied(to: pictures, amount: 180, random: random)
    #expect(Array(half.pixels[..<9]) == [9, 8, 7, 6, 5, 4, 3, 2, 1])
    #expect(half.labels == [0, 1])
    let quarter = PictureShift.rotation.applied(to: pictures, amount: 90, random: random)
    #expect(
      Array(quarter.pixels[..<9]) == [3, 6, 9, 2, 5, 8, 1, 4, 7]
        || Array(quarter.pixels[..<9]) == [7, 4, 1, 8, 5, 2, 9, 6, 3])
    #expect(PictureShift.rotation.applied(to: pictures, amount: 0, random: random) == pictures)
  }

  @Test func `what is rolled out comes back on the other side`() {
    let rolled = PictureShift.roll.applied(
      to: pictures, amount: 1, random: RandomStream(seed: 1))
    #expect(Array(rolled.pixels[..<6]) == [3, 1, 2, 6, 4, 5])
  }

  @Test func `noise has its deviation where nothing is cut`() {
    let grey = Pictures(
      count: 1, height: 100, width: 100, pixels: [UInt8](repeating: 128, count: 10_000),
      labels: [0])
    let noisy = PictureShift.noise.applied(
      to: grey, amount: 0.1, random: RandomStream(seed: 1))
    let moments = Moments(noisy.pixels.map { Double($0) })
    // 25.5 ± 0.18 of 10,000 numbers, and the rounding's 1/12.
    #expect(abs(moments.mean - 128) < 1 && abs(moments.deviation - 25.5) < 0.8)
  }
}

struct ErrorTests {
  @Test func `an area's error is that of areas of other samples`() throws {
    var random = RandomStream(seed: 2)
    let sample = { (random: inout RandomStream) in
      (random.normals(60).map { $0 + 1 }, random.normals(90))
    }
    var (areas, errors): ([Double], [Double]) = ([], [])
    for _ in 0..<400 {
      let (positives, negatives) = sample(&random)
      areas.append(
        try #require(Detection(positives: positives, negatives: negatives).auroc.value))
      errors.append(
        try #require(DetectionError.auroc(positives: positives, negatives: negatives)))
    }
    // The deviation of 400 areas is known to 3.5 %.
    #expect(abs(Moments(errors).mean / Moments(areas).deviation - 1) < 0.12)
    #expect(DetectionError.auroc(positives: [1], negatives: [1, 2]) == nil)
  }

  @Test func `the bootstrap gives the error of a mean`() throws {
    var random = RandomStream(seed: 2)
    let values = random.normals(400)
    let error = try #require(
      RowBootstrap.standardError(rows: 400, repetitions: 400, random: random) { rows in
        rows.reduce(0) { $0 + values[$1] } / 400
      })
    #expect(abs(error / (Moments(values).deviation / 20) - 1) < 0.15)
    #expect(RowBootstrap.standardError(rows: 4, random: random) { _ in nil } == nil)
  }
}
