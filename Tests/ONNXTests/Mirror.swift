import Foundation

/// The copies of published networks that tests read where they are present.
enum Mirror {
  static let folder: String =
    ProcessInfo.processInfo.environment["PIPELINE_MIRROR"]
    ?? URL(fileURLWithPath: #filePath)  // Tests/ONNXTests/Mirror.swift
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("shared/mirror").path

  static let isMissing = "the data mirror is not there: set PIPELINE_MIRROR"
  static var isPresent: Bool { FileManager.default.fileExists(atPath: folder) }

  static func branching(_ name: String) -> String {
    "\(folder)/raw.githubusercontent.com/oval-group/GNN_branching/"
      + "a18ea1a4db0b9375ea8eb8b9f37e888d2f1d9692/onnx_models/\(name).onnx"
  }

  /// A network of the verification competition of 2021.
  static func competition(_ path: String) -> String {
    "\(folder)/raw.githubusercontent.com/stanleybak/vnncomp2021/"
      + "90419aadcf06cf543ce5c1706cae1059dc9fa6cf/benchmarks/\(path).onnx"
  }

  /// The 45 networks that advise small aircraft, by previous advisory and time to collision.
  static let collisionAvoidance: [String] = (1...5).flatMap { advisory in
    (1...9).map { competition("acasxu/ACASXU_run2a_\(advisory)_\($0)_batch_2000") }
  }

  static let others: [String] =
    ["base", "deep", "wide"].flatMap {
      [branching("cifar_\($0)_kw"), competition("oval21/nets/cifar_\($0)_kw")]
    }
    + ["resnet_2b", "resnet_4b"].map { competition("cifar10_resnet/onnx/\($0)") }
    + [2, 4, 6].map { competition("mnistfc/mnist-net_256x\($0)") }
}
