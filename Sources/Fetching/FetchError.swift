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
  }

  public var code: Code
  public var message: String
  public var description: String { message }

  init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }
}
