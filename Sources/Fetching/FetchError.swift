/// Why a file could not be fetched.
public struct FetchError: Error, Hashable, Sendable, CustomStringConvertible {
  public struct Code: Hashable, Sendable {
    public let name: String
    /// The content is not what its digest or size says.
    public static let mismatch = Code(name: "P0202")
    public static let failed = Code(name: "P0203")
    public static let offline = Code(name: "P0204")
    /// An archive that must not, or cannot, be unpacked.
    public static let archive = Code(name: "P0205")
    /// The caller asked the transfer to stop.
    public static let cancelled = Code(name: "cancelled")
  }

  public var code: Code
  public var message: String
  /// Whether the same request may succeed later.
  public var isRetryable: Bool
  public var description: String { message }

  init(_ code: Code, _ message: String, isRetryable: Bool = false) {
    self.code = code
    self.message = message
    self.isRetryable = isRetryable
  }

  /// What several sources had to say, in one error.
  init(_ problems: [FetchError]) {
    self.init(
      problems.contains { $0.code == .mismatch } ? .mismatch : problems.first?.code ?? .failed,
      problems.isEmpty ? "the file has no source" : problems.map(\.message).joined(separator: "; "),
      isRetryable: problems.contains { $0.isRetryable })
  }
}
