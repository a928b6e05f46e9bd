import ContentHashing
public import StructuredValue

/// What one `pipeline run` did: enough to show its notebook, to explain each decision and to
/// compare it with any other run, without the files it ran from.
public struct RunRecord: Codable, Hashable, Sendable {
  /// The version of this record's shape.
  public var schema = 1
  /// Sortable by time and unique: `20261123-163417-3f9a2c`.
  public var id: String
  /// UTC, ISO 8601, whole seconds.
  public var started: String
  public var finished: String
  public var status: Status
  public var tool: Tool
  public var source: Source?
  /// The pipeline file as the user named it, relative to the project's root.
  public var file: String
  /// Every file of the specification, the including one first.
  public var specification: [SpecificationFile]
  public var name: String
  public var title: String
  public var profile: String?
  /// What `--set` changed.
  public var overrides: [String: Value] = [:]
  /// The pipeline's parameters after profile and overrides.
  public var parameters: [String: Value]
  /// `x86_64-linux`, never the host's name.
  public var platform: String
  /// The cells in reading order.
  public var cells: [RecordedCell]
  /// The stage instances in the order of their cells, then of their matrix.
  public var instances: [InstanceRecord]

  public enum Status: String, Codable, Sendable { case succeeded, failed, interrupted }

  public struct Tool: Codable, Hashable, Sendable {
    public var version: String
    public init(version: String) { self.version = version }
  }

  /// The state of the user's repository when the run started.
  public struct Source: Codable, Hashable, Sendable {
    /// The id of HEAD's commit; nil before the first commit.
    public var commit: String?
    /// The tree of that commit, which survives rebases.
    public var tree: String?
    public var branch: String?
    /// The remote's URL without credentials.
    public var remote: String?
    public var dirty: Bool
    /// The tree that keeps the dirty work tree, below `refs/pipeline/snapshots/`.
    public var snapshot: String?

    public init(
      commit: String?, tree: String?, branch: String?, remote: String?, dirty: Bool,
      snapshot: String?
    ) {
      self.commit = commit
      self.tree = tree
      self.branch = branch
      self.remote = remote
      self.dirty = dirty
      self.snapshot = snapshot
    }
  }

  public struct SpecificationFile: Codable, Hashable, Sendable {
    /// Relative to the project's root.
    public var path: String
    public var text: String
    public init(path: String, text: String) {
      self.path = path
      self.text = text
    }
  }

  public init(
    id: String, started: String, finished: String, status: Status, tool: Tool, source: Source?,
    file: String, specification: [SpecificationFile], name: String, title: String,
    profile: String?, overrides: [String: Value], parameters: [String: Value], platform: String,
    cells: [RecordedCell], instances: [InstanceRecord]
  ) {
    self.id = id
    self.started = started
    self.finished = finished
    self.status = status
    self.tool = tool
    self.source = source
    self.file = file
    self.specification = specification
    self.name = name
    self.title = title
    self.profile = profile
    self.overrides = overrides
    self.parameters = parameters
    self.platform = platform
    self.cells = cells
    self.instances = instances
  }
}

/// A cell as the notebook shows it.
public enum RecordedCell: Codable, Hashable, Sendable {
  /// Markdown, with `{{ … }}` not yet filled in.
  case text(String)
  case stage(StageCellRecord)
  case claim(ClaimRecord)
}

/// A stage cell; what it did stands in its instances.
public struct StageCellRecord: Codable, Hashable, Sendable {
  public var id: String
  /// `predictor@1`, or the command of a `run:` cell.
  public var uses: String
  public var description: String?
  public var show: [ShowItem]

  /// Something of a stage that the reader should see.
  public enum ShowItem: Codable, Hashable, Sendable {
    /// All metrics, or only the named ones.
    case metrics([String])
    case figure(slot: String)
    case table(slot: String, rows: Int?)
    /// Any other output as text.
    case text(slot: String)
  }

  public init(id: String, uses: String, description: String?, show: [ShowItem]) {
    self.id = id
    self.uses = uses
    self.description = description
    self.show = show
  }
}

/// A claim: what the paper says, what we measured, and whether it holds.
public struct ClaimRecord: Codable, Hashable, Sendable {
  public var claim: String
  public var published: Value?
  public var source: String?
  /// The metric's name, such as `srcc.lowest` or `predictor[device=fpga].rmse`.
  public var measured: String
  public var measuredValue: Value?
  /// The condition, such as `>= 0.5`.
  public var holds: String
  public var verdict: Verdict
  /// Why there is no verdict, or what a reader should know about it.
  public var note: String?

  public enum Verdict: String, Codable, Sendable {
    case holds, fails
    /// The metric was not measured: its stage failed, was left out, or gave null.
    case unmeasured
  }

  public init(
    claim: String, published: Value?, source: String?, measured: String, measuredValue: Value?,
    holds: String, verdict: Verdict, note: String?
  ) {
    self.claim = claim
    self.published = published
    self.source = source
    self.measured = measured
    self.measuredValue = measuredValue
    self.holds = holds
    self.verdict = verdict
    self.note = note
  }
}
