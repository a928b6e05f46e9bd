import ArtifactStore
import ContentHashing
import Foundation
import Planning
import RunRecord

extension Scheduler {
  /// Puts copies of outputs where their cell says, inside the work tree.
  ///
  /// A file that somebody edited since is kept as `NAME.orig-RUN`.
  func publish(_ record: inout InstanceRecord, of index: Int) {
    for output in graph.instances[index].outputs {
      guard let target = output.publish,
        let position = record.outputs.firstIndex(where: { $0.slot == output.name })
      else { continue }
      do {
        try publish(record.outputs[position], at: target)
        record.outputs[position].published = target
      } catch {
        observe(
          .warning(instance: record.name, message: "'\(target)' was not written: \(error)"))
      }
    }
  }

  private func publish(_ artifact: ArtifactRecord, at target: String) throws {
    let path = layout.absolute(target)
    let content = StoredContent(
      digest: artifact.digest, isTree: artifact.isTree, size: artifact.size)
    if access(path, F_OK) == 0 {
      let present = try store.digest(ofPath: path)
      if present.digest == artifact.digest { return }
      // What the store knows is something that a run put here; anything else is the user's work.
      if !store.contains(present.digest, isTree: present.isTree) {
        let kept = "\(path).orig-\(layout.run)"
        try FileManager.default.moveItem(atPath: path, toPath: kept)
        observe(
          .warning(
            instance: nil, message: "'\(target)' had been edited; it is kept as '\(kept)'"))
      }
    }
    try FileManager.default.createDirectory(
      atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    let temporary = "\(path).new-\(layout.run)"
    try store.materialize(content, at: temporary, readOnly: false, mode: .copy)
    if artifact.isTree, access(path, F_OK) == 0 { try FileManager.default.removeItem(atPath: path) }
    guard rename(temporary, path) == 0 else {
      throw ExecutionError.infrastructure("cannot rename \(temporary): \(errorText())")
    }
  }
}
