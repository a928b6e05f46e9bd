public import ContentHashing

/// Where the page finds the bytes of what a run made.
public protocol ArtifactReading {
  /// The bytes of a file in the store.
  ///
  /// - Throws: When the store doesn't have it; the page then shows the error's words in its place.
  func bytes(of digest: Digest) throws -> [UInt8]
}
