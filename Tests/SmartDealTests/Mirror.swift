import Foundation

/// Published networks and pictures.
enum Mirror {
  static let root: String = {
    let package = URL(fileURLWithPath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    return ProcessInfo.processInfo.environment["PIPELINE_MIRROR"]
      ?? package.appendingPathComponent("../shared/mirror").standardizedFileURL.path
  }()
  static let networks = [
    "cifar_base_kw.onnx": kw, "cifar_deep_kw.onnx": kw, "cifar_wide_kw.onnx": kw,
    "resnet_2b.onnx": "\(competition)/cifar10_resnet/onnx",
    "resnet_4b.onnx": "\(competition)/cifar10_resnet/onnx",
    "mnist-net_256x2.onnx": "\(competition)/mnistfc",
  ]
  static let isPresent = FileManager.default.fileExists(atPath: network("cifar_base_kw.onnx"))
  static let isAbsent = "the data mirror is not there; set PIPELINE_MIRROR to its folder"

  /// The numbers of a list that the public code was run with.
  static func pruningList(_ name: String) throws -> [Double] {
    let folder =
      "\(root)/raw.githubusercontent.com/VITA-Group/SmartDeal/"
      + "8e1de77497eedbeea412a8c51142834c28a53709/SmartDeal-Inference"
    return try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)
      .split(whereSeparator: \.isNewline).compactMap { Double($0) }
  }

  static func network(_ name: String) -> String { "\(root)/\(networks[name] ?? "")/\(name)" }

  private static let kw =
    "raw.githubusercontent.com/oval-group/GNN_branching/a18ea1a4db0b9375ea8eb8b9f37e888d2f1d9692"
    + "/onnx_models"
  private static let competition =
    "raw.githubusercontent.com/stanleybak/vnncomp2021/90419aadcf06cf543ce5c1706cae1059dc9fa6cf"
    + "/benchmarks"
}
