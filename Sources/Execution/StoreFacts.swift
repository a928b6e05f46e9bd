public import ArtifactStore
public import ContentHashing
import Foundation
public import Planning
public import StructuredValue

/// What the store, the work tree and the environment say to those who plan.
public final class StoreFacts: PlanFacts {
  private let store: ArtifactStore
  private let project: String
  private let environment: [String: String]
  private let latest: (String) -> LatestAction?
  private var contents: [String: Result<Digest, any Error>] = [:]
  private var tools: [String: Result<String, any Error>] = [:]
  /// The result that was found last: whoever decides to reuse it needs all of it in a moment.
  private var found: (key: Digest, action: ActionResult)?

  /// - `latest`: What the latest run says of an instance; asked only when a result is missing.
  public init(
    store: ArtifactStore, project: String, environment: [String: String],
    latest: @escaping (String) -> LatestAction?
  ) {
    self.store = store
    self.project = project
    self.environment = environment
    self.latest = latest
  }

  public func content(ofPath path: String) throws -> Digest {
    if let known = contents[path] { return try known.get() }
    let absolute = path.hasPrefix("/") ? path : "\(project)/\(path)"
    let result = Result { try store.digest(ofPath: absolute).digest }
    contents[path] = result
    return try result.get()
  }

  public func result(for key: Digest) -> KnownResult? {
    found = store.action(for: key).map { (key, $0) }
    return found?.action.known
  }

  /// All that is known of a result; the store is not asked again about the one that was found last.
  func action(for key: Digest) -> ActionResult? {
    if let found, found.key == key { return found.action }
    return store.action(for: key)
  }

  public func latest(of instance: String) -> LatestAction? { latest(instance) }

  public func facets(for instance: Instance) throws -> [String: Value] {
    var facets: [String: Value] = ["platform": .string(Platform.name)]
    for tool in instance.tools {
      if tools[tool] == nil {
        tools[tool] = Result { try versionText(of: tool) }
        if let program = program(of: tool) { store.observe(program) }
      }
      facets["tool.\(tool)"] = .string(try tools[tool]?.get() ?? "")
    }
    return facets
  }

  /// The executable that a command starts, so that its replacement is noticed.
  private func program(of command: String) -> String? {
    let name = command.split(separator: " ").first.map(String.init) ?? command
    if name.contains("/") { return name }
    return (environment["PATH"] ?? "").split(separator: ":").map { "\($0)/\(name)" }
      .first { access($0, X_OK) == 0 }
  }

  /// What a command such as `python3 --version` prints.
  private func versionText(of command: String) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", command]
    process.environment = [
      "PATH": environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8",
    ]
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw ExecutionError.infrastructure(
        "the tool '\(command)' does not run here (exit code \(process.terminationStatus))")
    }
    return String(decoding: output, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
  }
}

/// The kind of machine that results belong to.
public enum Platform {
  #if arch(x86_64)
    public static let name = "x86_64-linux"
  #elseif arch(arm64)
    public static let name = "aarch64-linux"
  #endif
}
