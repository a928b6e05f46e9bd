/// How a run goes about its work; nothing here enters an action key.
public struct RunOptions: Sendable {
  /// Processors that stages may keep busy together.
  public var jobs: Int
  /// Bytes that stages may ask for together.
  public var memory: Int
  /// After a failure: finish what does not depend on it, or start nothing more.
  public var keepsGoing = false
  /// After a failure: end what is running, too.
  public var failsFast = false
  /// Overrides the cells' `sandbox`.
  public var isSandboxed: Bool?
  /// Executes again what is known and compares, instead of using it.
  public var isVerifying = false
  /// Whether the run enters the history.
  public var isRecorded = true
  /// Environment variables for stages that ask for them by name (`passes`, `secrets`).
  public var environment: [String: String]
  /// Seconds between asking a stage to end and killing it.
  public var grace = 5.0

  public init(jobs: Int, memory: Int, environment: [String: String]) {
    self.jobs = jobs
    self.memory = memory
    self.environment = environment
  }
}

/// What `check --rerun` found out about one output.
public struct OutputVerification: Sendable {
  public var instance: String
  public var slot: String
  public var kind: String
  public var old: ContentName
  public var new: ContentName
  public var isEqual: Bool { old == new }

  public struct ContentName: Hashable, Sendable {
    public var digest: String
    public var isTree: Bool
  }
}
