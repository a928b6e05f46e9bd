import Foundation

/// Runs the user's own `git`, for what needs their credentials, ssh configuration and proxies.
enum GitCommand {
  /// Runs git in a folder and returns what it printed, on standard error too.
  static func run(_ arguments: [String], in folder: String) throws(ProvenanceError) -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["git", "-C", folder] + arguments
    // Set inside of hooks, where they would name another repository or the user's index.
    process.environment = ProcessInfo.processInfo.environment.filter {
      !["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"].contains($0.key)
    }
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    do { try process.run() } catch {
      throw ProvenanceError(
        .sync, "'git' can't be started (\(error.localizedDescription)); install it to sync")
    }
    let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      let lines = output.split(separator: "\n").filter { !$0.hasPrefix("hint:") }
      throw ProvenanceError(
        .sync,
        "git \(arguments.first { !$0.hasPrefix("-") && !$0.contains("=") } ?? "") failed: "
          + lines.suffix(4).map(withoutAnyCredentials).joined(separator: " / "))
    }
    return output
  }

  /// What git said may quote the remote's URL.
  private static func withoutAnyCredentials(_ line: Substring) -> String {
    line.split(separator: " ", omittingEmptySubsequences: false).map { word in
      guard let scheme = word.range(of: "://") else { return String(word) }
      let quote = word.first == "'" ? "'" : ""
      let start = word.index(word.startIndex, offsetBy: quote.count)
      guard start < scheme.lowerBound else { return String(word) }
      return quote + withoutCredentials(String(word[start...]))
    }.joined(separator: " ")
  }
}
