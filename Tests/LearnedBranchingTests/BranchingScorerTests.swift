import Formats
import LearnedBranching
import Statistics
import Testing
import Verification

struct BranchingScorerTests {
  /// A random chain of two convolutions with strides and padding and two dense layers, and features of
  /// a subproblem of it: nodes off, on and ambiguous.
  private func problem(seed: UInt64) throws -> ([AffineLayer], SubproblemFeatures) {
    var generator = SplitMix64(seed: seed)
    func number() -> Double { Double(generator.next() >> 11) * 0x1p-52 - 1 }
    func numbers(_ count: Int) -> [Double] { (0..<count).map { _ in number() } }
    let first = try #require(
      Convolution(
        inChannels: 3, inHeight: 9, inWidth: 8, outChannels: 5, kernel: (4, 3), stride: (2, 1),
        padding: (1, 1)))
    let second = try #require(
      Convolution(
        inChannels: 5, inHeight: first.outHeight, inWidth: first.outWidth, outChannels: 6,
        kernel: (3, 3), stride: (1, 2), padding: (0, 1)))
    let layers = [
      AffineLayer(first, weights: numbers(5 * 3 * 12), biases: numbers(5)),
      AffineLayer(second, weights: numbers(6 * 5 * 9), biases: numbers(6)),
      AffineLayer(
        weights: numbers(13 * second.outputCount), biases: numbers(13), inputs: second.outputCount),
      AffineLayer(weights: numbers(13), biases: numbers(1), inputs: 13),
    ]
    func floats(_ count: Int) -> [Float] { numbers(count).map { Float($0) } }
    let features = SubproblemFeatures(
      inputLower: floats(216).map { $0 - 1 }, inputUpper: floats(216).map { $0 + 1 },
      input: floats(216),
      layers: layers.dropLast().map { layer in
        let lower = floats(layer.outputs)
        return SubproblemFeatures.Layer(
          lower: lower, upper: lower.map { $0 + 1 + Float(number()) },
          lowerDual: floats(layer.outputs).map { max($0, 0) },
          upperDual: floats(layer.outputs).map { min($0, 0) }, zhat: floats(layer.outputs),
          z: floats(layer.outputs).map { max($0, 0) })
      }, outputLower: -0.7, outputUpper: 2, output: -0.7)
    return (layers, features)
  }

  private func expectEqual(
    _ network: BranchingNetwork, _ features: SubproblemFeatures, _ chain: [AffineLayer]
  ) {
    let expected = PlainNetwork(network).scores(features, on: chain)
    let graph = BranchingGraph(chain)
    let scorer = BranchingScorer(network)
    let size = expected.reduce(0) { max($0, abs($1)) }
    func check(_ found: [Float], _ what: Comment) {
      #expect(found.count == expected.count && !found.isEmpty)
      for (value, wanted) in zip(found, expected) {
        // Float32 of sums of a few hundred products.
        #expect(abs(Double(value) - wanted) <= 1e-4 * max(1, size), what)
      }
    }
    check(scorer.scores(features, on: graph).values, "scorer")
    // A second time, with memory that the first one left.
    check(scorer.scores(features, on: graph).values, "scorer again")
    var unused = [Float](repeating: 0, count: BranchingParameters.count)
    network.addGradient(to: &unused, at: features, on: graph) { scores in
      check(scores.values, "tape")
      return scores.values
    }
  }

  @Test(arguments: [1, 2, 3], [4, 5] as [UInt64])
  func `scores are those of the network as the paper writes it`(rounds: Int, seed: UInt64) throws {
    let (chain, features) = try problem(seed: seed)
    let network = BranchingNetwork(BranchingParameters(seed: seed), rounds: rounds)
    expectEqual(network, features, chain)
    let spread = network.scores(features, on: BranchingGraph(chain)).values
    #expect((spread.max() ?? 0) - (spread.min() ?? 0) > 0.01)
  }

  @Test(arguments: [1, 2], [4, 5] as [UInt64])
  func `without the first layer the others are scored as before`(rounds: Int, seed: UInt64) throws {
    let (chain, features) = try problem(seed: seed)
    let network = BranchingNetwork(BranchingParameters(seed: seed), rounds: rounds)
    let (graph, scorer) = (BranchingGraph(chain), BranchingScorer(network))
    let all = scorer.scores(features, on: graph)
    let later = all.relus.indices.filter { all.relus[$0].layer > 0 }
    try #require(!later.isEmpty && later.count < all.relus.count)
    let found = scorer.scores(features, on: graph, firstLayer: false)
    #expect(found.relus == later.map { all.relus[$0] })
    #expect(found.values == later.map { all.values[$0] })
  }

  @Test func `the first layer is scored where no other is ambiguous`() throws {
    let (chain, given) = try problem(seed: 4)
    var features = given
    for layer in features.layers.indices.dropFirst() {
      features.layers[layer].lower = features.layers[layer].upper.map { $0 > 0.5 ? 0 : $0 - 1 }
      features.layers[layer].upper = features.layers[layer].upper.map { $0 > 0.5 ? $0 : 0 }
    }
    let network = BranchingNetwork(BranchingParameters(seed: 4))
    let (graph, scorer) = (BranchingGraph(chain), BranchingScorer(network))
    let all = scorer.scores(features, on: graph)
    let found = scorer.scores(features, on: graph, firstLayer: false)
    #expect(!found.relus.isEmpty && found.relus.allSatisfy { $0.layer == 0 })
    #expect(found.relus == all.relus && found.values == all.values)
  }

  @Test(arguments: [4, 5] as [UInt64])
  func `the output's upper bound is Wong and Kolter's`(seed: UInt64) throws {
    let chain = try problem(seed: seed).0
    let network = try ReLUNetwork(inputShape: [3, 9, 8], layers: chain)
    let box = Box(around: [Double](repeating: 0.1, count: 216), radius: 0.05)
    let bounder = Bounder(network, box: box, options: .fixed(.parallel))
    let root = bounder.root()
    try #require(!root.ambiguous.isEmpty)
    let row = OutputRow(coefficients: [1], offset: 0.5)
    let oracle = BounderOracle(bounder, row: row)
    let features = SubproblemFeatures(
      root, oracle.states(of: [root])[0], box: box, graph: BranchingGraph(network, row: row))
    let negated = OutputRow(coefficients: [-1], offset: -0.5)
    let upper = -bounder.lowerBounds(of: [root], row: negated, steps: 0)[0]
    #expect(abs(Double(features.outputUpper) - upper) <= 1e-4 * max(1, abs(upper)))
  }

  @Test(.enabled(if: Mirror.isPresent, "\(Mirror.isMissing)"))
  func `they are for the published snapshot, whose forward half is dead`() throws {
    let parameters = try BranchingParameters(snapshot: FileContent(path: Mirror.snapshot))
    let (chain, features) = try problem(seed: 6)
    expectEqual(BranchingNetwork(parameters), features, chain)
    expectEqual(BranchingNetwork(parameters, rounds: 1), features, chain)
  }
}
