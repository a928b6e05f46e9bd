import Foundation

extension StageContext {
  /// The file of an input that is a file, or a folder with that file in it.
  ///
  /// A folder with a single file needs no name.
  ///
  /// - Parameters:
  ///   - slot: The input.
  ///   - name: The file's path inside of a folder; empty where there is nothing to choose.
  /// - Returns: The file's path.
  /// - Throws: `StageError` that lists the folder's files where none is the one that is meant.
  public func file(_ slot: String, named name: String = "") throws(StageError) -> String {
    let path = try input(slot).path
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue
    else { return path }
    if !name.isEmpty {
      let chosen = URL(fileURLWithPath: name, relativeTo: URL(fileURLWithPath: path + "/"))
        .standardizedFileURL.path
      let root = URL(fileURLWithPath: path).standardizedFileURL.path
      if chosen.hasPrefix(root + "/"), FileManager.default.fileExists(atPath: chosen) {
        return chosen
      }
    }
    let files = ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
    if name.isEmpty, files.count == 1 { return "\(path)/\(files[0])" }
    throw StageError(
      code: name.isEmpty ? .badInput : .badParameter,
      message: (name.isEmpty
        ? "the input '\(slot)' is a folder; say which file of it is meant"
        : "the input '\(slot)' has no file '\(name)'")
        + (files.isEmpty ? "" : "; it has \(files.prefix(20).joined(separator: ", "))"),
      slot: slot)
  }
}
