import Formats
import Foundation
import NetworkImport
import Tensors
import Testing

/// The standard's own cases for every operator that is known here.
struct ConformanceTests {
  struct Case: Sendable {
    var name: String
    var model: Result<ONNXNetwork, any Error>
    var inputs: [Tensor]
    var outputs: [Tensor]
  }

  static let cases: Result<[Case], any Error> = Result { try read() }

  private static func read() throws -> [Case] {
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appending(path: "Fixtures/cases.py").path
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "onnx-cases-\(ProcessInfo.processInfo.processIdentifier)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", script, folder.path] + ONNXOperators.names
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw TensorError(.library, "python3 with onnx is needed; 'make setup' installs it in .venv")
    }
    var arrays: [String: Tensor] = [:]
    for array in try NPZ.read(path: folder.appending(path: "arrays.npz").path) {
      arrays[array.name] = try Tensor(array.data)
    }
    let index = try String(contentsOf: folder.appending(path: "index.txt"), encoding: .utf8)
    return index.split(separator: "\n").map(String.init).map { name in
      func all(_ kind: String) -> [Tensor] {
        (0...).lazy.map { arrays["\(name)/\(kind)\($0)"] }
          .prefix { $0 != nil }.compactMap { $0 }
      }
      let model = folder.appending(path: "\(name).onnx").path
      return Case(
        name: name, model: Result { try ONNXNetwork(path: model) }, inputs: all("in"),
        outputs: all("out"))
    }
  }

  @Test func `a case gives what the standard says, or is refused with a sentence`() throws {
    let cases = try ConformanceTests.cases.get()
    var passed = 0
    var refused: [String] = []
    for example in cases {
      do {
        let network = try example.model.get()
        let values = Dictionary(uniqueKeysWithValues: zip(network.inputs, example.inputs))
        let results = try network.evaluate(values)
        for (name, expected) in zip(network.outputs, example.outputs) {
          let result = try #require(results[name], "\(example.name): no \(name)")
          #expect(result.shape == expected.shape, "\(example.name)")
          #expect(result.dtype == expected.dtype, "\(example.name)")
          guard result.shape == expected.shape else { continue }
          #expect(try agree(result, expected), "\(example.name): \(result) is not \(expected)")
        }
        passed += 1
      } catch let error as FormatError where error.code == .unsupported {
        refused.append("\(example.name): \(error.found)")
      } catch {
        Issue.record("\(example.name): \(error)")
      }
    }
    // The cases of the pinned version of the package: none may begin to be refused.
    #expect(passed >= 574 && refused.count <= 23, "refused: \(refused.joined(separator: "; "))")
  }

  private func agree(_ result: Tensor, _ expected: Tensor) throws -> Bool {
    let (left, right) = (try result.to(.float64), try expected.to(.float64))
    // Half precision rounds each step to 2^-11, single precision to 2^-24.
    let tolerance = expected.dtype == .float16 ? 2e-3 : 1e-5
    return try Tensor.call("aten::allclose", left, right, tolerance, tolerance, true)
      .contains { if case .boolean(true) = $0 { true } else { false } }
  }
}
