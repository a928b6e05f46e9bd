import Foundation

/// The copies of published networks that tests read where they are present.
enum Mirror {
  static let folder: String =
    ProcessInfo.processInfo.environment["PIPELINE_MIRROR"]
    ?? URL(fileURLWithPath: #filePath)  // Tests/NetworkImportTests/Mirror.swift
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("shared/mirror").path

  static let isMissing = "the data mirror is not there: set PIPELINE_MIRROR"
  static var isPresent: Bool { FileManager.default.fileExists(atPath: folder) }

  static func branching(_ path: String) -> String {
    "\(folder)/raw.githubusercontent.com/oval-group/GNN_branching/"
      + "a18ea1a4db0b9375ea8eb8b9f37e888d2f1d9692/\(path)"
  }

  /// A file of the verification competition of 2021.
  static func competition(_ path: String) -> String {
    "\(folder)/raw.githubusercontent.com/stanleybak/vnncomp2021/"
      + "90419aadcf06cf543ce5c1706cae1059dc9fa6cf/benchmarks/\(path)"
  }
}
