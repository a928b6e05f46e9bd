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

  /// Four networks of acasxu with all their properties but one that takes many seconds, a fifth whose
  /// counterexamples fill a millionth of the box, and the six fastest instances of each other set.
  static let instances: [Instance] = {
    let airborne = [
      "1_1": "1- 2- 3- 4- 5- 6-", "2_1": "1- 2+ 3- 4-", "3_3": "1- 3- 4- 9-",
      "4_5": "1- 2+ 3- 4- 10-", "5_3": "2+",
    ].sorted { $0.key < $1.key }.flatMap { network, properties in
      properties.split(separator: " ").map { property in
        (
          "acasxu/ACASXU_run2a_\(network)_batch_2000", "prop_\(property.dropLast())",
          property.last == "+"
        )
      }
    }
    let pictures = [
      ("base", "img4549-eps0.00392156862745098", false),
      ("base", "img1697-eps0.0014379084967320263", true),
      ("base", "img5303-eps0.017777777777777778", false),
      ("wide", "img4386-eps0.00026143790849673205", true),
      ("deep", "img8406-eps0.00392156862745098", false),
      ("deep", "img5168-eps0.016209150326797386", false),
    ].map { ("oval21/nets/cifar_\($0.0)_kw", "cifar_\($0.0)_kw-\($0.1)", $0.2) }
    let digits = [
      ("0_0.03", false), ("2_0.03", false), ("4_0.03", false), ("6_0.03", false), ("7_0.03", true),
      ("14_0.03", true),
    ].map { ("mnistfc/mnist-net_256x2", "prop_\($0.0)", $0.1) }
    return (airborne + pictures + digits).map {
      Instance(network: $0.0, property: $0.1, status: $0.2 ? "sat" : "unsat")
    }
  }()

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
