import CGit2

/// Starts libgit2 once in a process.
let libgit2Status = {
  let status = git_libgit2_init()
  if status >= 0 { _ = git_prepare() }
  return status
}()

/// The name that commits of the log carry, so that no `user.name` is needed and none is revealed.
let identityName = "pipeline"
let identityMail = "pipeline@localhost"

/// Turns a failed call of libgit2 into an error with its reason.
func check(
  _ status: CInt, _ code: ProvenanceError.Code,
  _ doing: @autoclosure () -> String
) throws(ProvenanceError) {
  guard status < 0 else { return }
  throw ProvenanceError(code, "\(doing()): \(lastReason(status))")
}

func check(
  _ status: CInt, _ doing: @autoclosure () -> String
) throws(ProvenanceError) {
  try check(status, .repository, doing())
}

func lastReason(_ status: CInt) -> String {
  guard let error = git_error_last(), let text = error.pointee.message else {
    return "libgit2 gave error \(status)"
  }
  return String(cString: text)
}

extension git_oid {
  var hex: String {
    var copy = self
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(GIT_OID_HEXSZ) + 1) {
      git_oid_tostr($0.baseAddress, $0.count, &copy)
      return $0.baseAddress.map { String(cString: $0) } ?? ""
    }
  }

  func equals(_ other: git_oid) -> Bool {
    var left = self
    var right = other
    return git_oid_equal(&left, &right) == 1
  }
}

/// What `refs/pipeline/…` are called, everywhere the same.
enum RefName {
  static let log = "refs/pipeline/log"
  static let notes = "refs/notes/pipeline"
  static let snapshots = "refs/pipeline/snapshots/"
}

/// The library below all of this.
package enum GitLibrary {
  /// Its file, of the version that the program was built with.
  package static let file = "libgit2.so.\(LIBGIT2_SOVERSION)"
}
