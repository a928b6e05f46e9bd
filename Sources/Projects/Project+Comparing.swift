public import ArtifactComparison
import ArtifactStore
public import ChangeReporting
import ContentHashing
import Foundation
public import Notebook
public import RunRecord

extension Project {
  /// Compares two artifacts by their kind.
  ///
  /// - `options`: How rows are matched, what counts as noise, and how much is listed.
  public func compare(
    _ old: ArtifactRecord?, _ new: ArtifactRecord?,
    options: ComparisonOptions = ComparisonOptions()
  ) -> Comparison {
    let folder =
      NSTemporaryDirectory() + "pipeline-diff-\(getpid())-\(UInt32.random(in: 0 ... .max))"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let kind = new?.kind ?? old?.kind ?? "file"
    let contents = (content(old, "\(folder)/old"), content(new, "\(folder)/new"))
    let missing = [
      old != nil && contents.0 == nil ? "the first one" : nil,
      new != nil && contents.1 == nil ? "the second one" : nil,
    ].compactMap { $0 }
    guard missing.isEmpty else {
      return .unreadable(
        kind: kind,
        "what differs cannot be told: \(missing.joined(separator: " and ")) "
          + "\(missing.count > 1 ? "are" : "is") not in this store")
    }
    return ArtifactComparison.compare(
      kind: kind, old: contents.0, new: contents.1, options: options)
  }

  /// Compares two runs and, unless `isBrief`, what is inside their artifacts.
  public func changes(
    from old: RunRecord, to new: RunRecord, isBrief: Bool = false,
    options: ComparisonOptions = ComparisonOptions()
  ) -> ChangeReport {
    ChangeReport(
      from: old, to: new,
      compare: isBrief ? nil : { self.compare($0, $1, options: options) })
  }

  /// A comparison as one page.
  ///
  /// - `python`: The interpreter that has vl-convert.
  public func page(of changes: ChangeReport, python: String) -> RenderedPage {
    ChangePage.render(
      changes, artifacts: StoreReader(store: store),
      figures: VegaLiteDrawer(python: python, cache: drawingCache))
  }

  /// The same as a part of a page that has `ChangePage.style`.
  public func view(of changes: ChangeReport, python: String) -> String {
    ChangePage.fragment(
      changes, artifacts: StoreReader(store: store),
      figures: VegaLiteDrawer(python: python, cache: drawingCache))
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
