import Foundation
import Testing
import Verification

struct ReaderTests {
  @Test(.enabled(if: Mirror.isPresent, "\(Mirror.isAbsent)"))
  func `the competition's networks are read as chains`() throws {
    let networks = [
      ("oval21/nets/cifar_base_kw.onnx", [2048, 1024, 100]),
      ("oval21/nets/cifar_wide_kw.onnx", [4096, 2048, 100]),
      ("oval21/nets/cifar_deep_kw.onnx", [2048, 2048, 2048, 512, 100]),
      ("mnistfc/mnist-net_256x4.onnx", [256, 256, 256, 256]),
      ("acasxu/ACASXU_run2a_1_1_batch_2000.onnx", [50, 50, 50, 50, 50, 50]),
    ]
    for (name, widths) in networks {
      let network = try ReLUNetwork.read(onnx: "\(Mirror.competition)/\(name)")
      #expect(network.reluCounts == widths, "\(name)")
    }
  }

  @Test(.enabled(if: Mirror.isPresent, "\(Mirror.isAbsent)"))
  func `a network's three files are the same network`() throws {
    for name in ["base", "wide", "deep"] {
      let checkpoint = try ReLUNetwork.read(
        checkpoint: "\(Mirror.branching)/models/cifar_\(name)_kw.pth")
      let flattened = try ReLUNetwork.read(
        onnx: "\(Mirror.branching)/onnx_models/cifar_\(name)_kw.onnx")
      let other = try ReLUNetwork.read(
        onnx: "\(Mirror.competition)/oval21/nets/cifar_\(name)_kw.onnx")
      #expect(checkpoint == flattened)
      #expect(checkpoint == other)
    }
  }

  @Test(.enabled(if: Mirror.isPresent, "\(Mirror.isAbsent)"))
  func `a property with two boxes and four outcomes has eight cases`() throws {
    let property = try VNNLIB.read(path: "\(Mirror.competition)/acasxu/prop_6.vnnlib")
    #expect(property.problems.map(\.clauses.count) == [4, 4])
    #expect(property.problems[0].box.upper[1] == 0.499999896)
    #expect(property.problems[1].box.upper[1] == -0.11140846)
    #expect(property.problems[0].clauses[0].rows == [OutputRow(1, beats: 0, of: 5)])
  }
}
