import LabelledImages
import StageKit
import Verification

/// All that a picture may be changed to, in the numbers that a network takes.
struct PictureBoxes {
  private let images: LabelledImages
  private let mean: [Double]
  private let deviation: [Double]
  private let radius: Double

  /// - Parameters:
  ///   - images: The pictures.
  ///   - mean: One for each channel, or one for all, of bytes / 255.
  ///   - deviation: Likewise.
  ///   - radius: In units of a byte.
  /// - Throws: `StageError` for another count.
  init(
    _ images: LabelledImages, _ mean: [Double], _ deviation: [Double], _ radius: Double
  ) throws(StageError) {
    for (name, numbers) in [("mean", mean), ("deviation", deviation)]
    where numbers.count != 1 && numbers.count != images.channels {
      throw StageError(
        code: .badParameter,
        message: "'\(name)' has \(numbers.count) numbers; expected 1, or one for each of the "
          + "\(images.channels) channels")
    }
    self.images = images
    self.mean = mean
    self.deviation = deviation
    self.radius = radius
  }

  /// A picture and the box around it, in the order of the file's input.
  func picture(_ index: Int) -> (centre: [Double], box: Box) {
    let plane = images.height * images.width
    let pixels = images.pixels[index * images.size..<(index + 1) * images.size]
    func numbers(_ change: Double) -> [Double] {
      pixels.enumerated().map { place, pixel in
        let channel = place / plane
        let byte = min(max(Double(pixel) + change, 0), 255)
        return (byte / 255 - mean[mean.count == 1 ? 0 : channel])
          / deviation[deviation.count == 1 ? 0 : channel]
      }
    }
    return (numbers(0), Box(lower: numbers(-radius), upper: numbers(radius)))
  }
}

/// What is known of one picture.
struct PictureVerdict {
  enum Kind: String, CaseIterable { case wrong, verified, attacked, undecided }

  var kind: Kind
  /// The network's class for the picture as it is.
  var answer: Int
  var branches = 0
  /// The smallest lower bound of what is open; infinite where nothing is.
  var lowerBound = Double.infinity
}

/// Decides for one network whether it stays right.
struct PictureJudge {
  private let network: ReLUNetwork
  private let verifier: Verifier
  private let rule: any BranchingRule
  private let branches: Int

  init(
    _ network: ReLUNetwork, _ parameters: VerifiedAccuracy.Parameters, _ context: StageContext
  ) throws(VerificationError) {
    var options = SearchOptions()
    options.batch = parameters.batch
    options.seed = context.seed
    options.workers = context.cpus
    options.keepsCertificate = false
    self.network = network
    verifier = try Verifier(network, options)
    rule = try BranchingRules.rule(named: parameters.branching, seed: context.seed)
    branches = parameters.branches
  }

  func verdict(
    _ picture: (centre: [Double], box: Box), label: Int
  ) throws(VerificationError) -> PictureVerdict {
    let outputs = network.evaluate(network.reordered(picture.centre))
    let answer = outputs.indices.max { outputs[$0] < outputs[$1] } ?? 0
    guard answer == label else { return PictureVerdict(kind: .wrong, answer: answer) }
    let others = outputs.indices.filter { $0 != label }
    let property = Property(problems: [
      Problem(
        box: picture.box,
        clauses: others.map {
          Clause(rows: [OutputRow(label, beats: $0, of: outputs.count)])
        })
    ])
    let limit = branches
    let outcome = try verifier.verify(
      property.reordered(for: network), rule: rule, report: { $0.branches < limit })
    let kind: PictureVerdict.Kind =
      switch outcome.verdict {
      case .unsat: .verified
      case .sat: .attacked
      case .unknown: .undecided
      }
    return PictureVerdict(
      kind: kind, answer: answer, branches: outcome.branches, lowerBound: outcome.lowerBound)
  }
}
