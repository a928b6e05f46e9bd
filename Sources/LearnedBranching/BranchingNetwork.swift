public import Verification

/// The graph network of "Neural Network Branching for Neural Network Verification" (Lu and Kumar,
/// ICLR 2020): it passes embeddings of 64 numbers along the edges of the verified network, forward
/// and backward, twice, and scores every ambiguous ReLU.
public struct BranchingNetwork: Sendable {
  public var parameters: BranchingParameters
  /// Forward and backward passes; 2 in the paper.
  public var rounds: Int

  public init(_ parameters: BranchingParameters, rounds: Int = 2) {
    precondition(rounds >= 1, "at least one round")
    self.parameters = parameters
    self.rounds = rounds
  }

  /// Scores of ambiguous ReLUs, layer by layer; the higher, the better to split.
  public struct Scores: Sendable {
    public var relus: [ReLUIndex]
    public var values: [Float]

    /// The ReLU with the highest score, the first of equals; nil where none is ambiguous.
    public var best: ReLUIndex? {
      var best: Int?
      for index in values.indices where best.map({ values[index] > values[$0] }) ?? true {
        best = index
      }
      return best.map { relus[$0] }
    }

    /// The ReLUs with the highest scores, the highest first and the first of equals first.
    public func ranking(_ count: Int) -> [ReLUIndex] {
      if count == 1 { return best.map { [$0] } ?? [] }
      let order = values.indices.sorted {
        values[$0] == values[$1] ? $0 < $1 : values[$0] > values[$1]
      }
      return order.prefix(count).map { relus[$0] }
    }
  }

  /// Scores a subproblem; a `BranchingScorer` is faster for several.
  public func scores(_ features: SubproblemFeatures, on graph: BranchingGraph) -> Scores {
    BranchingScorer(self).scores(features, on: graph)
  }

  /// Adds the gradient of a function of the scores to that of the parameters.
  ///
  /// - Parameters:
  ///   - gradient: As long as the parameters' values.
  ///   - features: The subproblem.
  ///   - graph: The graph of the network that it is part of.
  ///   - seeds: Takes the scores, gives the function's derivative by each.
  public func addGradient(
    to gradient: inout [Float], at features: SubproblemFeatures, on graph: BranchingGraph,
    seeds: (Scores) -> [Float]
  ) {
    let maps = MergedMaps(parameters)
    var merged = [Float](repeating: 0, count: MergedMaps.layout.count)
    let pass = EmbeddingPass(maps, rounds, features, graph)
    pass.tape.backward(from: pass.result, seeds: seeds(pass.scores), into: &merged)
    let own = MergedMaps.layout.gradient(merged, at: parameters.values)
    for index in own.indices { gradient[index] += own[index] }
  }
}
