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
    func cpu() -> Double { var t = timespec(); clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); return Double(t.tv_sec) + Double(t.tv_nsec) * 1e-9 }
    for (file, wanted) in [("base_easy", [565]), ("base_hard", [5])] {
      let table = try PropertyTable(path: Mirror.file("cifar_exp/\(file).pkl"))
      let (usable, _) = try table.properties(of: network, images: images)
      for row in wanted {
        guard let (_, property) = usable.first(where: { $0.row.row == row }) else { continue }
        let problem = property.problems[0]
        let bounder = Bounder(network, box: problem.box, workers: 1)
        let oracle = BounderOracle(bounder, row: problem.clauses[0].rows[0])
        let root = bounder.root()
        let graph = BranchingGraph(network, row: oracle.row)
        let t0 = cpu()
        let state = oracle.states(of: [root])[0]
        let t1 = cpu()
        let features = SubproblemFeatures(root, state, box: oracle.box, graph: graph)
        let t2 = cpu()
        print("state", t1 - t0, "features", t2 - t1)
        for (name, net) in [("published 1", BranchingNetwork(parameters, rounds: 1)), ("published 2", BranchingNetwork(parameters)), ("own 1", BranchingNetwork(BranchingParameters(seed: 1), rounds: 1)), ("own 2", BranchingNetwork(BranchingParameters(seed: 1)))] {
          _ = net.scores(features, on: graph)
          let a = cpu()
          for _ in 0..<10 { _ = net.scores(features, on: graph) }
          let b = cpu()
          var gradient = [Float](repeating: 0, count: BranchingParameters.count)
          net.addGradient(to: &gradient, at: features, on: graph) { $0.values.map { _ in 0.01 } }
          print(name, (b - a) / 10, "gradient", cpu() - b)
        }
        let relus = root.ambiguous
        for n in [1, 4, 8] {
          let candidates = Array(relus.suffix(n))
          let c = cpu()
          for _ in 0..<5 { _ = oracle.childBounds(of: root, candidates: candidates, steps: 16) }
          let d = cpu()
          let early = (0..<n).map { relus[$0 * 50] }
          for _ in 0..<5 { _ = oracle.childBounds(of: root, candidates: early, steps: 16) }
          print("pairs", n, "late", (d - c) / 5 / Double(n), "early", (cpu() - d) / 5 / Double(n))
        }
      }
    }
  }
}
