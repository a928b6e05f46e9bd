import ContentHashing
import Fetching
import Foundation
import StageKit

/// A file to fetch and where it goes.
struct FetchItem: Sendable {
  var request: FetchRequest
  /// Relative to the output's folder.
  var name: String
  var isArchive: Bool

  /// Checks all files before anything is transferred.
  ///
  /// - Throws: `StageError` naming the file and what is wrong with it.
  static func all(_ files: [Fetch.Parameters.File]) throws(StageError) -> [FetchItem] {
    var items: [FetchItem] = []
    var names: Set<String> = []
    for (index, file) in files.enumerated() {
      let item = try one(file, "files[\(index)]")
      guard names.insert(item.name).inserted else {
        throw StageError(
          code: .badParameter,
          message: "two files are called '\(item.name)'; give one of them another 'name'")
      }
      items.append(item)
    }
    for name in names {
      for index in name.indices where name[index] == "/" && names.contains(String(name[..<index])) {
        throw StageError(
          code: .badParameter,
          message:
            "'\(name)' would lie below '\(name[..<index])', which is a file or an archive of "
            + "its own; give one of them another 'name'")
      }
    }
    return items
  }

  private static func one(_ file: Fetch.Parameters.File, _ place: String) throws(StageError)
    -> FetchItem
  {
    func wrong(_ message: String) -> StageError {
      StageError(code: .badParameter, message: "\(place): \(message)")
    }
    let sources = [file.url].compactMap { $0 } + (file.urls ?? [])
    guard let first = sources.first else { throw wrong("there is no 'url'") }
    guard let digest = Digest(file.sha256) else {
      throw wrong(
        "'\(file.sha256)' is no SHA-256 of 64 hexadecimal digits; `sha256sum FILE` prints it")
    }
    let request = FetchRequest(sources: sources, sha256: digest, size: file.bytes)
    do {
      try request.check()
    } catch {
      throw wrong(error.message)
    }
    let last = URLComponents(string: first)?.path.split(separator: "/").last.map(String.init)
    let name = file.name ?? last ?? ""
    let steps = name.split(separator: "/", omittingEmptySubsequences: false)
    guard steps.allSatisfy(isPlain) else {
      let shown = name.unicodeScalars.map { $0.value < 0x20 ? "·" : String($0) }.joined()
      throw wrong("'\(shown)' cannot name a file inside the folder; give a plain 'name'")
    }
    return FetchItem(request: request, name: name, isArchive: file.unpack)
  }

  private static func isPlain(_ step: Substring) -> Bool {
    !step.isEmpty && step != "." && step != ".." && step.utf8.count <= 255
      && !step.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F }
  }

  /// Puts what was fetched where it belongs.
  func place(_ file: String, in folder: String) throws {
    let target = "\(folder)/\(name)"
    try FileManager.default.createDirectory(
      atPath: (target as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    if isArchive {
      try Archive.unpack(file, into: target, singleName: singleName)
    } else {
      try FileManager.default.moveItem(atPath: file, toPath: target)
    }
  }

  /// What a compressed single file comes out as: `digits.idx.gz` holds `digits.idx`.
  private var singleName: String {
    let last = name.split(separator: "/").last.map(String.init) ?? name
    let suffix = [".gz", ".bz2", ".xz", ".zst"].first { last.hasSuffix($0) && last != $0 }
    return String(last.dropLast(suffix?.count ?? 0))
  }
}
