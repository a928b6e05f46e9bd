import Formats
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
    // Rounded outward, at most one float64 further than the nearest.
    for (problem, written) in zip(property.problems, [0.499999896, -0.11140846]) {
      #expect([written, written.nextUp].contains(problem.box.upper[1]))
    }
    #expect(property.problems[0].clauses[0].rows == [OutputRow(1, beats: 0, of: 5)])
  }

  @Test func `decimal numbers that are no float64 are rounded outward`() throws {
    func read(_ bounds: String) throws -> Property {
      let text =
        "(declare-const X_0 Real)(declare-const Y_0 Real)" + bounds
      return try VNNLIB.read(FileContent(Array(text.utf8), name: "own.vnnlib"))
    }
    // The float64s nearest to 0.1 and 2.3e-5 are above them, that nearest to 0.3 is below.
    let property = try read(
      "(assert (>= X_0 0.1))(assert (<= X_0 0.3))(assert (<= Y_0 2.3e-5))")
    let box = property.problems[0].box
    #expect(box.lower[0] == 0.1.nextDown && box.upper[0] == 0.3.nextUp)
    // `Y_0 - 2.3e-5 <= 0`, the number no smaller than written.
    #expect(property.problems[0].clauses[0].rows[0].offset == -2.3e-5)
    // Numbers that are float64s stay, however they are spelled.
    let exact = try read("(assert (>= X_0 -00.1250e1))(assert (<= X_0 50e-1))(assert (<= Y_0 0.0))")
    #expect(exact.problems[0].box.lower[0] == -1.25 && exact.problems[0].box.upper[0] == 5)
    // One unit of the forty-first digit away from 0.5.
    let near = "0.5" + String(repeating: "0", count: 44) + "1"
    let upper = try read("(assert (>= X_0 0))(assert (<= X_0 \(near)))(assert (<= Y_0 0))")
    #expect(upper.problems[0].box.upper[0] == 0.5.nextUp)
  }
}
