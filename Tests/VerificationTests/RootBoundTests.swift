import StructuredValue
import Testing
import Verification

/// Root bounds of published properties against an independent program.
struct RootBoundTests {
  /// A table's row with its network.
  struct Case {
    var reference: Value
    var network: ReLUNetwork
    var problem: Problem

    var row: OutputRow { problem.clauses[0].rows[0] }

    static func all() throws -> [Case] {
      let images = try CIFARImages(path: Mirror.cifarBatch)
      return try (Reference.vectors()["roots"]?.list ?? []).map { reference in
        let network = try ReLUNetwork.read(
          onnx: "\(Mirror.competition)/oval21/nets/cifar_\(reference["net"]?.string ?? "")_kw.onnx")
        let property = Property(
          centre: images.normalised(reference["Idx"]?.int ?? 0),
          radius: reference["Eps"]?.number ?? 0, label: reference["label"]?.int ?? 0,
          other: reference["prop"]?.int ?? 0, outputs: 10)
        return Case(reference: reference, network: network, problem: property.problems[0])
      }
    }
  }

  @Test(.enabled(if: Mirror.isPresent, "\(Mirror.isAbsent)"))
  func `interval, KW and CROWN bounds are those of the reference`() throws {
    let cases = try Case.all()
    #expect(cases.count == 6)
    for entry in cases {
      let interval = IntervalBounds.all(entry.network, entry.problem.box)
      let last = entry.network.layers[entry.network.layers.count - 1]
      let merged = last.merged(entry.row)
      let under = interval[interval.count - 2]
      let bound = IntervalBounds.propagate(
        merged, lower: under.lower.map { max($0, 0) }, upper: under.upper.map { max($0, 0) })
      #expect(abs(bound.lower[0] - (entry.reference["interval_lb"]?.number ?? .nan)) < 1e-5)
      for (rule, key) in [(LowerSlope.parallel, "kw"), (.adaptive, "crown")] {
        let bounder = Bounder(
          entry.network, box: entry.problem.box, options: .fixed(rule), workers: 2)
        let expected = entry.reference[key]
        #expect(
          bounder.rootBounds.map(\.ambiguous.count)
            == expected?["ambiguous"]?.list?.compactMap(\.int))
        let lower = bounder.lowerBound(of: bounder.root(), row: entry.row)
        #expect(abs(lower - (expected?["lb"]?.number ?? .nan)) < 1e-5)
        #expect(bound.lower[0] <= lower)
        if rule == .parallel, let optimum = entry.reference["lp_lb"]?.number {
          // The planet relaxation over KW's bounds of layers, by another solver.
          let ascended = bounder.lowerBound(of: bounder.root(), row: entry.row, steps: 200)
          #expect(ascended <= optimum + 1e-5)
          #expect(optimum - ascended < 1e-3 * abs(optimum))
        }
        if let sums = expected?["sum_pre_lb"]?.numbers {
          for (layer, sum) in zip(bounder.rootBounds, sums) {
            // Each bound to the reference's tolerance of 1e-5.
            #expect(abs(layer.lower.reduce(0, +) - sum) < 1e-5 * Double(layer.lower.count))
          }
        }
        if let sums = expected?["sum_pre_ub"]?.numbers {
          for (layer, sum) in zip(bounder.rootBounds, sums) {
            #expect(abs(layer.upper.reduce(0, +) - sum) < 1e-5 * Double(layer.upper.count))
          }
        }
      }
    }
  }

  @Test(.enabled(if: Mirror.isPresent, "\(Mirror.isAbsent)"))
  func `BaBSR's scores, its decision and both children are those of the reference`() throws {
    // Optima of the children's planet relaxations by the reference program, `zhat <= 0` first.
    let children = [565: [-0.4830, -1.0324], 212: [0.7479, -1.8245]]
    for entry in try Case.all() {
      let bounder = Bounder(
        entry.network, box: entry.problem.box, options: .fixed(.parallel), workers: 2)
      let oracle = BounderOracle(bounder, row: entry.row)
      var rule = BaBSR()
      let relu = rule.choose(for: [bounder.root()], asking: oracle)[0]
      let decision = entry.reference["babsr"]?["decision"]?.list?.compactMap(\.int) ?? []
      #expect([relu.layer, relu.neuron] == decision)
      let scores = oracle.babsrScores(of: [bounder.root()])[0].scores
      for best in entry.reference["babsr"]?["top5"]?.list ?? [] {
        let numbers = best.numbers
        let score = scores[Int(numbers[0])][Int(numbers[1])]
        // Eight digits are stored.
        #expect(abs(score - numbers[2]) < 1e-5 * numbers[2])
      }
      guard let expected = children[entry.reference["row"]?.int ?? 0],
        entry.reference["file"]?.string == "base_easy.pkl"
      else { continue }
      let found = bounder.boundedChildren(of: bounder.root(), relu, row: entry.row, steps: 200)
      for (child, optimum) in zip(found, expected) {
        // Four decimals are stored; ascent comes within a thousandth.
        #expect(child.lowerBound <= optimum + 5e-5)
        #expect(child.lowerBound >= optimum - 5e-5 - 1e-3 * abs(optimum))
      }
    }
  }
}
