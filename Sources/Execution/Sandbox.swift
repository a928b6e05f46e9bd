import Foundation

/// Hides the project and the network from a stage, by bubblewrap.
///
/// The system stays visible read-only, so that tools work; the project's folder, `/tmp` and the
/// home folder are empty, so that an input that the cell does not declare is not found instead of
/// silently read.
package struct Sandbox {
  private let executable: String
  private let project: String

  /// Nil where bubblewrap is missing or the kernel does not let it work.
  package init?(project: String) {
    let candidates = ["/usr/bin/bwrap", "/usr/local/bin/bwrap", "/bin/bwrap"]
    guard let executable = candidates.first(where: { access($0, X_OK) == 0 }) else { return nil }
    self.executable = executable
    self.project = project
    let probe = Process()
    probe.executableURL = URL(fileURLWithPath: executable)
    probe.arguments = [
      "--unshare-pid", "--unshare-net", "--ro-bind", "/", "/", "--proc", "/proc", "true",
    ]
    probe.standardError = FileHandle.nullDevice
    guard (try? probe.run()) != nil else { return nil }
    probe.waitUntilExit()
    guard probe.terminationStatus == 0 else { return nil }
  }

  /// The command that runs `arguments` inside.
  ///
  /// - `attempt`: The attempt's folder; all of it but `in` is writable.
  /// - `visible`: Further folders to show read-only, such as the plugin's.
  func wrap(
    _ arguments: [String], attempt: String, visible: [String], network: Bool, path: String
  ) -> [String] {
    var command = [
      executable, "--die-with-parent", "--unshare-pid", "--unshare-ipc", "--ro-bind", "/", "/",
      "--dev", "/dev", "--proc", "/proc",
    ]
    if !network { command.append("--unshare-net") }
    let home = FileManager.default.homeDirectoryForCurrentUser.path
    var hidden = ["/tmp", "/var/tmp", project]
    // Many tools live below the home folder; hiding it would hide them with it.
    if !path.split(separator: ":").contains(where: { $0.hasPrefix(home + "/") }) {
      hidden.append(home)
    }
    for folder in hidden where folder.count > 1 && access(folder, F_OK) == 0 {
      command += ["--tmpfs", folder]
    }
    let tools = path.split(separator: ":").map(String.init)
      .filter { folder in hidden.contains { folder.hasPrefix($0 + "/") } }
      .map { URL(fileURLWithPath: $0).deletingLastPathComponent().path }
    for folder in tools + visible where access(folder, F_OK) == 0 {
      command += ["--ro-bind", folder, folder]
    }
    command += ["--bind", attempt, attempt]
    if access(attempt + "/in", F_OK) == 0 {
      command += ["--ro-bind", attempt + "/in", attempt + "/in"]
    }
    return command + ["--chdir", attempt, "--"] + arguments
  }
}
