import SmartDeal

/// A weight tensor as blocks of coefficients times bases, W = (round(C) ∘ mask) · B, that is trained
/// through C and B.
///
/// Rounding takes the nearest power of two, ties to the larger, and magnitudes below the cut to zero; its
/// derivative counts as the identity. The mask is set once, by the coefficients that are not zero after the
/// first rounding: a decomposition also gives powers of two that lie below θ, rounded from just above it,
/// and these are gone for good (Chen et al., "SmartDeal", 2021, arXiv 2101.01163, and its public code).
struct StructuredTensor: Sendable {
  let layout: BlockLayout
  let rounding: PowerRounding
  /// C: blocks × m × n, row-major.
  ///
  /// Powers of two for all treatments but `straightThrough`.
  private(set) var coefficients: [Float]
  /// B: blocks × n × n, row-major.
  private(set) var bases: [Float]
  /// 1 where a coefficient may be other than zero, else 0.
  let mask: [Float]
  private var coefficientVelocity: [Float]
  private var basisVelocity: [Float]
  /// Steps of the same sign since the last move or the start of the epoch, for `bucketSwitch`.
  private var counters: [Int32]

  /// Starts from a decomposition.
  ///
  /// - Parameters:
  ///   - decomposition: Its coefficients give the mask.
  ///   - rounding: What counts as zero, and the largest magnitude.
  init(_ decomposition: Decomposition, rounding: PowerRounding) {
    layout = decomposition.layout
    self.rounding = rounding
    let numbers = decomposition.coefficients.map {
      rounding.rounded(Float(CoefficientCode.value($0)))
    }
    coefficients = numbers
    mask = numbers.map { $0 == 0 ? 0 : 1 }
    bases = decomposition.bases.map { Float($0) }
    coefficientVelocity = [Float](repeating: 0, count: numbers.count)
    basisVelocity = [Float](repeating: 0, count: bases.count)
    counters = []
  }

  /// The coefficients that count: rounded, and zero outside of the mask.
  func rounded() -> [Float] {
    var result = coefficients
    rounding.round(&result, mask: mask)
    return result
  }

  /// The coefficients that count, as codes of a file.
  func codes() -> [Int8] { rounded().map { CoefficientCode.encode(Double($0)) } }

  /// The tensor, row-major.
  func weights() -> [Float] {
    let blocks = BlockProduct.forward(rounded(), bases, layout)
    return BlockProduct.tensor(blocks, layout)
  }

  // MARK: Training

  /// One step of gradient descent with momentum.
  ///
  /// - Parameters:
  ///   - gradient: Of the loss with respect to the weights, row-major.
  ///   - step: Rate, momentum and weight decay.
  ///   - treatment: What becomes of the coefficients.
  /// - Returns: How many coefficients moved to another bucket; counted for `bucketSwitch` only.
  mutating func descend(
    _ gradient: [Float], _ step: DescentStep, _ treatment: CoefficientTreatment
  ) -> Int {
    let blocks = BlockProduct.blocks(gradient, layout)
    let current = rounded()
    let basisGradient = BlockProduct.basisGradient(current, blocks, layout)
    var moved = 0
    if treatment != .frozen {
      var coefficientGradient = BlockProduct.coefficientGradient(blocks, bases, layout)
      for index in mask.indices { coefficientGradient[index] *= mask[index] }
      switch treatment {
      case .frozen: break
      case .straightThrough:
        step.move(&coefficients, &coefficientVelocity, coefficientGradient)
      case .roundEachStep:
        step.move(&coefficients, &coefficientVelocity, coefficientGradient)
        rounding.round(&coefficients, mask: mask)
      case .bucketSwitch(let bar, let minimumChange):
        step.accelerate(coefficients, &coefficientVelocity, coefficientGradient)
        moved = switchBuckets(rate: step.rate, bar: bar, minimumChange: minimumChange)
      }
    }
    step.move(&bases, &basisVelocity, basisGradient)
    return moved
  }

  /// Starts an epoch: counters are set to zero.
  mutating func startEpoch() { counters = [] }

  private mutating func switchBuckets(rate: Float, bar: Int, minimumChange: Float) -> Int {
    if counters.isEmpty { counters = [Int32](repeating: 0, count: coefficients.count) }
    let smallest = rounding.smallestKept
    var moved = 0
    for index in coefficients.indices where mask[index] != 0 {
      let change = -rate * coefficientVelocity[index]
      guard change.magnitude > minimumChange else { continue }
      let sign: Float = change < 0 ? -1 : 1
      counters[index] += change < 0 ? -1 : 1
      guard Int(counters[index].magnitude) == bar else { continue }
      counters[index] = 0
      let old = coefficients[index]
      var new: Float
      if old == 0 {
        new = sign * smallest
      } else if (old < 0) == (change < 0) {
        new = old.magnitude < rounding.largest ? 2 * old : old
      } else {
        new = old / 2
        if new.magnitude < smallest { new = 0 }
      }
      if new != old { moved += 1 }
      coefficients[index] = new
    }
    return moved
  }

  /// Takes a step towards another state of the same tensor: what moves, C and B, becomes
  /// (1 − share) · this + share · other.
  mutating func approach(_ other: StructuredTensor, share: Float) {
    coefficients.approach(other.coefficients, share: share)
    bases.approach(other.bases, share: share)
  }

  // MARK: In checkpoints

  /// All that changes in training, by name.
  var state: [(name: String, numbers: [Float])] {
    [
      ("coefficients", coefficients), ("bases", bases),
      ("coefficient-velocity", coefficientVelocity), ("basis-velocity", basisVelocity),
    ]
  }

  /// Takes what ``state`` gave at the end of an epoch.
  ///
  /// - Returns: False where the counts differ.
  mutating func restore(_ state: [[Float]]) -> Bool {
    guard state.map(\.count) == self.state.map(\.numbers.count) else { return false }
    (coefficients, bases, coefficientVelocity, basisVelocity) = (
      state[0], state[1], state[2], state[3]
    )
    return true
  }
}

/// What training does with coefficients.
public enum CoefficientTreatment: Hashable, Sendable {
  /// Gradient descent on real-valued coefficients behind the rounding.
  case straightThrough
  /// They stay; bases and all else move.
  case frozen
  /// They are replaced by their rounded values after each step.
  case roundEachStep
  /// They double, halve or stay: a counter adds the sign of each step that would be longer than
  /// `minimumChange`, starts anew each epoch, and moves a coefficient by one power of two when it
  /// reaches ± `bar`.
  case bucketSwitch(bar: Int, minimumChange: Float)
}

extension [Float] {
  /// Takes a step towards other numbers, (1 − share) · these + share · those.
  mutating func approach(_ other: [Float], share: Float) {
    precondition(count == other.count, "\(other.count) numbers for \(count)")
    for index in indices { self[index] += share * (other[index] - self[index]) }
  }
}
