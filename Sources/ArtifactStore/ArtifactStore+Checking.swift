import ContentHashing
import Foundation

/// An object whose bytes are not what its name says.
public struct CorruptObject: Hashable, Sendable {
  /// `blob`, `tree` or `action`.
  public var space: String
  public var name: String
  /// Where it was moved.
  public var quarantine: String
  /// The instances whose results need it; they are executed again when needed.
  public var users: [String]
}

extension ArtifactStore {
  /// Verifies every object against its name, and moves what is damaged to `quarantine/`, so that the
  /// next run makes just that anew.
  ///
  /// - `progress`: Called with the number of objects done and of all.
  public func check(progress: (Int, Int) -> Void = { _, _ in }) throws(StoreError)
    -> [CorruptObject]
  {
    let objects = ["blob", "tree", "action"].flatMap { space in
      objectNames(space).map { (space, $0) }
    }
    var corrupt: [CorruptObject] = []
    for (position, (space, name)) in objects.enumerated() {
      if position % 100 == 0 { progress(position, objects.count) }
      let file = "\(path)/\(space)/\(name.prefix(2))/\(name)"
      guard try isDamaged(space, name, file) else { continue }
      let target = quarantinePath("\(space)-\(name)")
      try makeFolder("\(path)/quarantine")
      guard rename(file, target) == 0 else { throw .system("moving", file) }
      corrupt.append(CorruptObject(space: space, name: name, quarantine: target, users: []))
    }
    progress(objects.count, objects.count)
    guard !corrupt.isEmpty else { return [] }
    let damaged = Set(corrupt.map(\.name))
    let results = actionResults()
    return corrupt.map { object in
      var object = object
      object.users = results.filter { _, result in
        result.outputs.values.contains { output in
          output.digest.hex == object.name
            || (output.isTree && reaches(output.digest, damaged, object.name))
        }
      }.map(\.1.instance).sorted()
      return object
    }
  }

  /// A path that nothing stands at: an object may be damaged more than once.
  private func quarantinePath(_ name: String) -> String {
    var target = "\(path)/quarantine/\(name)"
    var info = stat()
    var count = 1
    while lstat(target, &info) == 0 {
      count += 1
      target = "\(path)/quarantine/\(name)-\(count)"
    }
    return target
  }

  private func isDamaged(_ space: String, _ name: String, _ file: String) throws(StoreError)
    -> Bool
  {
    guard let digest = Digest(name) else { return true }
    var info = stat()
    guard lstat(file, &info) == 0 else { return false }  // gone meanwhile
    // A link's bytes are somebody else's, who may change them.
    guard info.st_mode & S_IFMT == S_IFREG else { return true }
    switch space {
    case "action":
      guard let data = FileManager.default.contents(atPath: file) else { return true }
      return ActionResult(text: Array(data)) == nil
    default: return try hash(file) != digest
    }
  }

  private func reaches(_ tree: Digest, _ damaged: Set<String>, _ name: String) -> Bool {
    guard let entries = try? self.tree(tree) else { return false }
    return entries.contains { entry in
      switch entry.kind {
      case .file(let digest, _): digest.hex == name
      case .folder(let digest): digest.hex == name || reaches(digest, damaged, name)
      case .link: false
      }
    }
  }

  func objectNames(_ space: String) -> [String] {
    let folders = (try? FileManager.default.contentsOfDirectory(atPath: "\(path)/\(space)")) ?? []
    return folders.sorted().flatMap { folder in
      ((try? FileManager.default.contentsOfDirectory(atPath: "\(path)/\(space)/\(folder)")) ?? [])
        .sorted()
    }
  }

  func actionResults() -> [(Digest, ActionResult)] {
    objectNames("action").compactMap { name in
      guard let key = Digest(name),
        let data = FileManager.default.contents(atPath: objectPath("action", key)),
        let result = ActionResult(text: Array(data))
      else { return nil }
      return (key, result)
    }
  }
}
