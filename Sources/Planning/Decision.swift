public import ContentHashing
import StageManifest
public import StructuredValue

/// What must be done about an instance, and why.
public enum Decision: Sendable {
  /// An earlier result is at hand.
  case reuse(ActionKey, KnownResult)
  case execute(ActionKey, why: String)
  /// Its inputs are not known before others have been executed.
  case wait(why: String)
  /// `when:` is false.
  case skip(why: String)
  /// An input can't come to be.
  case block(why: String)
}

/// The result of an action that the store knows.
public struct KnownResult: Sendable {
  public var outputs: [String: KnownOutput]
  public init(outputs: [String: KnownOutput]) { self.outputs = outputs }
}

/// An output's content in the store.
public struct KnownOutput: Hashable, Sendable {
  public var kind: String
  public var digest: Digest
  public var isTree: Bool
  /// Bytes.
  public var size: Int

  public init(kind: String, digest: Digest, isTree: Bool, size: Int) {
    self.kind = kind
    self.digest = digest
    self.isTree = isTree
    self.size = size
  }
}

/// An instance in the latest run.
public struct LatestAction: Sendable {
  /// The components of its key; none where that run did not get as far.
  public var fields: [String: Value]
  /// Where that run left it out, why it would have been executed, or why nobody asked.
  public var pending: String?

  public init(fields: [String: Value], pending: String? = nil) {
    self.fields = fields
    self.pending = pending
  }
}

/// What a decision needs to know of the world; the store and the work tree answer it.
public protocol PlanFacts: AnyObject {
  /// The content of a file or folder, relative to the project's root.
  ///
  /// - Throws: An error that describes what is missing.
  func content(ofPath path: String) throws -> Digest
  /// The result of an action, if the store has it whole.
  func result(for key: Digest) -> KnownResult?
  /// What the latest run says of the same instance, for the reason.
  func latest(of instance: String) -> LatestAction?
  /// What the environment says about itself, for this instance: tools, platform.
  func facets(for instance: Instance) throws -> [String: Value]
}

/// Decides about instances one after the other, in the order of the graph.
public struct Decider {
  public var graph: Graph
  public var facts: any PlanFacts
  public var salt: String?
  /// Instances whose earlier results are not used.
  public var forced: Set<Int>

  public init(graph: Graph, facts: any PlanFacts, salt: String?, forced: Set<Int>) {
    self.graph = graph
    self.facts = facts
    self.salt = salt
    self.forced = forced
  }

  /// How an instance stands whose result others need.
  public enum Standing {
    case known(KnownResult)
    case pending
    /// Failed, skipped or blocked.
    case absent(reason: String)
  }

  /// - `standing`: How each instance that this one needs stands.
  public func decide(_ index: Int, standing: (Int) -> Standing) -> Decision {
    let instance = graph.instances[index]
    guard instance.isEnabled else { return .skip(why: "its 'when' is false") }
    var pending: [String] = []
    for need in graph.needs[index] {
      switch standing(need) {
      case .known: break
      case .pending: pending.append(graph.instances[need].name)
      case .absent(let reason):
        return .block(why: "needs \(graph.instances[need].name), which \(reason)")
      }
    }
    if let first = pending.first {
      let others = pending.count > 1 ? " and \(pending.count - 1) more" : ""
      return .wait(why: "waits for \(first)\(others)")
    }
    do {
      return decide(instance, key: try key(of: instance, standing: standing), index: index)
    } catch {
      return .block(why: "\(error)")
    }
  }

  private func decide(_ instance: Instance, key: ActionKey, index: Int) -> Decision {
    if forced.contains(index) { return .execute(key, why: "forced") }
    if !instance.isCached { return .execute(key, why: "its cell says 'cache: false'") }
    if case .plugin(let plugin) = instance.work, plugin.manifest.isNondeterministic {
      return .execute(key, why: "its manifest says 'deterministic: no'")
    }
    if let result = facts.result(for: key.digest) { return .reuse(key, result) }
    guard let latest = facts.latest(of: instance.name) else {
      return .execute(key, why: "no earlier result")
    }
    let differences = KeyDifference.between(latest.fields, key.fields)
    // A run that did not get as far as its key says nothing that could differ.
    if differences.isEmpty || latest.fields.isEmpty {
      let why = latest.pending ?? "its earlier result is not in the store, or it failed"
      return .execute(key, why: why)
    }
    let shown = differences.prefix(3).map(\.sentence).joined(separator: "; ")
    let more = differences.count > 3 ? "; and \(differences.count - 3) more" : ""
    return .execute(key, why: shown + more)
  }

  private func key(of instance: Instance, standing: (Int) -> Standing) throws -> ActionKey {
    var inputs: [String: ActionKey.InputContent] = [:]
    for input in instance.inputs {
      inputs[input.name] = ActionKey.InputContent(
        kind: input.kind, digest: try content(of: input, standing: standing))
    }
    return ActionKey(
      of: instance, inputs: inputs, facets: try facts.facets(for: instance), salt: salt)
  }

  /// The digest of what an input slot is given.
  private func content(of input: Instance.InputSlot, standing: (Int) -> Standing) throws -> Digest {
    func output(_ instance: Int, _ slot: String) throws -> KnownOutput {
      guard case .known(let result) = standing(instance), let output = result.outputs[slot] else {
        throw AbsentOutput(
          description:
            "needs \(graph.instances[instance].name).\(slot), which that stage did not make")
      }
      return output
    }
    switch input.source {
    case .path(let path): return try facts.content(ofPath: path)
    case .artifact(let instance, let slot): return try output(instance, slot).digest
    case .gathered(let items):
      // Names count: a stage sees them, so the same artifacts under other names are other input.
      return .canonical(
        "gathered/v1",
        .list(
          try items.map { item in
            [.string(item.name), .string(try output(item.instance, item.slot).digest.hex)]
          }))
    }
  }
}

private struct AbsentOutput: Error, CustomStringConvertible {
  var description: String
}

extension Instance {
  /// Whether a known result may stand for an execution.
  public var isReusable: Bool {
    if case .plugin(let plugin) = work, plugin.manifest.isNondeterministic { return false }
    return isCached
  }
}
