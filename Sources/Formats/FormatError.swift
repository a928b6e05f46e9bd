/// Says which file could not be read, where in it, what was found and what would be right.
public struct FormatError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kind of an error, open for more kinds in later versions.
  public struct Code: Hashable, Sendable {
    private enum Kind: Hashable, Sendable {
      case unreadable, malformed, unsupported, refused, limit
    }
    private let kind: Kind

    /// The file is missing, no regular file, or the system refuses to read or write it.
    public static let unreadable = Code(kind: .unreadable)
    /// The bytes break the format's own rules.
    public static let malformed = Code(kind: .malformed)
    /// The bytes are well formed but use a feature that this reader doesn't know.
    public static let unsupported = Code(kind: .unsupported)
    /// The file asks for something that is never done, such as calling a function.
    public static let refused = Code(kind: .refused)
    /// The file asks for more memory or depth than any honest file of its size needs.
    public static let limit = Code(kind: .limit)
  }

  /// Where in the file the error is.
  public enum Place: Hashable, Sendable {
    case file
    /// Bytes from the start of the file or, for a member of an archive, of the member.
    case offset(Int)
    /// Rows and columns count from 1, the header included.
    case row(Int, column: Int?)
  }

  public var code: Code
  /// The file's path, followed by `!member` inside an archive.
  public var file: String
  public var place: Place
  /// What was found.
  public var found: String
  /// What would be right; empty where `found` says it all.
  public var expected: String

  public init(
    _ code: Code = .malformed, file: String, at place: Place = .file, found: String,
    expected: String = ""
  ) {
    self.code = code
    self.file = file
    self.place = place
    self.found = found
    self.expected = expected
  }

  public var description: String {
    let position =
      switch place {
      case .file: ""
      case .offset(let offset): "byte \(offset): "
      case .row(let row, let column?): "row \(row), column \(column): "
      case .row(let row, nil): "row \(row): "
      }
    return "\(file): \(position)\(found)" + (expected.isEmpty ? "" : "; expected \(expected)")
  }
}
