import Foundation
import Statistics

/// Learns to rank ReLUs as strong branching does.
///
/// Adam on the ranking loss; the rate falls to a fifth whenever the validation loss has not improved
/// for a while; training stops when it has not improved for twice as long, and the snapshot with the
/// best validation accuracy is kept. Its state is a value: a copy resumes to the same numbers.
public struct BranchingTraining: Sendable {
  public struct Options: Hashable, Sendable {
    /// Adam's rate and weight decay.
    public var rate: Float = 1e-4
    public var decay: Float = 1e-4
    /// Records whose gradients are averaged for a step.
    public var batch = 5
    public var epochs = 200
    /// Epochs without a better validation loss after which the rate falls to a fifth; after twice as
    /// many training stops.
    public var patience = 10
    /// Processors to use.
    public var workers = 2

    public init() {}
  }

  /// How well the network ranks a set of records.
  public struct Score: Hashable, Sendable {
    /// Mean ranking loss over the records that have a pair.
    public var loss: Double
    /// The share of records whose candidate with the highest score has a quality above 0.9.
    public var accuracy: Double
    /// Mean quality of the candidate with the highest score.
    public var quality: Double
  }

  /// An example and the graph of its property.
  public struct Example: Sendable {
    public var record: BranchingRecord
    public var graph: BranchingGraph

    public init(_ record: BranchingRecord, on graph: BranchingGraph) {
      self.record = record
      self.graph = graph
    }
  }

  public let options: Options
  public internal(set) var network: BranchingNetwork
  /// The snapshot to use: that with the best validation accuracy, and of equals the lower loss.
  public internal(set) var best: BranchingNetwork
  public internal(set) var bestScore: Score?
  public internal(set) var bestEpoch = 0
  public internal(set) var epoch = 0
  public internal(set) var isFinished = false
  var adam: Adam
  var lowestLoss = Double.infinity
  var epochsSinceLowest = 0
  private let seed: UInt64

  public init(_ network: BranchingNetwork, seed: UInt64, options: Options = Options()) {
    self.network = network
    self.options = options
    self.seed = seed
    best = network
    adam = Adam(
      rate: options.rate, decay: options.decay, count: network.parameters.values.count)
  }

  /// Adam's present rate.
  public var rate: Double { Double(adam.rate) }

  /// Goes through the training records once, in an order of the epoch's own, and judges the result.
  ///
  /// - Returns: The mean training loss on the way, and the score on the validation records.
  public mutating func runEpoch(
    training: [Example], validation: [Example]
  ) -> (trainingLoss: Double, validation: Score) {
    epoch += 1
    let order = sample(
      training.count, of: Array(training.indices),
      seed: seed &+ UInt64(epoch) &* 0x9E37_79B9_7F4A_7C15)
    var (sum, count) = (0.0, 0)
    for start in stride(from: 0, to: order.count, by: options.batch) {
      let batch = order[start..<min(start + options.batch, order.count)].map { training[$0] }
      let (gradient, losses) = gradient(of: batch)
      guard !losses.isEmpty else { continue }
      sum += losses.reduce(0, +)
      count += losses.count
      adam.step(&network.parameters.values, gradient: gradient)
    }
    let score = network.score(validation, workers: options.workers)
    judge(score)
    return (count > 0 ? sum / Double(count) : 0, score)
  }

  private mutating func judge(_ score: Score) {
    if bestScore.map({ (score.accuracy, -score.loss) > ($0.accuracy, -$0.loss) }) ?? true {
      (best, bestScore, bestEpoch) = (network, score, epoch)
    }
    if score.loss < lowestLoss {
      lowestLoss = score.loss
      epochsSinceLowest = 0
    } else {
      epochsSinceLowest += 1
      if epochsSinceLowest % options.patience == 0 { adam.rate /= 5 }
    }
    isFinished = epoch >= options.epochs || epochsSinceLowest >= 2 * options.patience
  }

  /// The mean gradient over the records that have a pair, added up in their order.
  private func gradient(of batch: [Example]) -> (gradient: [Float], losses: [Double]) {
    let parts = concurrently(batch, workers: options.workers) { example in
      network.lossGradient(example)
    }.compactMap { $0 }
    var gradient = [Float](repeating: 0, count: network.parameters.values.count)
    let share = 1 / Float(max(1, parts.count))
    for part in parts { for index in gradient.indices { gradient[index] += share * part.1[index] } }
    return (gradient, parts.map(\.0))
  }
}

extension BranchingNetwork {
  /// The loss of one record and its gradient by all parameters; nil where there is nothing to rank.
  func lossGradient(_ example: BranchingTraining.Example) -> (Double, [Float])? {
    let record = example.record
    guard record.isUseful else { return nil }
    var gradient = [Float](repeating: 0, count: parameters.values.count)
    var loss: Double?
    addGradient(to: &gradient, at: record.features, on: example.graph) { scores in
      let places = Dictionary(zip(scores.relus, scores.relus.indices)) { first, _ in first }
      let own = record.candidates.map { places[$0.relu] }
      let value = RankLoss.value(
        scores: own.map { $0.map { scores.values[$0] } ?? 0 },
        classes: zip(own, record.classes).map { $0 == nil ? nil : $1 })
      var seeds = [Float](repeating: 0, count: scores.values.count)
      loss = value?.loss
      for (place, slope) in zip(own, value?.slopes ?? []) {
        if let place { seeds[place] += slope }
      }
      return seeds
    }
    return loss.map { ($0, gradient) }
  }

  /// How well the candidates of some records are ranked.
  public func score(
    _ examples: [BranchingTraining.Example], workers: Int
  ) -> BranchingTraining.Score {
    let results = concurrently(examples, workers: workers) { example -> (Double?, Double?) in
      let record = example.record
      guard record.isUseful else { return (nil, nil) }
      let scores = scores(record.features, on: example.graph)
      let places = Dictionary(zip(scores.relus, scores.values)) { first, _ in first }
      let own = record.candidates.map { places[$0.relu] ?? -.infinity }
      var top = 0
      for index in own.indices where own[index] > own[top] { top = index }
      return (RankLoss.value(scores: own, classes: record.classes)?.loss, record.qualities[top])
    }
    let losses = results.compactMap(\.0)
    let qualities = results.compactMap(\.1)
    let count = Double(max(1, qualities.count))
    return BranchingTraining.Score(
      loss: losses.reduce(0, +) / Double(max(1, losses.count)),
      accuracy: Double(qualities.count { $0 > 0.9 }) / count,
      quality: qualities.reduce(0, +) / count)
  }
}

/// Maps elements on several threads, results in their order.
func concurrently<Element: Sendable, Result: Sendable>(
  _ elements: [Element], workers: Int, _ body: @Sendable (Element) -> Result
) -> [Result] {
  guard workers > 1, elements.count > 1 else { return elements.map(body) }
  return [Result](unsafeUninitializedCapacity: elements.count) { buffer, count in
    nonisolated(unsafe) let base = buffer.baseAddress
    DispatchQueue.concurrentPerform(iterations: elements.count) { index in
      base.map { ($0 + index).initialize(to: body(elements[index])) }
    }
    count = elements.count
  }
}
