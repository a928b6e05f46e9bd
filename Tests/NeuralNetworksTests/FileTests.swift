import Formats
import Foundation
import NeuralNetworks
import Tensors
import Testing

struct FileTests {
  static func temporary(_ name: String) -> String {
    FileManager.default.temporaryDirectory
      .appending(path: "\(ProcessInfo.processInfo.processIdentifier)-\(name)").path
  }

  @Test func `parameters come back from safetensors bit by bit`() throws {
    let network = try everyLayer(random: RandomStream(seed: 1))
    let path = FileTests.temporary("network.safetensors")
    defer { try? FileManager.default.removeItem(atPath: path) }
    let state = try network.state()
    try state.write(safetensors: path, metadata: ["made by": "a test"])
    let back = try ParameterTree(safetensors: path)
    #expect(Set(back.names) == Set(state.names))
    for (name, tensor) in zip(state.names, state.tensors) {
      #expect(try back[name]?.data() == tensor.data())
    }
    var other = try everyLayer(random: RandomStream(seed: 2))
    try other.load(back)
    let images = try Tensor.ones([1, 2, 4, 4])
    #expect(try other(images).isEqual(to: network(images)))
  }

  @Test(.enabled(if: Mirror.isPresent, "\(Mirror.isMissing)"))
  func `a published checkpoint becomes a network`() throws {
    let path = Mirror.path("\(Mirror.branching)/models/cifar_base_kw.pth")
    let state = try ParameterTree(torch: path, at: "state_dict", "0")
    #expect(state.elementCount == 105_966)
    let random = RandomStream(seed: 1)
    var network = try Sequential(
      Conv2d(3, 8, kernel: 4, stride: 2, padding: 1, random: random), Activation.relu,
      Conv2d(8, 16, kernel: 4, stride: 2, padding: 1, random: random), Activation.relu,
      Flatten(), Linear(1024, 100, random: random), Activation.relu,
      Linear(100, 10, random: random))
    try network.load(state)
    #expect(try network(.zeros([2, 3, 32, 32])).shape == [2, 10])
    let error = #expect(throws: ModuleError.self) { try ParameterTree(torch: path) }
    #expect(error?.message.contains("there are the keys state_dict, err") == true)
    #expect(throws: ModuleError.self) { try ParameterTree(torch: path, at: "model") }
    #expect(throws: ModuleError.self) { try ParameterTree(torch: path, at: "state_dict", "1") }
    #expect(throws: ModuleError.self) { try ParameterTree(torch: path, at: "state_dict") }
  }

  @Test(.enabled(if: Mirror.isPresent, "\(Mirror.isMissing)"))
  func `a checkpoint that names a tensor twice is refused`() throws {
    var bytes = try Data(
      contentsOf: URL(
        fileURLWithPath: Mirror.path("\(Mirror.branching)/models/cifar_base_kw.pth")))
    let name = try #require(bytes.range(of: Data("2.weight".utf8)))
    bytes.replaceSubrange(name, with: Data("0.weight".utf8))
    let path = FileTests.temporary("twice.pth")
    defer { try? FileManager.default.removeItem(atPath: path) }
    try bytes.write(to: URL(fileURLWithPath: path))
    let error = #expect(throws: ModuleError.self) {
      try ParameterTree(torch: path, at: "state_dict", "0")
    }
    #expect(error?.message == "two tensors are named '0.weight'")
  }

  @Test func `a file that is none is refused`() throws {
    let path = FileTests.temporary("broken")
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data("no tensors here".utf8).write(to: URL(fileURLWithPath: path))
    #expect(throws: FormatError.self) { try ParameterTree(safetensors: path) }
    #expect(throws: FormatError.self) { try ParameterTree(torch: path) }
    #expect(throws: FormatError.self) { try ParameterTree(npz: path) }
  }
}
