import Foundation
import Synchronization

/// What was looked at in the file system, so that a later look can tell whether anything changed.
final class Observations: Sendable {
  private let signatures = Mutex<[String: String]>([:])

  func note(_ path: String, _ signature: String) { signatures.withLock { $0[path] = signature } }

  var all: [String: String] { signatures.withLock { $0 } }
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
