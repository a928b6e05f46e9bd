public import ArtifactComparison
import ArtifactStore
import ContentHashing
import Foundation
public import RunRecord

extension Project {
  /// Compares two artifacts by their kind.
  public func compare(_ old: ArtifactRecord?, _ new: ArtifactRecord?) -> Comparison {
    let folder =
      NSTemporaryDirectory() + "pipeline-diff-\(getpid())-\(UInt32.random(in: 0 ... .max))"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return ArtifactComparison.compare(
      kind: new?.kind ?? old?.kind ?? "file", old: content(old, "\(folder)/old"),
      new: content(new, "\(folder)/new"))
  }

  /// The artifact as a file or folder to read.
  private func content(_ artifact: ArtifactRecord?, _ path: String) -> ArtifactContent? {
    guard let artifact, store.contains(artifact.digest, isTree: artifact.isTree) else { return nil }
    guard artifact.isTree else { return .file(path: store.path(ofBlob: artifact.digest)) }
    try? FileManager.default.createDirectory(
      atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    let stored = StoredContent(digest: artifact.digest, isTree: true, size: artifact.size)
    guard (try? store.materialize(stored, at: path, readOnly: true, mode: .link)) != nil else {
      return nil
    }
    return .folder(path: path)
  }
}
