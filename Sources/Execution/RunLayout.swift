import Foundation

/// Where a run finds and leaves its files.
public struct RunLayout: Sendable {
  /// The run's id.
  public let run: String
  /// The project's root; paths in a pipeline are relative to it.
  public let project: String
  /// The folder for the attempts of this run, inside the store so that outputs can be renamed into
  /// place.
  public let work: String
  /// The program that hosts built-in stages: this one.
  public let program: String

  public init(run: String, project: String, work: String, program: String) {
    self.run = run
    self.project = project
    self.work = work
    self.program = program
  }

  /// The absolute form of a path relative to the project's root.
  func absolute(_ path: String) -> String { path.hasPrefix("/") ? path : "\(project)/\(path)" }
}

/// Starts stage processes; to be made before the process has threads.
public struct StageLauncher {
  let supervisor: Supervisor

  public init() throws { supervisor = try Supervisor() }
}
