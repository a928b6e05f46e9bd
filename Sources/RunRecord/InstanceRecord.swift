public import ContentHashing
public import StructuredValue

/// What a run decided about one stage instance, and what came of it.
public struct InstanceRecord: Codable, Hashable, Sendable {
  /// `predictor[device=pixel3]`, or the cell's id alone where there is no matrix.
  public var name: String
  public var cell: String
  /// The values of the matrix axes.
  public var matrix: [String: Value]
  /// The plugin's name and full version, such as `predictor` and `1.4.0`; nil for `run:` cells.
  public var plugin: String?
  public var version: String?
  public var outcome: Outcome
  /// Why it was executed, skipped or blocked: one clear sentence.
  public var why: String
  /// Nil where an input never came to be.
  public var key: Digest?
  /// The key's components by name (`params.seed`, `input.table`, `code`, …), for `explain` and
  /// `diff`.
  public var keyFields: [String: Value]
  public var inputs: [InputRecord]
  public var outputs: [ArtifactRecord]
  /// Metrics by name.
  public var metrics: [String: MetricRecord]
  /// Markdown that the stage left for the notebook.
  public var notes: [String]
  public var attempts: Int
  /// Seconds of wall time that the execution took, which for a cached one was an earlier run's.
  public var seconds: Double
  public var cpuSeconds: Double
  /// Bytes of memory at the peak.
  public var peakMemory: Int
  /// The stored log of standard output and error.
  public var log: Digest?
  /// `strict` or `off`.
  public var sandbox: String
  public var error: StageFailure?

  public enum Outcome: String, Codable, Sendable {
    case executed, cached, failed
    /// `when:` said no, or the selection left it out.
    case skipped
    /// Something it needs failed.
    case blocked
    case cancelled
  }

  public init(
    name: String, cell: String, matrix: [String: Value] = [:], plugin: String? = nil,
    version: String? = nil, outcome: Outcome, why: String, key: Digest? = nil,
    keyFields: [String: Value] = [:], inputs: [InputRecord] = [], outputs: [ArtifactRecord] = [],
    metrics: [String: MetricRecord] = [:], notes: [String] = [], attempts: Int = 0,
    seconds: Double = 0, cpuSeconds: Double = 0, peakMemory: Int = 0, log: Digest? = nil,
    sandbox: String = "off", error: StageFailure? = nil
  ) {
    self.name = name
    self.cell = cell
    self.matrix = matrix
    self.plugin = plugin
    self.version = version
    self.outcome = outcome
    self.why = why
    self.key = key
    self.keyFields = keyFields
    self.inputs = inputs
    self.outputs = outputs
    self.metrics = metrics
    self.notes = notes
    self.attempts = attempts
    self.seconds = seconds
    self.cpuSeconds = cpuSeconds
    self.peakMemory = peakMemory
    self.log = log
    self.sandbox = sandbox
    self.error = error
  }
}

/// An artifact: content in the store with a kind.
public struct ArtifactRecord: Codable, Hashable, Sendable {
  public var slot: String
  /// `table/csv`, `figure/vega-lite`, `metrics`, `model`, `tensor`, `text`, `json`, `file`,
  /// `folder`.
  public var kind: String
  public var digest: Digest
  /// Whether the digest names a folder's tree or a file's bytes.
  public var isTree: Bool
  /// Bytes; for a folder the sum of its files.
  public var size: Int
  /// Where a copy was put in the work tree, relative to the project's root.
  public var published: String?

  public init(
    slot: String, kind: String, digest: Digest, isTree: Bool, size: Int, published: String? = nil
  ) {
    self.slot = slot
    self.kind = kind
    self.digest = digest
    self.isTree = isTree
    self.size = size
    self.published = published
  }
}

/// What an input slot was given.
public struct InputRecord: Codable, Hashable, Sendable {
  public var slot: String
  public var kind: String
  public var digest: Digest
  /// `tables.folder`, `predictor[*].model`, or a path.
  public var from: String

  public init(slot: String, kind: String, digest: Digest, from: String) {
    self.slot = slot
    self.kind = kind
    self.digest = digest
    self.from = from
  }
}

/// A measured number with what is needed to read and compare it.
public struct MetricRecord: Codable, Hashable, Sendable {
  /// A number, or null where it is undefined.
  public var value: Value
  public var unit: String?
  public var direction: Direction?
  /// What is measured, in one sentence.
  public var doc: String?

  public enum Direction: String, Codable, Sendable { case higher, lower }

  public init(
    value: Value, unit: String? = nil, direction: Direction? = nil, doc: String? = nil
  ) {
    self.value = value
    self.unit = unit
    self.direction = direction
    self.doc = doc
  }
}

/// Why a stage failed, in words for its user.
public struct StageFailure: Codable, Hashable, Sendable {
  /// A stable code such as `P0301`.
  public var code: String
  public var message: String
  /// The last lines of the log.
  public var excerpt: [String]

  public init(code: String, message: String, excerpt: [String]) {
    self.code = code
    self.message = message
    self.excerpt = excerpt
  }
}

extension InstanceRecord {
  private static let leftOutMark = "left out by the selection; "

  /// What `why` says of an instance that the selection leaves out.
  ///
  /// - Parameter reason: Why it would be executed.
  /// - Returns: The sentence.
  public static func leftOut(_ reason: String) -> String { leftOutMark + reason }

  /// The reason in such a sentence; nil for any other.
  static func reason(ofLeftOut why: String) -> String? {
    why.hasPrefix(leftOutMark) ? String(why.dropFirst(leftOutMark.count)) : nil
  }
}
