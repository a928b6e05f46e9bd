import Foundation

/// What keeps the store from doing what it was asked.
public struct StoreError: Error, Hashable, Sendable, CustomStringConvertible {
  public struct Code: Hashable, Sendable {
    public let name: String
    /// A file of the user's is missing or of a kind that cannot be stored.
    public static let input = Code(name: "P0201")
    public static let corrupt = Code(name: "P0401")
    public static let full = Code(name: "P0402")
    /// The store cannot be written or read.
    public static let unusable = Code(name: "P0403")
    public static let newer = Code(name: "P0404")
  }

  public var code: Code
  public var message: String
  public var description: String { message }

  /// Whether no other stage would fare better.
  public var isInfrastructure: Bool { code != .input }

  init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  /// An error of the operating system, in words that say what to do.
  static func system(_ doing: String, _ path: String, _ number: Int32 = errno) -> StoreError {
    let reason = String(cString: strerror(number))
    switch number {
    case ENOSPC, EDQUOT:
      return StoreError(
        .full,
        "the disk of the store is full while \(doing) '\(path)'; make room or move the store, then "
          + "run again: nothing that was finished is lost")
    case EROFS, EACCES, EPERM:
      return StoreError(.unusable, "\(doing) '\(path)' is not permitted: \(reason)")
    case ENOENT: return StoreError(.input, "'\(path)' does not exist")
    default: return StoreError(.unusable, "\(doing) '\(path)' failed: \(reason)")
    }
  }
}
