import Foundation
import Synchronization

/// What was looked at in the file system, so that a later look can tell whether anything changed.
final class Observations: Sendable {
  fileprivate struct State {
    var signatures: [String: String] = [:]
    /// Not yet spelled out, since most are never asked for.
    var looks: [Look] = []
  }

  private let state = Mutex(State())

  func note(_ path: String, _ signature: String) {
    state.withLock { state in
      state.spell()
      state.signatures[path] = signature
    }
  }

  func note(_ look: Look) { state.withLock { $0.looks.append(look) } }

  var all: [String: String] {
    state.withLock { state in
      state.spell()
      return state.signatures
    }
  }
}

extension Observations.State {
  fileprivate mutating func spell() {
    for look in looks {
      for file in look.files { signatures[file.path] = file.facts.signature }
      if let folder = look.folder { spell(folder) }
    }
    looks = []
  }

  private mutating func spell(_ folder: Look.Folder) {
    signatures[folder.path] = folder.facts.signature
    for case .folder(let inner) in folder.entries.map(\.kind) { spell(inner) }
  }
}

extension ArtifactStore {
  /// Notes how a file or folder stands now, or that it is absent.
  public func observe(_ path: String) {
    observations.note(path, ArtifactStore.signature(of: path))
  }

  /// Every file and folder that was looked at, with its signature.
  public var observed: [String: String] { observations.all }

  /// All that must be equal for a file to count as unchanged, as one word.
  public static func signature(of path: String) -> String {
    (try? FileFacts(of: path, followingLinks: true))?.signature ?? "absent"
  }
}
