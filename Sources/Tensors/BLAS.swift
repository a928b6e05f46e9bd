import Foundation

/// The library of matrix products that LibTorch calls.
public struct BLAS: Hashable, Sendable, CustomStringConvertible {
  /// Its file, "MKL" where it is part of LibTorch, or empty where it cannot be told.
  public var path: String

  package init(path: String) { self.path = path }

  /// Whether it is the reference implementation, which is some 18 times slower than OpenBLAS.
  public var isReference: Bool {
    let folder = (path as NSString).deletingLastPathComponent
    return folder.hasSuffix("/blas") || path.contains("/reference/")
  }

  /// What to tell a user, loudly, where matrix products are needlessly slow.
  public var warning: String? {
    isReference
      ? "matrix products run on the reference BLAS (\(path)), about 18 times slower than need be; "
        + "install Debian's package libopenblas0-pthread"
      : nil
  }

  public var description: String {
    if path.isEmpty { return "unknown" }
    if path.contains("openblas") { return "OpenBLAS (\(path))" }
    return isReference ? "reference BLAS (\(path))" : path
  }
}
