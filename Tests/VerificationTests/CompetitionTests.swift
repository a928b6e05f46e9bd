import Foundation
import Formats
import Testing
import Verification

/// Instances of VNN-COMP 2021 with what all trusted tools agree on.
struct CompetitionTests {
  /// One instance; `status` is the verdict that must not be contradicted.
  struct Instance: Sendable, CustomStringConvertible {
    var network: String
    var property: String
    var status: String
    var description: String { "\(network) \(property)" }
  }

  static let instances: [Instance] = [
    ("oval21/nets/cifar_base_kw", "cifar_base_kw-img4549-eps0.00392156862745098", "unsat"),
    ("oval21/nets/cifar_base_kw", "cifar_base_kw-img1697-eps0.0014379084967320263", "sat"),
    ("oval21/nets/cifar_wide_kw", "cifar_wide_kw-img4386-eps0.00026143790849673205", "sat"),
    ("oval21/nets/cifar_deep_kw", "cifar_deep_kw-img8406-eps0.00392156862745098", "unsat"),
    ("acasxu/ACASXU_run2a_1_1_batch_2000", "prop_3", "unsat"),
    ("acasxu/ACASXU_run2a_2_1_batch_2000", "prop_2", "sat"),
    ("acasxu/ACASXU_run2a_3_3_batch_2000", "prop_9", "unsat"),
    ("acasxu/ACASXU_run2a_4_5_batch_2000", "prop_4", "unsat"),
    ("mnistfc/mnist-net_256x2", "prop_0_0.03", "unsat"),
  ].map { Instance(network: $0.0, property: $0.1, status: $0.2) }

  @Test(.enabled(if: Mirror.isPresent, "\(Mirror.isAbsent)"), arguments: instances)
  func `an instance of the competition gets its known verdict`(instance: Instance) throws {
    let folder = "\(Mirror.competition)/\(instance.network.prefix { $0 != "/" })"
    let network = try ReLUNetwork.read(onnx: "\(Mirror.competition)/\(instance.network).onnx")
    let inside = folder.hasSuffix("oval21") ? "\(folder)/vnnlib" : folder
    let property = try VNNLIB.read(path: "\(inside)/\(instance.property).vnnlib")
      .reordered(for: network)
    let outcome = try Verifier(network, SearchOptions()).verify(property)
    #expect(outcome.verdict.word == instance.status)
    guard case .sat(let witness) = outcome.verdict else { return }
    let problem = property.problems[witness.problem]
    #expect(problem.box.contains(witness.input))
    let outputs = network.evaluate(witness.input)
    #expect(problem.clauses[witness.clause].value(outputs) <= 0)
  }
}
