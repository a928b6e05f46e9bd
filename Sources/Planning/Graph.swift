public import StageManifest
public import StructuredValue

/// The stage instances of a pipeline and what each takes from which other.
public struct Graph: Sendable {
  /// In the order of their cells, then of their matrix.
  public var instances: [Instance]
  /// Indices of `instances` such that whatever an instance needs comes before it.
  public var order: [Int]
  /// For each instance the ones that it needs, directly.
  public var needs: [[Int]]
  /// For each instance the ones that need it, directly.
  public var users: [[Int]]

  /// All instances that the given ones need, at any distance, and they themselves.
  public func withNeeds(_ seeds: some Sequence<Int>) -> Set<Int> { reach(seeds, by: needs) }

  /// All instances that need the given ones, at any distance, and they themselves.
  public func withUsers(_ seeds: some Sequence<Int>) -> Set<Int> { reach(seeds, by: users) }

  private func reach(_ seeds: some Sequence<Int>, by edges: [[Int]]) -> Set<Int> {
    var reached: Set<Int> = []
    var open = Array(seeds)
    while let next = open.popLast() {
      if reached.insert(next).inserted { open += edges[next] }
    }
    return reached
  }
}

/// A stage after matrix expansion, with everything known but the content of its inputs.
public struct Instance: Sendable {
  /// `predictor[device=pixel3]`, or the cell's id alone where there is no matrix.
  public var name: String
  public var cell: String
  public var matrix: [String: Value]
  public var work: Work
  public var inputs: [InputSlot]
  public var outputs: [OutputSlot]
  /// After defaults and interpolation.
  public var parameters: [String: Value]
  /// Nil where the seed does not matter.
  public var seed: UInt64?
  public var environment: [String: String]
  /// Commands whose output enters the key, such as `python3 --version`.
  public var tools: [String]
  /// Names of variables that reach the stage without entering the key.
  public var passes: [String]
  /// Names of variables that reach the stage, are masked in logs, and enter the key by name.
  public var secrets: [String]
  public var network: Bool
  public var isSandboxed: Bool
  public var resources: ResourceRequest
  public var retry: RetryRule
  /// Seconds.
  public var timeout: Double?
  /// Whether an earlier result may be used.
  public var isCached: Bool
  public var salt: String?
  /// Whether `when:` lets it run.
  public var isEnabled: Bool
  public var tags: [String]

  /// What an instance executes.
  public enum Work: Sendable {
    case plugin(Plugin)
    /// An argument list in which `${inputs.slot}` and `${outputs.slot}` are still open.
    case command([String])
    /// A text for `sh -eu -c`.
    case shell(String)
  }

  public struct InputSlot: Sendable {
    public var name: String
    public var kind: String
    public var source: Source
    /// The reference as the author wrote it.
    public var reference: String
  }

  public enum Source: Sendable {
    case artifact(instance: Int, slot: String)
    /// Several artifacts as one folder, in the order of the matrix.
    case gathered([Gathered])
    /// Relative to the project's root; a file or a folder.
    case path(String)
  }

  public struct Gathered: Sendable {
    /// The matrix part of the instance's name: `device=pixel3`.
    public var name: String
    public var matrix: [String: Value]
    public var instance: Int
    public var slot: String
  }

  public struct OutputSlot: Sendable {
    public var name: String
    public var kind: String
    public var isRequired: Bool
    /// Where a copy goes in the work tree, relative to the project's root.
    public var publish: String?
  }
}

/// What an instance asks of the machine.
public struct ResourceRequest: Hashable, Sendable {
  public var cpus = 1
  /// Bytes.
  public var memory: Int?
  public var gpus = 0
  public init(cpus: Int = 1, memory: Int? = nil, gpus: Int = 0) {
    self.cpus = cpus
    self.memory = memory
    self.gpus = gpus
  }
}

/// When a failed attempt is tried again.
public struct RetryRule: Hashable, Sendable {
  /// How many further attempts.
  public var max = 0
  /// `signal`, `timeout`, `exit:75`, …; empty means any retryable failure.
  public var on: [String] = []
  /// Seconds before the second attempt; doubled for each further one.
  public var backoff = 1.0
  public init(max: Int = 0, on: [String] = [], backoff: Double = 1) {
    self.max = max
    self.on = on
    self.backoff = backoff
  }
}

/// A plugin as the catalog found it.
public struct Plugin: Sendable {
  public var manifest: Manifest
  /// The digest of its code in hexadecimal digits: for a folder that of the files its manifest
  /// names, for a built-in stage that of its module's sources.
  public var code: String
  public var home: Home

  public enum Home: Sendable {
    /// Linked into the program.
    case builtIn
    /// A folder with the executable.
    case folder(String)
  }

  public init(manifest: Manifest, code: String, home: Home) {
    self.manifest = manifest
    self.code = code
    self.home = home
  }
}

/// Where plugins are looked up.
public protocol PluginCatalog {
  /// All plugins by name.
  var plugins: [String: Plugin] { get }
  /// Where they were searched, for messages.
  var searchPath: [String] { get }
}
