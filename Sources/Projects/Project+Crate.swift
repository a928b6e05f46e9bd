import ArtifactStore
import ContentHashing
public import Exports
import Formats
import Foundation
public import RunRecord
import StructuredValue

extension Project {
  /// Writes a crate as a folder, or as a zip archive where the path ends so.
  ///
  /// - Throws: `ProjectError` where something stands there already, or it cannot be written.
  public func write(_ crate: ResearchCrate, to path: String) throws {
    guard !FileManager.default.fileExists(atPath: path) else {
      throw ProjectError(
        status: ProjectError.usage,
        "error: '\(path)' is already there; name a new path, or remove it first")
    }
    // Beside the target, so that it appears whole or not at all.
    let scratch = "\(path).part-\(getpid())"
    defer { try? FileManager.default.removeItem(atPath: scratch) }
    do {
      let isArchive = path.hasSuffix(".zip")
      let folder = isArchive ? scratch + ".folder" : scratch
      defer { if isArchive { try? FileManager.default.removeItem(atPath: folder) } }
      try write(crate, intoFolder: folder)
      if isArchive { try archive(folder, to: scratch) }
      try FileManager.default.moveItem(atPath: scratch, toPath: path)
    } catch let error as StoreError {
      throw ProjectError(status: 7, "error: \(error.message)")
    } catch {
      let reason = (error as? FormatError)?.description ?? error.localizedDescription
      throw ProjectError(status: 7, "error: '\(path)' cannot be written: \(reason)")
    }
  }

  private func write(_ crate: ResearchCrate, intoFolder folder: String) throws {
    func place(_ name: String) throws -> String {
      let path = "\(folder)/\(name)"
      try FileManager.default.createDirectory(
        atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
      return path
    }
    for (name, content) in crate.contents {
      let path = try place(name)
      switch content {
      case .text(let text): try Data(text.utf8).write(to: URL(fileURLWithPath: path))
      case .artifact(let artifact):
        let stored = StoredContent(
          digest: artifact.digest, isTree: artifact.isTree, size: artifact.size)
        try store.materialize(stored, at: path, readOnly: false, mode: .copy)
      }
    }
    let metadata = crate.metadata.json(indented: true) + "\n"
    try Data(metadata.utf8).write(
      to: URL(fileURLWithPath: try place("ro-crate-metadata.json")))
  }

  private func archive(_ folder: String, to path: String) throws {
    var writer = try ZipWriter(path: path)
    for name in try FileManager.default.subpathsOfDirectory(atPath: folder).sorted() {
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: "\(folder)/\(name)", isDirectory: &isFolder)
      else { continue }
      if isFolder.boolValue {
        try writer.add(name + "/", [])
      } else {
        try writer.add(name, Array(try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)"))))
      }
    }
    try writer.finish()
  }

  /// Whether the store still has an artifact.
  public func has(_ artifact: ArtifactRecord) -> Bool {
    store.contains(artifact.digest, isTree: artifact.isTree)
  }
}
