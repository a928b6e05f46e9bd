public import ContentHashing

/// A file to fetch: where it may be had, and what it must be.
public struct FetchRequest: Sendable {
  /// URLs, tried in turn.
  public var sources: [String]
  public var sha256: Digest
  /// Bytes, where they are known.
  public var size: Int?

  public init(sources: [String], sha256: Digest, size: Int? = nil) {
    self.sources = sources
    self.sha256 = sha256
    self.size = size
  }

  /// Checks what can be checked without a transfer.
  ///
  /// - Throws: `FetchError` where a source is no http or https URL.
  public func check() throws(FetchError) { _ = try checkedSources() }

  func checkedSources() throws(FetchError) -> [SourceURL] {
    var checked: [SourceURL] = []
    for source in sources { checked.append(try SourceURL(source)) }
    return checked
  }
}
