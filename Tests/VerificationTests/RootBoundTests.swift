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
}
