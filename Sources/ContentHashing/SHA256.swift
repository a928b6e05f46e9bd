import CCrypto

/// An incremental SHA-256, computed by libcrypto with the processor's own instructions.
///
/// It is noncopyable since its state lives on the C side.
public struct SHA256: ~Copyable {
  private let context: OpaquePointer

  public init() {
    guard let context = EVP_MD_CTX_new() else { preconditionFailure("out of memory") }
    self.context = context
    let status = EVP_DigestInit_ex(context, EVP_sha256(), nil)
    precondition(status == 1, "libcrypto offers no SHA-256")
  }

  deinit { EVP_MD_CTX_free(context) }

  public func update(_ bytes: UnsafeRawBufferPointer) {
    EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
  }

  public func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { update($0) } }

  /// The digest of what was given so far.
  public consuming func finish() -> Digest {
    withUnsafeTemporaryAllocation(byteCount: 32, alignment: 8) { buffer in
      EVP_DigestFinal_ex(context, buffer.baseAddress?.assumingMemoryBound(to: UInt8.self), nil)
      guard let digest = Digest(bytes: buffer) else { preconditionFailure("32 bytes") }
      return digest
    }
  }
}

extension Digest {
  /// The digest of some bytes.
  public static func of(_ bytes: UnsafeRawBufferPointer) -> Digest {
    let hasher = SHA256()
    hasher.update(bytes)
    return hasher.finish()
  }

  /// The digest of some bytes.
  public static func of(_ bytes: [UInt8]) -> Digest { bytes.withUnsafeBytes { of($0) } }

  /// The digest of a text's UTF-8 bytes.
  public static func of(_ text: String) -> Digest {
    var text = text
    return text.withUTF8 { of(UnsafeRawBufferPointer($0)) }
  }
}
