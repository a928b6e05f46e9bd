internal import Statistics

/// BaBSR as published: the ReLU with the highest score, unless it is in the first layer.
///
/// Spec of the fallbacks: where the best is in the first layer or scores at most 0.001, the last layer
/// with an intercept below -1e-4 gives its smallest, at most twice in a row; then the last layer's
/// first ambiguous ReLU. One counter a run.
public struct BaBSR: BranchingRule {
  public var name: String { "babsr" }
  private var uses = 0

  public init() {}

  public mutating func choose(
    for subproblems: [Subproblem], asking oracle: any BranchingOracle
  ) -> [ReLUIndex] {
    zip(subproblems, oracle.babsrScores(of: subproblems)).map { choose($0, $1) }
  }

  /// The decision for one subproblem with its scores.
  mutating func choose(_ subproblem: Subproblem, _ scores: BaBSRScores) -> ReLUIndex {
    if let best = scores.best, best.relu.layer > 0, best.score > 0.001 {
      return best.relu
    }
    if uses < 2 {
      for layer in scores.intercepts.indices.reversed() {
        let intercepts = scores.intercepts[layer]
        guard let neuron = intercepts.indices.min(by: { intercepts[$0] < intercepts[$1] }),
          intercepts[neuron] < -1e-4
        else { continue }
        uses = layer == 0 ? uses + 1 : 0
        return ReLUIndex(layer: layer, neuron: neuron)
      }
    }
    uses = 0
    return subproblem.lastAmbiguous
  }
}

extension BaBSRScores {
  /// The highest score, the first of equals.
  public var best: (relu: ReLUIndex, score: Double)? {
    var best: (relu: ReLUIndex, score: Double)?
    for (layer, scores) in scores.enumerated() {
      for (neuron, score) in scores.enumerated() where score > best?.score ?? 0 {
        best = (ReLUIndex(layer: layer, neuron: neuron), score)
      }
    }
    return best
  }
}

extension Subproblem {
  /// The first ambiguous ReLU of the last layer that has one.
  var lastAmbiguous: ReLUIndex {
    for layer in bounds.indices.reversed() {
      if let neuron = bounds[layer].lower.indices.first(where: { bounds[layer].isAmbiguous($0) }) {
        return ReLUIndex(layer: layer, neuron: neuron)
      }
    }
    preconditionFailure("a rule is asked about a subproblem without an ambiguous ReLU")
  }
}

/// A ReLU drawn uniformly from the ambiguous ones.
public struct RandomBranching: BranchingRule {
  public var name: String { "random" }
  private var generator: SplitMix64

  public init(seed: UInt64) { generator = SplitMix64(seed: seed) }

  public mutating func choose(
    for subproblems: [Subproblem], asking oracle: any BranchingOracle
  ) -> [ReLUIndex] {
    subproblems.map { subproblem in
      let candidates = subproblem.ambiguous
      let position = generator.next().multipliedFullWidth(by: UInt64(candidates.count)).high
      return candidates[Int(position)]
    }
  }
}

/// Filtered smart branching of De Palma and others, 2021.
///
/// In each layer the best ReLU by two scores of
/// BaBSR's, and of these the one whose weaker child gains most.
public struct FilteredSmartBranching: BranchingRule {
  public var name: String { "fsb" }
  /// Steps of ascent for the candidates' children; 0 is a plain bound.
  private let steps: Int
  /// Candidates of each layer and score.
  private let width: Int

  public init(steps: Int = 0, width: Int = 1) {
    self.steps = steps
    self.width = width
  }

  public mutating func choose(
    for subproblems: [Subproblem], asking oracle: any BranchingOracle
  ) -> [ReLUIndex] {
    zip(subproblems, oracle.babsrScores(of: subproblems)).map { subproblem, scores in
      var candidates: [ReLUIndex] = []
      for layer in subproblem.bounds.indices {
        let ambiguous = subproblem.bounds[layer].ambiguous
        for ranking in [scores.pessimistic[layer], scores.intercepts[layer].map { -$0 }] {
          for neuron in ambiguous.sorted(by: { (ranking[$0], $1) > (ranking[$1], $0) }).prefix(
            width)
          {
            let relu = ReLUIndex(layer: layer, neuron: neuron)
            if !candidates.contains(relu) { candidates.append(relu) }
          }
        }
      }
      return oracle.best(of: candidates, for: subproblem, steps: steps) { min($0.off, $0.on) }
        ?? scores.best?.relu ?? subproblem.lastAmbiguous
    }
  }
}

/// Strong branching: bounds both children of the candidates and takes the one that closes most.
public struct StrongBranching: BranchingRule {
  public var name: String { "strong" }
  private let steps: Int
  /// How many of the best by BaBSR's score are tried; nil tries all ambiguous ReLUs.
  private let candidateCount: Int?

  public init(steps: Int = 8, candidates: Int? = 64) {
    self.steps = steps
    candidateCount = candidates
  }

  public mutating func choose(
    for subproblems: [Subproblem], asking oracle: any BranchingOracle
  ) -> [ReLUIndex] {
    zip(subproblems, oracle.babsrScores(of: subproblems)).map { subproblem, scores in
      var candidates = subproblem.ambiguous
      if let candidateCount {
        candidates.sort {
          let (first, second) = (
            scores.scores[$0.layer][$0.neuron], scores.scores[$1.layer][$1.neuron]
          )
          return first == second ? $0 < $1 : first > second
        }
        candidates = Array(candidates.prefix(candidateCount))
      }
      return oracle.best(of: candidates, for: subproblem, steps: steps) {
        $0.improvement(over: subproblem.lowerBound)
      } ?? subproblem.lastAmbiguous
    }
  }
}

extension BranchingOracle {
  /// The candidate whose children score highest, the first of equals; nil without candidates.
  func best(
    of candidates: [ReLUIndex], for subproblem: Subproblem, steps: Int,
    by score: (ChildBounds) -> Double
  ) -> ReLUIndex? {
    let bounds = childBounds(of: subproblem, candidates: candidates, steps: steps)
    var best: (relu: ReLUIndex, score: Double)?
    for (relu, children) in zip(candidates, bounds) {
      let score = score(children)
      if score > best?.score ?? -.infinity { best = (relu, score) }
    }
    return best?.relu
  }
}
