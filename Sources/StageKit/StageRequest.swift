public import StructuredValue

/// The one line of JSON that a stage process reads from standard input.
///
/// All paths are absolute. The protocol is described in `Docs/protocol.md`.
public struct StageRequest: Codable, Sendable {
  public var type = "request"
  public var `protocol` = 1
  /// The plugin's name and full version.
  public var stage: String
  public var version: String
  /// The action key.
  public var action: String
  public var attempt: String
  public var params: Value
  public var inputs: [String: Input]
  public var outputs: [String: Output]
  public var resources: Resources
  public var seed: UInt64
  /// The checkpoint of an earlier attempt at the same action.
  public var checkpoint: String?
  public var scratch: String

  /// Writes every key, `null` included: plugins in other languages read them without asking.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(type, forKey: .type)
    try container.encode(`protocol`, forKey: .protocol)
    try container.encode(stage, forKey: .stage)
    try container.encode(version, forKey: .version)
    try container.encode(action, forKey: .action)
    try container.encode(attempt, forKey: .attempt)
    try container.encode(params, forKey: .params)
    try container.encode(inputs, forKey: .inputs)
    try container.encode(outputs, forKey: .outputs)
    try container.encode(resources, forKey: .resources)
    try container.encode(seed, forKey: .seed)
    try container.encode(checkpoint, forKey: .checkpoint)
    try container.encode(scratch, forKey: .scratch)
  }

  public struct Input: Codable, Sendable {
    public var path: String
    public var kind: String
    public var digest: String
    /// The artifacts below `path`, where the pipeline gathers them over a matrix.
    public var items: [Item]?

    public init(path: String, kind: String, digest: String, items: [Item]? = nil) {
      self.path = path
      self.kind = kind
      self.digest = digest
      self.items = items
    }
  }

  public struct Item: Codable, Sendable {
    public var name: String
    public var matrix: [String: Value]
    public var path: String
    public var digest: String

    public init(name: String, matrix: [String: Value], path: String, digest: String) {
      self.name = name
      self.matrix = matrix
      self.path = path
      self.digest = digest
    }
  }

  public struct Output: Codable, Sendable {
    public var path: String
    public var kind: String

    public init(path: String, kind: String) {
      self.path = path
      self.kind = kind
    }
  }

  public struct Resources: Codable, Sendable {
    public var cpus: Int
    /// Bytes, where the pipeline limits it.
    public var memory: Int?

    public init(cpus: Int, memory: Int? = nil) {
      self.cpus = cpus
      self.memory = memory
    }
  }

  public init(
    stage: String, version: String, action: String, attempt: String, params: Value,
    inputs: [String: Input], outputs: [String: Output], resources: Resources, seed: UInt64,
    checkpoint: String?, scratch: String
  ) {
    self.stage = stage
    self.version = version
    self.action = action
    self.attempt = attempt
    self.params = params
    self.inputs = inputs
    self.outputs = outputs
    self.resources = resources
    self.seed = seed
    self.checkpoint = checkpoint
    self.scratch = scratch
  }
}
