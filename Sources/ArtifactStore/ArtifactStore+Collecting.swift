public import ContentHashing
import Foundation
import StructuredValue

/// What a collection would remove.
public struct Garbage: Sendable {
  /// Paths of objects and leftovers.
  public var paths: [String] = []
  /// Bytes.
  public var size = 0
  /// How many objects stay, and their bytes.
  public var kept = 0
  public var keptSize = 0
}

extension ArtifactStore {
  /// Finds what no kept action and no kept artifact needs.
  ///
  /// - `keys`: The actions to keep, with all that they name.
  /// - `artifacts`: Further files to keep, such as logs.
  /// - `minimumAge`: Seconds; younger objects stay, since a run may be about to name them.
  public func garbage(keeping keys: Set<Digest>, artifacts: Set<Digest>, minimumAge: Double)
    -> Garbage
  {
    var marked = Set(artifacts.map(\.hex))
    func mark(_ tree: Digest) {
      guard marked.insert(tree.hex).inserted, let entries = try? self.tree(tree) else { return }
      for entry in entries {
        switch entry.kind {
        case .file(let digest, _): marked.insert(digest.hex)
        case .folder(let digest): mark(digest)
        case .link: break
        }
      }
    }
    for artifact in artifacts where access(path(of: artifact, isTree: true), F_OK) == 0 {
      marked.remove(artifact.hex); mark(artifact)
    }
    let limit = Date().timeIntervalSince1970 - minimumAge
    // What a young action names stays as well, however old: it was there already when it was named.
    let roots = objectNames("action").compactMap { Digest($0) }.filter { key in
      keys.contains(key) || isYounger(objectPath("action", key), than: limit)
    }
    for key in roots {
      guard let data = FileManager.default.contents(atPath: objectPath("action", key)),
        let result = ActionResult(text: Array(data))
      else { continue }
      if let log = result.log { marked.insert(log.hex) }
      for output in result.outputs.values {
        if output.isTree { mark(output.digest) } else { marked.insert(output.digest.hex) }
      }
    }
    for (digest, isTree) in checkpoints() {
      if isTree { mark(digest) } else { marked.insert(digest.hex) }
    }
    var garbage = Garbage()
    let keptKeys = Set(keys.map(\.hex))
    for space in ["blob", "tree", "action"] {
      for name in objectNames(space) {
        let file = "\(path)/\(space)/\(name.prefix(2))/\(name)"
        var info = stat()
        guard lstat(file, &info) == 0 else { continue }
        let isKept = (space == "action" ? keptKeys : marked).contains(name)
        if isKept || isYounger(file, than: limit) {
          garbage.kept += 1
          garbage.keptSize += Int(info.st_size)
        } else {
          garbage.paths.append(file)
          garbage.size += Int(info.st_size)
        }
      }
    }
    return garbage
  }

  private func isYounger(_ file: String, than limit: Double) -> Bool {
    var info = stat()
    return lstat(file, &info) == 0 && Double(info.st_mtim.tv_sec) > limit
  }

  /// The contents that unfinished actions would continue from.
  private func checkpoints() -> [(Digest, isTree: Bool)] {
    let folder = "\(path)/checkpoints"
    let keys = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return keys.compactMap { key in
      guard let data = FileManager.default.contents(atPath: "\(folder)/\(key)/latest.json"),
        let note = try? Value(json: data),
        let digest = note["digest"]?.string.flatMap({ Digest($0) }),
        let isTree = note["isTree"]?.bool
      else { return nil }
      return (digest, isTree)
    }
  }

  /// Removes garbage.
  ///
  /// - Returns: False, and nothing removed, while a run uses the store.
  public func collect(_ garbage: Garbage) throws -> Bool { try collect { garbage } }

  /// Finds and removes garbage while no run can begin to use any of it.
  ///
  /// - `plan`: Says what is garbage; a run that ended just before has its say in it.
  /// - Returns: False, and nothing removed, while a run uses the store.
  public func collect(_ plan: () throws -> Garbage) throws -> Bool {
    guard let lease = try exclusiveLease() else { return false }
    let garbage = try plan()
    // Actions first: an entry must never name what is gone.
    for path in garbage.paths.sorted(by: { isAction($0) && !isAction($1) })
    where unlink(path) != 0 && errno != ENOENT {
      throw StoreError.system("removing", path)
    }
    for name in (try? FileManager.default.contentsOfDirectory(atPath: "\(path)/tmp")) ?? [] {
      unlink("\(path)/tmp/\(name)")
    }
    withExtendedLifetime(lease) {}
    return true
  }

  /// Removes what killed processes left half written, unless a run uses the store.
  public func removeAbandonedWrites() {
    let folder = "\(path)/tmp"
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    guard !names.isEmpty, let lease = (try? exclusiveLease()) ?? nil else { return }
    for name in names {
      // A command that takes no lease may be writing, too.
      guard let writer = Int32(name.prefix { $0 != "-" }), kill(writer, 0) != 0, errno == ESRCH
      else { continue }
      unlink("\(folder)/\(name)")
    }
    withExtendedLifetime(lease) {}
  }

  private func isAction(_ path: String) -> Bool { path.contains("/action/") }
}
