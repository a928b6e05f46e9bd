import Foundation

/// The copies of published data that tests read where they are present.
enum Mirror {
  static let folder: String =
    ProcessInfo.processInfo.environment["PIPELINE_MIRROR"]
    ?? URL(fileURLWithPath: #filePath)  // Tests/NeuralNetworksTests/Mirror.swift
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("shared/mirror").path

  static let isMissing = "the data mirror is not there: set PIPELINE_MIRROR"
  static var isPresent: Bool { FileManager.default.fileExists(atPath: folder) }

  static func path(_ file: String) -> String { "\(folder)/raw.githubusercontent.com/\(file)" }

  static let branching = "oval-group/GNN_branching/a18ea1a4db0b9375ea8eb8b9f37e888d2f1d9692"
  static let mnist = "fgnt/mnist/ae608a02b796c9ee908c082585a5f006fe05258e"
}
