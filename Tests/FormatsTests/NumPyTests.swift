import Formats
import Foundation
import Testing

/// Checks against NumPy itself, where there is one.
struct NumPyTests {
  private static func run(_ script: String, _ arguments: [String]) -> Bool {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "-c", script] + arguments
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return false }
    process.waitUntilExit()
    return process.terminationStatus == 0
  }

  static let isPresent = run("import numpy", [])

  @Test(.enabled(if: NumPyTests.isPresent, "python3 has no NumPy"))
  func `what NumPy writes is read, and what is written NumPy reads`() throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("numpy-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let write = """
      import sys, numpy as n
      d = sys.argv[1]
      n.save(d + '/f.npy', n.asfortranarray(n.arange(6, dtype='>f4').reshape(2, 3)))
      n.savez_compressed(d + '/a.npz', x=n.arange(4), y=n.array(2.5), z=n.array([True, False]))
      """
    #expect(NumPyTests.run(write, [folder]))
    #expect(
      try NPY.read(path: "\(folder)/f.npy")
        == TensorData([0, 1, 2, 3, 4, 5] as [Float], shape: [2, 3]))
    let arrays = try NPZ.read(path: "\(folder)/a.npz")
    #expect(arrays.map(\.name) == ["x", "y", "z"])
    #expect(arrays[0].data == TensorData([0, 1, 2, 3], shape: [4]))
    #expect(arrays[1].data == TensorData([2.5], shape: []))
    #expect(arrays[2].data == TensorData(type: .bool, shape: [2], bytes: [1, 0]))
    try NPY.write(TensorData([0.1, -2, .infinity], shape: [3, 1]), to: "\(folder)/w.npy")
    let read = """
      import sys, numpy as n
      a = n.load(sys.argv[1] + '/w.npy')
      assert a.dtype == 'f8' and a.shape == (3, 1) and list(a[:, 0]) == [0.1, -2, float('inf')]
      """
    #expect(NumPyTests.run(read, [folder]))
  }
}
