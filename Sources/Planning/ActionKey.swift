public import ContentHashing
import StageManifest
public import StructuredValue

/// The name of an action: the digest of everything that may change its result.
///
/// Not in it: paths, times, the cell's id, order, prose, thread count, resources, machine (design,
/// section 3).
public struct ActionKey: Hashable, Sendable {
  public var digest: Digest
  /// The components by name (`param.seed`, `input.table`, `code`, …), so that a key is never a
  /// mystery.
  public var fields: [String: Value]

  /// The content that an input slot was given; nil where nothing is connected to it.
  public func content(ofInput slot: String) -> Digest? {
    guard let text = fields["input.\(slot)"]?.string,
      let gap = text.utf8.lastIndex(of: UInt8(ascii: " "))
    else { return nil }
    return Digest(text[text.utf8.index(after: gap)...])
  }

  /// What an input slot was given.
  public struct InputContent: Hashable, Sendable {
    public var kind: String
    public var digest: Digest
    public init(kind: String, digest: Digest) {
      self.kind = kind
      self.digest = digest
    }
  }

  /// - `inputs`: The content of each input slot that is connected.
  /// - `facets`: What the environment says about itself: `tool.python3 --version`, `platform`.
  /// - `salt`: The pipeline's salt; changing it changes all keys.
  public init(
    of instance: Instance, inputs: [String: InputContent], facets: [String: Value],
    salt: String?
  ) {
    var fields = facets
    fields["protocol"] = 1
    switch instance.work {
    case .plugin(let plugin):
      fields["stage"] = .string(plugin.manifest.name)
      fields["version"] = .string(plugin.manifest.version.description)
      fields["code"] = .string(plugin.code)
      for resource in ["cpus", "gpus"] where !plugin.manifest.invariantUnder.contains(resource) {
        let amount = resource == "cpus" ? instance.resources.cpus : instance.resources.gpus
        fields["resources.\(resource)"] = .int(amount)
      }
    case .command(let arguments): fields["command"] = .list(arguments.map { .string($0) })
    case .shell(let text): fields["shell"] = .string(text)
    }
    for (name, value) in instance.parameters { fields["param.\(name)"] = value }
    for (slot, content) in inputs {
      fields["input.\(slot)"] = .string("\(content.kind) \(content.digest.hex)")
    }
    for output in instance.outputs { fields["output.\(output.name)"] = .string(output.kind) }
    for (name, value) in instance.environment { fields["env.\(name)"] = .string(value) }
    if !instance.secrets.isEmpty {
      fields["secrets"] = .list(instance.secrets.sorted().map { .string($0) })
    }
    if let seed = instance.seed { fields["seed"] = .int(Int(truncatingIfNeeded: seed)) }
    if let salt { fields["salt.pipeline"] = .string(salt) }
    if let salt = instance.salt { fields["salt.stage"] = .string(salt) }
    self.fields = fields
    digest = .canonical("action/v1", .map(fields))
  }
}

/// A component in which two keys differ.
public struct KeyDifference: Hashable, Sendable, Comparable {
  public var field: String
  public var old: Value?
  public var new: Value?

  /// The components in which two field lists differ, sorted by name.
  public static func between(_ old: [String: Value], _ new: [String: Value]) -> [KeyDifference] {
    Set(old.keys).union(new.keys).filter { !isSame(old[$0], new[$0]) }
      .map { KeyDifference(field: $0, old: old[$0], new: new[$0]) }.sorted()
  }

  /// Records are JSON, which does not tell `2` from `2.0`.
  private static func isSame(_ old: Value?, _ new: Value?) -> Bool {
    switch (old, new) {
    case (.list(let old)?, .list(let new)?):
      old.count == new.count && zip(old, new).allSatisfy { isSame($0, $1) }
    case (.map(let old)?, .map(let new)?):
      old.keys == new.keys && old.allSatisfy { isSame($1, new[$0]) }
    case (.int?, .double?), (.double?, .int?): old?.double == new?.double
    default: old == new
    }
  }

  public static func < (left: KeyDifference, right: KeyDifference) -> Bool {
    left.field < right.field
  }

  /// One clause for people: `param.samples 10 → 20`.
  public var sentence: String {
    func show(_ value: Value?) -> String {
      guard let value else { return "absent" }
      let text = value.text
      return text.split(separator: " ").last.flatMap { Digest($0) } != nil
        ? text.prefix(while: { $0 != " " }) + " "
          + (Digest(text.split(separator: " ").last ?? "")?.short ?? "")
        : text.count > 60 ? text.prefix(57).replacing("\n", with: " ") + "…" : text
    }
    if field == "code" { return "the stage's code changed" }
    if field == "shell" || field == "command" { return "the command changed" }
    return "\(field) \(show(old)) → \(show(new))"
  }
}
