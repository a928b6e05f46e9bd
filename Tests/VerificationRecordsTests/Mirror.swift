import Foundation

/// The published property tables, where they are present.
enum Mirror {
  private static let folder: String =
    ProcessInfo.processInfo.environment["PIPELINE_MIRROR"]
    ?? URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("shared/mirror").path

  static let isMissing = "the data mirror is not there: set PIPELINE_MIRROR"
  static var isPresent: Bool { FileManager.default.fileExists(atPath: folder) }

  static func table(_ name: String) -> String {
    "\(folder)/raw.githubusercontent.com/oval-group/GNN_branching/"
      + "a18ea1a4db0b9375ea8eb8b9f37e888d2f1d9692/cifar_exp/\(name).pkl"
  }
}
