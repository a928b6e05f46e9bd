import CGit2
import Foundation

extension ProvenanceLog {
  /// Which way `sync` goes.
  public struct SyncDirection: OptionSet, Sendable {
    public let rawValue: Int
    public init(rawValue: Int) { self.rawValue = rawValue }
    public static let fetch = SyncDirection(rawValue: 1)
    public static let push = SyncDirection(rawValue: 2)
  }

  /// What `sync` did, in runs.
  public struct SyncResult: Codable, Hashable, Sendable {
    public var fetched: Int
    public var pushed: Int
  }
}
