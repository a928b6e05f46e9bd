/// The parts of a path, as text.
///
/// Foundation's own `deletingLastPathComponent` traps on a path of one letter.
struct PathText {
  /// Without the `/` at its end; empty where the path is one name.
  let folder: String
  let name: String

  init(_ path: String) {
    guard let slash = path.lastIndex(of: "/") else {
      (folder, name) = ("", path)
      return
    }
    (folder, name) = (String(path[..<slash]), String(path[path.index(after: slash)...]))
  }

  private var dot: String.Index? {
    name.lastIndex(of: ".").flatMap { $0 == name.startIndex ? nil : $0 }
  }

  var ending: String { dot.map { String(name[name.index(after: $0)...]) } ?? "" }
  var stem: String { dot.map { String(name[..<$0]) } ?? name }
}
