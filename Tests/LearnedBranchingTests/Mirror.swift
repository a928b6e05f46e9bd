import Foundation

/// The published snapshot, networks and tables, where they are present.
enum Mirror {
  private static let folder: String =
    ProcessInfo.processInfo.environment["PIPELINE_MIRROR"]
    ?? URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("shared/mirror").path

  static let isMissing = "the data mirror is not there: set PIPELINE_MIRROR"
  static var isPresent: Bool { FileManager.default.fileExists(atPath: folder) }

  /// A file of the repository oval-group/GNN_branching.
  static func file(_ name: String) -> String {
    "\(folder)/raw.githubusercontent.com/oval-group/GNN_branching/"
      + "a18ea1a4db0b9375ea8eb8b9f37e888d2f1d9692/\(name)"
  }

  static let snapshot = file(
    "models/cifar_trained_gnn/"
      + "best_snapshot_None_0_val_acc_0.826_loss_val_0.1036_epoch_57.pt")
}
