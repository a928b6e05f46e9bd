import Foundation
import Statistics

/// Learns to rank ReLUs as strong branching does.
///
/// Adam on the ranking loss, and the snapshot with the best validation accuracy is kept. As published,
/// the rate falls to a fifth whenever the validation loss has not improved for a while, and training
/// stops when it has not improved for twice as long; with a cosine schedule it falls to 0 in the given
/// epochs instead. Its state is a value: a copy resumes to the same numbers.
public struct BranchingTraining: Sendable {
  public struct Options: Hashable, Sendable {
    /// Adam's rate and weight decay.
    public var rate: Float = 1e-4
    public var decay: Float = 1e-4
    /// Records whose gradients are averaged for a step.
    public var batch = 5
    public var epochs = 200
    public var loss = RankLoss.hinge
    /// Whether the rate follows half a cosine over the epochs, from the first step to the last.
    public var followsCosine = false
    /// The share of the old value that a running average of the weights keeps a step, which is what
    /// is judged and kept; 0 takes the weights themselves.
    public var averaging: Float = 0
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
  /// The running average of the weights.
  var average: [Float]
  var adam: Adam
  var lowestLoss = Double.infinity
  var epochsSinceLowest = 0
  private let seed: UInt64

  public init(_ network: BranchingNetwork, seed: UInt64, options: Options = Options()) {
    self.network = network
    self.options = options
    self.seed = seed
    best = network
    average = network.parameters.values
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
      if options.followsCosine {
        let done = Double(epoch - 1) + Double(start) / Double(training.count)
        adam.rate = options.rate * Float(1 + cos(.pi * done / Double(options.epochs))) / 2
      }
      adam.step(&network.parameters.values, gradient: gradient)
      updateAverage()
    }
    let judged =
      options.averaging > 0
      ? BranchingNetwork(BranchingParameters(values: average), rounds: network.rounds) : network
    let score = judged.score(validation, loss: options.loss, workers: options.workers)
    judge(judged, score)
    return (count > 0 ? sum / Double(count) : 0, score)
  }

  private mutating func updateAverage() {
    // Young averages forget faster, so that they don't remember the random start.
    let keep = min(options.averaging, Float(1 + adam.steps) / Float(10 + adam.steps))
    for index in average.indices {
      average[index] = keep * average[index] + (1 - keep) * network.parameters.values[index]
    }
  }

  private mutating func judge(_ judged: BranchingNetwork, _ score: Score) {
    if bestScore.map({ (score.accuracy, -score.loss) > ($0.accuracy, -$0.loss) }) ?? true {
      (best, bestScore, bestEpoch) = (judged, score, epoch)
    }
    if score.loss < lowestLoss {
      lowestLoss = score.loss
      epochsSinceLowest = 0
    } else {
      epochsSinceLowest += 1
      if !options.followsCosine, epochsSinceLowest % options.patience == 0 { adam.rate /= 5 }
    }
    isFinished =
      epoch >= options.epochs
      || !options.followsCosine && epochsSinceLowest >= 2 * options.patience
  }

  /// The mean gradient over the records that have a pair, added up in their order.
  private func gradient(of batch: [Example]) -> (gradient: [Float], losses: [Double]) {
    let maps = MergedMaps(network.parameters)
    let (rounds, loss) = (network.rounds, options.loss)
    let parts = concurrently(batch, workers: options.workers) { example in
      lossGradient(example, loss, maps, rounds)
    }.compactMap { $0 }
    var merged = [Float](repeating: 0, count: MergedMaps.layout.count)
    let share = 1 / Float(max(1, parts.count))
    for part in parts { for index in merged.indices { merged[index] += share * part.1[index] } }
    return (
      MergedMaps.layout.gradient(merged, at: network.parameters.values), parts.map(\.0)
    )
  }
}

/// The loss of one record and its gradient by the merged maps; nil where there is nothing to rank.
private func lossGradient(
  _ example: BranchingTraining.Example, _ loss: RankLoss, _ maps: MergedMaps, _ rounds: Int
) -> (Double, [Float])? {
  let record = example.record
  guard record.isUseful else { return nil }
  let pass = EmbeddingPass(maps, rounds, record.features, example.graph)
  let scores = pass.scores
  let places = Dictionary(zip(scores.relus, scores.relus.indices)) { first, _ in first }
  let own = record.candidates.map { places[$0.relu] }
  guard let value = loss.value(own.map { $0.map { scores.values[$0] } }, record) else { return nil }
  var seeds = [Float](repeating: 0, count: scores.values.count)
  for (place, slope) in zip(own, value.slopes) {
    if let place { seeds[place] += slope }
  }
  var gradient = [Float](repeating: 0, count: MergedMaps.layout.count)
  pass.tape.backward(from: pass.result, seeds: seeds, into: &gradient)
  return (value.loss, gradient)
}

extension BranchingNetwork {
  /// How well the candidates of some records are ranked.
  public func score(
    _ examples: [BranchingTraining.Example], loss: RankLoss = .hinge, workers: Int
  ) -> BranchingTraining.Score {
    let scorer = BranchingScorer(self)
    let results = concurrently(examples, workers: workers) { example -> (Double?, Double?) in
      let record = example.record
      guard record.isUseful else { return (nil, nil) }
      let scores = scorer.scores(record.features, on: example.graph)
      let places = Dictionary(zip(scores.relus, scores.values)) { first, _ in first }
      let own = record.candidates.map { places[$0.relu] }
      var top = 0
      for index in own.indices where own[index] ?? -.infinity > own[top] ?? -.infinity {
        top = index
      }
      return (loss.value(own, record)?.loss, record.qualities[top])
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
