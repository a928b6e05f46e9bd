import ArgumentParser
import BuiltinStages
import Foundation
import PipelineSpec
import Projects
import SpecSyntax

/// Options of every command that works in a project.
struct ProjectOptions: ParsableArguments {
  @Option(
    name: [.customShort("C"), .customLong("directory")],
    help: ArgumentHelp("Work as if started in this folder.", valueName: "folder"),
    completion: .directory)
  var directory: String?

  /// Where the program was started: a command enters more than once, and the second time the folder
  /// must not be looked for inside of itself.
  private static let start = FileManager.default.currentDirectoryPath

  func enter() throws {
    guard let directory else { return }
    let absolute = directory.hasPrefix("/") ? directory : "\(Self.start)/\(directory)"
    guard FileManager.default.changeCurrentDirectoryPath(absolute) else {
      throw ProjectError(
        status: ProjectError.usage, "error: there is no folder '\(directory)' to work in")
    }
  }

  /// The project of the current folder.
  ///
  /// - `writes`: Whether the command may make a store.
  func project(writes: Bool = false) throws -> Project {
    try enter()
    return try open(FileManager.default.currentDirectoryPath, writes)
  }

  /// The project of the current folder; where there is none, one in the user's cache folder, so that
  /// no store appears where nobody asked for one.
  func projectOrCache() throws -> Project {
    try enter()
    let current = FileManager.default.currentDirectoryPath
    if Project.enclosingRoot(of: current) != nil { return try open(current, true) }
    let environment = ProcessInfo.processInfo.environment
    let caches =
      environment["XDG_CACHE_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
      ?? "\(NSHomeDirectory())/.cache"
    let root = "\(caches)/pipeline"
    do {
      try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
    } catch {
      throw ProjectError(
        status: 7, "error: the cache folder '\(root)' cannot be made; set XDG_CACHE_HOME to another"
      )
    }
    return try Project(
      root: root, builtIn: BuiltinStages.all, environment: self.environment(current))
  }

  /// The project that a file belongs to.
  func project(of file: String, writes: Bool = false) throws -> Project {
    try open(URL(fileURLWithPath: file).deletingLastPathComponent().path, writes)
  }

  private func open(_ folder: String, _ writes: Bool) throws -> Project {
    let root = Project.root(for: folder)
    let project = try Project(
      root: root, builtIn: BuiltinStages.all, environment: environment(root), makesStore: writes)
    // Or its runs would seem not to be there; a run says it at its end.
    if !writes, let problem = project.logProblem {
      Terminal.note(Terminal.styled("warning", .yellow) + ": the runs cannot be read: \(problem)")
    }
    return project
  }

  /// The environment, with the mirror that lies beside the project where nothing else is named.
  private func environment(_ root: String) -> [String: String] {
    var environment = ProcessInfo.processInfo.environment
    let mirror = URL(fileURLWithPath: root).deletingLastPathComponent().path + "/shared/mirror"
    if environment["PIPELINE_MIRROR"] == nil, FileManager.default.fileExists(atPath: mirror) {
      environment["PIPELINE_MIRROR"] = mirror
    }
    return environment
  }
}

/// Options of every command that reads a pipeline.
struct PipelineOptions: ParsableArguments {
  @OptionGroup var project: ProjectOptions

  @Argument(
    help: ArgumentHelp(
      "The pipeline file; without it paper.yaml or Pipelines/paper.yaml.", valueName: "file"),
    completion: Completions.pipelineFile)
  var file: String?

  @Option(
    help: ArgumentHelp("A named set of parameter values.", valueName: "name"),
    completion: Completions.profiles)
  var profile: String?

  @Option(
    name: .customLong("set"), parsing: .singleValue,
    help: ArgumentHelp("Override a parameter, such as train.lr=3e-4.", valueName: "name=value"),
    completion: Completions.parameters)
  var overrides: [String] = []

  @Option(
    help: ArgumentHelp("A folder with data, laid out as HOST/PATH.", valueName: "folder"),
    completion: .directory)
  var mirror: String?

  /// - `writes`: Whether the command may make a store.
  func load(writes: Bool = false) throws -> (Project, LoadedPipeline) {
    try project.enter()
    if let mirror {
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: mirror, isDirectory: &isFolder),
        isFolder.boolValue
      else {
        throw ProjectError(
          status: ProjectError.usage, "error: '--mirror \(mirror)' names no folder")
      }
      setenv("PIPELINE_MIRROR", URL(fileURLWithPath: mirror).path, 1)
    }
    let file = try fileOrDefault()
    let opened = try project.project(of: file, writes: writes)
    let loaded = try opened.load(file, options: try specOptions())
    for remark in loaded.remarks { Terminal.note(remark.rendered { _ in nil }) }
    return (opened, loaded)
  }

  /// The options that say what the file means, as arguments for another process.
  var arguments: [String] {
    (profile.map { ["--profile=\($0)"] } ?? []) + overrides.map { "--set=\($0)" }
  }

  /// Opens a project that has been opened before, to look at everything again.
  static func open(root: String, environment: [String: String]) throws -> Project {
    try Project(root: root, builtIn: BuiltinStages.all, environment: environment)
  }

  func specOptions() throws -> SpecOptions {
    SpecOptions(
      profile: profile,
      overrides: try overrides.map { text in
        guard let sign = text.firstIndex(of: "="), sign != text.startIndex else {
          throw ProjectError(
            status: ProjectError.usage, "error: '--set \(text)' needs the form name=value")
        }
        return (String(text[..<sign]), String(text[text.index(after: sign)...]))
      })
  }

  func fileOrDefault() throws -> String { try file ?? Self.defaultFile() }

  static func defaultFile() throws -> String {
    let candidates = ["paper.yaml", "Pipelines/paper.yaml"]
    guard let found = candidates.first(where: { FileManager.default.fileExists(atPath: $0) }) else {
      throw ProjectError(
        status: ProjectError.missingInput,
        "error: there is no paper.yaml here; name a file, or make one with `pipeline init`")
    }
    return found
  }
}

/// Which cells a command is about.
struct SelectionOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Only this stage and what it needs; a name, a glob, tag:NAME; may be repeated.",
      valueName: "stage"), completion: Completions.stages)
  var only: [String] = []

  @Option(
    help: ArgumentHelp(
      "This stage, what it needs, and everything that uses it.", valueName: "stage"),
    completion: Completions.stages)
  var from: [String] = []

  @Option(
    help: ArgumentHelp("Everything up to this cell of the file.", valueName: "stage"),
    completion: Completions.stages)
  var until: [String] = []

  @Option(
    help: ArgumentHelp(
      "Execute this stage although its result is known; `all` for every one.",
      valueName: "stage"), completion: Completions.forced)
  var force: [String] = []

  /// Whether some cells are left out by name.
  var isPartial: Bool { !(only.isEmpty && from.isEmpty && until.isEmpty) }

  var selection: Selection {
    var selection = Selection()
    selection.only = only
    selection.from = from
    selection.until = until
    selection.force = force
    return selection
  }
}
