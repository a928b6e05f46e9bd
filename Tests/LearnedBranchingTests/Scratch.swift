import Foundation
import Formats
import LearnedBranching
import Testing
import Verification

struct Scratch {
  @Test(.enabled(if: ProcessInfo.processInfo.environment["SCRATCH"] != nil))
  func scratch() throws {
    let network = try ReLUNetwork.read(checkpoint: Mirror.file("models/cifar_base_kw.pth"))
    let images = try CIFARImages(path: Mirror.file("cifar_exp/base_easy.pkl").replacing("oval-group/GNN_branching/a18ea1a4db0b9375ea8eb8b9f37e888d2f1d9692/cifar_exp/base_easy.pkl", with: "zhi-fangZhang/idpl_gen/0626f9d08138278bbe0b970a3055d714150ab4a0/data/cifar-10-batches-py/test_batch"))
    let parameters = try BranchingParameters(snapshot: FileContent(path: Mirror.snapshot))
    for (file, wanted) in [("base_easy", [565, 212]), ("base_med", [27]), ("base_hard", [5])] {
      let table = try PropertyTable(path: Mirror.file("cifar_exp/\(file).pkl"))
      let (usable, _) = try table.properties(of: network, images: images)
      for row in wanted {
        guard let (_, property) = usable.first(where: { $0.row.row == row }) else { continue }
        var options = SearchOptions()
        options.timeout = 60
        options.keepsCertificate = false
        options.attackStarts = 8
        let clock = ContinuousClock()
        let problem = property.problems[0]
        var bounder: Bounder!
        let rootTime = clock.measure { bounder = Bounder(network, box: problem.box, workers: 1) }
        let oracle = BounderOracle(bounder, row: problem.clauses[0].rows[0])
        let root = bounder.root()
        let graph = BranchingGraph(network, row: oracle.row)
        var state: RelaxationState!
        let stateTime = clock.measure { state = oracle.states(of: [root])[0] }
        let features = SubproblemFeatures(root, state, box: oracle.box, graph: graph)
        let net = BranchingNetwork(parameters)
        _ = net.scores(features, on: graph)
        let scoreTime = clock.measure { for _ in 0..<10 { _ = net.scores(features, on: graph) } } / 10
        let ambiguous = root.ambiguous
        let candidates = Array(ambiguous.suffix(8))
        let childTime = clock.measure { _ = oracle.childBounds(of: root, candidates: candidates, steps: 16) } / 8
        let early = Array(ambiguous.prefix(8))
        let earlyTime = clock.measure { _ = oracle.childBounds(of: root, candidates: early, steps: 16) } / 8
        print("ROW", file, row, "root", rootTime, "state", stateTime, "score", scoreTime, "pair late", childTime, "pair early", earlyTime, "ambiguous", bounder.rootBounds.map { $0.ambiguous.count })
        let verifier = try Verifier(network, options)
        for rule in [BaBSR(), GraphBranching(net, otherwise: BaBSR()), FilteredSmartBranching(), StrongBranching(steps: 8, candidates: 32)] as [any BranchingRule] {
          let outcome = try verifier.verify(property, rule: rule)
          print("  ", rule.name, outcome.verdict.word, outcome.branches, outcome.wallSeconds, outcome.cpuSeconds)
        }
      }
    }
  }
}
