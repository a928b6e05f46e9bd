import Foundation

/// Published networks, properties and pictures.
enum Mirror {
  static let root: String = {
    let package = URL(fileURLWithPath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    return ProcessInfo.processInfo.environment["PIPELINE_MIRROR"]
      ?? package.appendingPathComponent("../shared/mirror").standardizedFileURL.path
  }()
  static let isPresent = FileManager.default.fileExists(atPath: "\(competition)/acasxu")
  static let isAbsent = "the data mirror is not there; set PIPELINE_MIRROR to its folder"

  static let competition =
    "\(root)/raw.githubusercontent.com/stanleybak/vnncomp2021/"
    + "90419aadcf06cf543ce5c1706cae1059dc9fa6cf/benchmarks"
  static let branching =
    "\(root)/raw.githubusercontent.com/oval-group/GNN_branching/"
    + "a18ea1a4db0b9375ea8eb8b9f37e888d2f1d9692"
  static let cifarBatch =
    "\(root)/raw.githubusercontent.com/zhi-fangZhang/idpl_gen/"
    + "0626f9d08138278bbe0b970a3055d714150ab4a0/data/cifar-10-batches-py/test_batch"
}
