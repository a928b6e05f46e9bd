import ArtifactStore
import Foundation
import Synchronization

/// Starts runs as processes of their own, and ends them.
///
/// The server never waits for a run, and a run does not need the server: both look at the store.
final class RunStarter: Sendable {
  private let configuration: LiveConfiguration
  private let live: LiveState
  private let running = Mutex<[Int32: Process]>([:])

  init(_ configuration: LiveConfiguration, live: LiveState) {
    self.configuration = configuration
    self.live = live
  }

  /// What a run shall do.
  struct Wish {
    var only: [String] = []
    var force: [String] = []
    var keepsGoing = false
  }

  /// Starts `pipeline run` with the options that the page was started with.
  func start(_ wish: Wish) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: configuration.program)
    var arguments = ["run", configuration.path, "--quiet"] + configuration.arguments
    // Joined by '=', so that no name can be taken for an option.
    arguments += wish.only.map { "--only=\($0)" } + wish.force.map { "--force=\($0)" }
    if wish.keepsGoing { arguments.append("--keep-going") }
    process.arguments = arguments
    process.currentDirectoryURL = URL(fileURLWithPath: configuration.directory)
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    let complaints = FileManager.default.temporaryDirectory
      .appending(path: "pipeline-run-\(UUID().uuidString)")
    _ = FileManager.default.createFile(
      atPath: complaints.path, contents: nil, attributes: [.posixPermissions: 0o600])
    process.standardError = try FileHandle(forWritingTo: complaints)
    process.terminationHandler = { [self] process in
      running.withLock { $0[process.processIdentifier] = nil }
      let text = (try? String(contentsOf: complaints, encoding: .utf8)) ?? ""
      try? FileManager.default.removeItem(at: complaints)
      let status = process.terminationStatus
      // Failed stages and interrupts stand in the journal; other ends have no run to show.
      let isSaid = process.terminationReason == .exit && [0, 1, 130, 143].contains(status)
      if !isSaid {
        let words = text.trimmingCharacters(in: .whitespacesAndNewlines)
        Task { await live.show(refusal: words.isEmpty ? "the run ended with \(status)" : words) }
      }
    }
    try process.run()
    running.withLock { $0[process.processIdentifier] = process }
  }

  /// The runs that were started here and go on.
  var processes: Set<Int32> { running.withLock { Set($0.keys) } }

  /// Asks a run to end, whoever started it; its stages are ended, what is finished is kept.
  ///
  /// - Returns: Whether it was running.
  func cancel(run: String, store: ArtifactStore) -> Bool {
    guard let process = store.process(ofRun: run) else { return false }
    return kill(process, SIGINT) == 0
  }

  /// Ends the runs that were started here, and waits until they have ended.
  func endAll() {
    let processes = running.withLock { Array($0.values) }
    for process in processes { process.interrupt() }
    for process in processes { process.waitUntilExit() }
  }
}
