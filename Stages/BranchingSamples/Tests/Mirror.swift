import Foundation

/// The files of the chapter in one folder, where the mirror is present.
enum Mirror {
  private static let folder: String =
    ProcessInfo.processInfo.environment["PIPELINE_MIRROR"]
    ?? URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("shared/mirror").path

  static let isMissing = "the data mirror is not there: set PIPELINE_MIRROR"
  static var isPresent: Bool { FileManager.default.fileExists(atPath: folder) }

  /// Links to the networks, tables, snapshot and images.
  static func files() throws -> String {
    let all = NSTemporaryDirectory() + "files-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: all, withIntermediateDirectories: true)
    let host = "\(folder)/raw.githubusercontent.com"
    let published =
      "\(host)/oval-group/GNN_branching/a18ea1a4db0b9375ea8eb8b9f37e888d2f1d9692"
    let snapshot = "best_snapshot_None_0_val_acc_0.826_loss_val_0.1036_epoch_57.pt"
    for (name, path) in [
      ("cifar_base_kw.pth", "\(published)/models/cifar_base_kw.pth"),
      ("snapshot.pt", "\(published)/models/cifar_trained_gnn/\(snapshot)"),
      ("base_easy.pkl", "\(published)/cifar_exp/base_easy.pkl"),
      ("base_med.pkl", "\(published)/cifar_exp/base_med.pkl"),
      ("base_hard.pkl", "\(published)/cifar_exp/base_hard.pkl"),
      ("deep.pkl", "\(published)/cifar_exp/deep.pkl"),
      ("wide.pkl", "\(published)/cifar_exp/wide.pkl"),
      (
        "test_batch",
        "\(host)/zhi-fangZhang/idpl_gen/0626f9d08138278bbe0b970a3055d714150ab4a0/data/"
          + "cifar-10-batches-py/test_batch"
      ),
    ] {
      try FileManager.default.createSymbolicLink(
        atPath: "\(all)/\(name)", withDestinationPath: path)
    }
    return all
  }
}
