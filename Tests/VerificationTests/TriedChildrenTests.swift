import Testing
import Verification

/// BaBSR's choices, whose children it bounds first with some steps of ascent.
private struct TryingRule: BranchingRule {
  var name: String { "trying" }
  let steps: Int
  private var babsr = BaBSR()

  init(steps: Int) { self.steps = steps }

  mutating func choose(
    for subproblems: [Subproblem], asking oracle: any BranchingOracle
  ) -> [ReLUIndex] {
    // The search solves parts without an ambiguous ReLU itself.
    #expect(subproblems.allSatisfy { !$0.ambiguous.isEmpty })
    let choices = babsr.choose(for: subproblems, asking: oracle)
    let bounds = oracle.childBounds(of: Array(zip(subproblems, choices)), steps: steps)
    precondition(bounds.count == choices.count)
    return choices
  }
}

struct TriedChildrenTests {
  @Test(arguments: [16, 3])
  func `a search with children that its rule has tried is the search without`(steps: Int) throws {
    var branched = 0
    for tiny in try TinyNetwork.all().prefix(20) {
      var options = SearchOptions()
      options.splitting = .relus
      options.attackStarts = 0
      options.bounds.intermediateSteps = 1
      options.bounds.rootSteps = 0
      let verifier = try Verifier(tiny.network, options)
      for distance in [-0.01, 0.01] {
        let property = tiny.property(shift: distance - tiny.exactMinimum)
        let plain = try verifier.verify(property)
        let trying = try verifier.verify(property, rule: TryingRule(steps: steps))
        #expect(trying.verdict.word == plain.verdict.word)
        #expect(trying.branches == plain.branches && trying.rounds == plain.rounds)
        branched += plain.branches
      }
    }
    #expect(branched > 20)
  }

  @Test func `a limit of branches ends a search at the same place each time`() throws {
    var ended = 0
    for tiny in try TinyNetwork.all().prefix(16) {
      var options = SearchOptions()
      options.splitting = .relus
      options.attackStarts = 0
      options.bounds.intermediateSteps = 0
      options.bounds.rootSteps = 0
      options.bounds.childSteps = 1
      options.batch = 1
      options.branchLimit = 4
      let property = tiny.property(shift: 0.02 - tiny.exactMinimum)
      let outcomes = try [1, 2].map { workers in
        options.workers = workers
        return try Verifier(tiny.network, options).verify(property)
      }
      #expect(outcomes[0].branches == outcomes[1].branches)
      #expect(outcomes[0].lowerBound == outcomes[1].lowerBound)
      guard case .unknown(let reason) = outcomes[0].verdict else { continue }
      ended += 1
      #expect(reason == .branches && outcomes[0].branches == 4)
    }
    #expect(ended > 3)
  }
}
