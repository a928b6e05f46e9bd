import Foundation
import Projects

/// Files that commands write for their user.
enum Output {
  /// - Throws: `ProjectError` with the path where it cannot be written.
  static func write(_ text: String, to path: String) throws { try write(Data(text.utf8), to: path) }

  static func write(_ data: Data, to path: String) throws {
    do {
      try data.write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      throw ProjectError(
        status: 7, "error: '\(path)' cannot be written: \(reason(error, path))")
    }
  }

  private static func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
      && isFolder.boolValue
  }

  private static func reason(_ error: any Error, _ path: String) -> String {
    switch (error as? CocoaError)?.code {
    case _ where isFolder(path): "it is a folder"
    case .fileNoSuchFile, .fileReadNoSuchFile: "its folder does not exist"
    case .fileWriteNoPermission: "its folder may not be written to"
    case .fileWriteOutOfSpace: "the disk is full"
    default: error.localizedDescription
    }
  }
}
