public import ContentHashing
public import RunRecord
import StructuredValue

/// The chain of instances that something in a run comes from, or that used it.
public struct Lineage: Codable, Hashable, Sendable {
  /// An instance on the chain.
  public struct Step: Codable, Hashable, Sendable {
    public var instance: String
    public var plugin: String?
    public var version: String?
    public var key: Digest?
    /// 0 for the instance asked for, 1 for its neighbours, and so on: the shortest way.
    public var depth: Int
    public var inputs: [Link]
    public var outputs: [ArtifactRecord]
  }

  /// An input with the instances that made it.
  public struct Link: Codable, Hashable, Sendable {
    public var input: InputRecord
    /// The names of the instances; none where the input came from outside of the run.
    public var producers: [String]

    /// The outputs of the producers that the input takes.
    package var slots: [String] { Reference.outputs(of: input.from).map(\.slot) }
  }

  /// What was asked for: `predictor.model`, a digest, a metric's name.
  public var target: String
  /// Nearest first; instances of one depth in the order of the run.
  public var steps: [Step]
  /// Data sets and paths where the chain starts (backwards) or none (forwards).
  public var origins: [InputRecord]
  /// The claims that rest on the chain's instances, forwards only.
  public var claims: [ClaimRecord]
  /// The repository's state that the run started from.
  public var source: RunRecord.Source?
}

extension Lineage {
  /// Where something comes from: the instance that made it, what that one used, down to data sets,
  /// paths and the commit.
  ///
  /// - Parameters:
  ///   - target: An artifact's digest or at least six digits of it, `cell.slot`,
  ///     `cell[axis=value].slot`, the name of a metric, an instance, or a published path.
  ///   - record: The run.
  /// - Returns: Nil where the run has nothing of that name.
  public static func backwards(_ target: String, in record: RunRecord) -> Lineage? {
    let graph = LineageGraph(record)
    let start = graph.instances(for: target)
    if start.isEmpty {
      // Something that the run only read has a lineage too: itself.
      let read = graph.inputs(for: target)
      return read.isEmpty
        ? nil
        : Lineage(target: target, steps: [], origins: read, claims: [], source: record.source)
    }
    let steps = graph.walk(from: start) { graph.producers(of: $0) }
    let origins = steps.flatMap(\.inputs).filter(\.producers.isEmpty).map(\.input)
    return Lineage(
      target: target, steps: steps, origins: unique(origins), claims: [], source: record.source)
  }

  /// What used an artifact or a data set, directly or through others.
  ///
  /// - Returns: No steps where nothing used it.
  public static func forwards(_ digest: Digest, in record: RunRecord) -> Lineage {
    let graph = LineageGraph(record)
    let start = record.instances.indices.filter { index in
      record.instances[index].inputs.contains { $0.digest == digest }
    }
    let steps = graph.walk(from: start) { graph.consumers(of: $0) }
    return Lineage(
      target: digest.hex, steps: steps, origins: [],
      claims: claims(on: Set(steps.map(\.instance)), graph), source: record.source)
  }

  /// Every instance of a run with the makers of its inputs, in the order of the run.
  public static func all(in record: RunRecord) -> Lineage {
    let graph = LineageGraph(record)
    let steps = graph.walk(from: Array(record.instances.indices)) { _ in [] }
    let origins = steps.flatMap(\.inputs).filter(\.producers.isEmpty).map(\.input)
    return Lineage(
      target: record.id, steps: steps, origins: unique(origins), claims: record.claims,
      source: record.source)
  }

  /// What used something that a run made or read, by any of the names that `backwards` takes.
  ///
  /// Of an output the users of just this output; of an instance or a metric those of all its outputs.
  ///
  /// - Returns: Nil where the run has nothing of that name.
  public static func forwards(_ target: String, in record: RunRecord) -> Lineage? {
    let graph = LineageGraph(record)
    let makers = graph.instances(for: target)
    let read = makers.isEmpty ? graph.inputs(for: target) : []
    guard !makers.isEmpty || !read.isEmpty else { return nil }
    let slots = graph.slots(for: target, of: makers)
    let start = record.instances.indices.filter { index in
      record.instances[index].inputs.enumerated().contains { position, input in
        if read.contains(where: { $0.digest == input.digest }) { return true }
        let read = Reference.outputs(of: input.from).map(\.slot)
        guard slots.map({ !$0.isDisjoint(with: read) }) != false else { return false }
        return graph.producers(of: index, input: position).contains(where: makers.contains)
      }
    }
    let steps = graph.walk(from: start) { graph.consumers(of: $0) }
    let names = Set(steps.map(\.instance)).union(
      slots == nil ? makers.map { record.instances[$0].name } : [])
    return Lineage(
      target: target, steps: steps, origins: [],
      claims: claims(on: names, graph), source: record.source)
  }

  private static func claims(on names: Set<String>, _ graph: LineageGraph) -> [ClaimRecord] {
    graph.record.claims.filter { claim in
      graph.instances(for: claim.measured).contains {
        names.contains(graph.record.instances[$0].name)
      }
    }
  }

  private static func unique(_ inputs: [InputRecord]) -> [InputRecord] {
    var seen: Set<[String]> = []
    return inputs.filter { seen.insert([$0.from, $0.digest.hex]).inserted }
  }
}

/// Who made what for whom in one run.
struct LineageGraph {
  let record: RunRecord
  private let byName: [String: Int]
  private let byCell: [String: [Int]]
  /// The producers of each instance's inputs, in the inputs' order.
  private let links: [[[Int]]]
  private let users: [[Int]]

  init(_ record: RunRecord) {
    self.record = record
    let byCell = Dictionary(grouping: record.instances.indices) { record.instances[$0].cell }
    self.byCell = byCell
    byName = Dictionary(
      record.instances.indices.map { (record.instances[$0].name, $0) },
      uniquingKeysWith: { a, _ in a })
    let links = record.instances.map { instance in
      instance.inputs.map { makers(of: $0, in: record, byCell: byCell) }
    }
    self.links = links
    var users = Array(repeating: [Int](), count: record.instances.count)
    for (user, inputs) in links.enumerated() {
      for maker in Set(inputs.joined()) { users[maker].append(user) }
    }
    self.users = users
  }

  func producers(of index: Int) -> [Int] { Set(links[index].joined()).sorted() }
  func consumers(of index: Int) -> [Int] { users[index] }
  func producers(of index: Int, input: Int) -> [Int] { links[index][input] }
  func index(named name: String) -> Int? { byName[name] }

  /// Breadth first, so that each instance stands once, at its smallest depth.
  func walk(from start: [Int], next: (Int) -> [Int]) -> [Lineage.Step] {
    var seen = Set(start)
    var level = start
    var steps: [Lineage.Step] = []
    var depth = 0
    while !level.isEmpty {
      steps += level.map { step($0, depth: depth) }
      level = Set(level.flatMap(next)).subtracting(seen).sorted()
      seen.formUnion(level)
      depth += 1
    }
    return steps
  }

  private func step(_ index: Int, depth: Int) -> Lineage.Step {
    let instance = record.instances[index]
    let inputs = instance.inputs.enumerated().map { position, input in
      Lineage.Link(
        input: input, producers: links[index][position].map { record.instances[$0].name })
    }
    return Lineage.Step(
      instance: instance.name, plugin: instance.plugin, version: instance.version,
      key: instance.key, depth: depth, inputs: inputs, outputs: instance.outputs)
  }

  /// The instances that a user means by a digest, a name, an output, a metric or a path.
  func instances(for target: String) -> [Int] {
    if let exact = byName[target] { return [exact] }
    if let cell = byCell[target] { return cell }
    if let dot = target.lastIndex(of: ".") {
      let owner = String(target[..<dot])
      let member = String(target[target.index(after: dot)...])
      let candidates = byName[owner].map { [$0] } ?? byCell[Reference.cell(of: owner)] ?? []
      let matches = candidates.filter { index in
        let instance = record.instances[index]
        return Reference.allows(owner, instance)
          && (instance.metrics[member] != nil || instance.outputs.contains { $0.slot == member })
      }
      if !matches.isEmpty { return matches }
    }
    return record.instances.indices.filter { index in
      let instance = record.instances[index]
      return instance.metrics[target] != nil
        || instance.outputs.contains { $0.published == target || names(target, $0.digest) }
    }
  }

  /// The outputs that a user means by a name that the given instances answer to; nil for all.
  func slots(for target: String, of makers: [Int]) -> Set<String>? {
    var slots: Set<String> = []
    for output in makers.flatMap({ record.instances[$0].outputs })
    where target.hasSuffix(".\(output.slot)") || output.published == target
      || names(target, output.digest)
    {
      slots.insert(output.slot)
    }
    let isInstance = makers.contains {
      record.instances[$0].name == target || record.instances[$0].cell == target
    }
    return slots.isEmpty || isInstance ? nil : slots
  }

  /// The inputs from outside that a user means by a path or digest.
  func inputs(for target: String) -> [InputRecord] {
    let all = record.instances.flatMap(\.inputs)
    return all.first { $0.from == target || names(target, $0.digest) }.map { [$0] } ?? []
  }

  private func names(_ text: String, _ digest: Digest) -> Bool {
    let digits = text.hasPrefix("sha256:") ? text.dropFirst(7) : text[...]
    return digits.count >= 6 && digest.hex.hasPrefix(digits.lowercased())
  }
}

/// The parts of `predictor[device=fpga].model`.
enum Reference {
  /// The outputs that an input's `from` names: one, or those of a list such as
  /// `["one.table","two.table"]`; none where it is a path.
  static func outputs(of from: String) -> [(owner: String, slot: String)] {
    let texts =
      from.hasPrefix("[") ? (try? Value(json: from))?.list?.compactMap(\.string) ?? [] : [from]
    return texts.compactMap { text in
      guard let dot = text.lastIndex(of: ".") else { return nil }
      return (String(text[..<dot]), String(text[text.index(after: dot)...]))
    }
  }

  static func cell(of owner: String) -> String {
    owner.firstIndex(of: "[").map { String(owner[..<$0]) } ?? owner
  }

  /// Whether `predictor`, `predictor[*]`, `predictor[device=fpga,seed=*]` or an instance's own name
  /// stands for the instance; an axis that is not named may have any value.
  static func allows(_ owner: String, _ instance: InstanceRecord) -> Bool {
    guard owner != instance.name, let open = owner.firstIndex(of: "["), owner.hasSuffix("]") else {
      return true
    }
    return owner[owner.index(after: open)...].dropLast().split(separator: ",").allSatisfy { pin in
      let sides = pin.split(separator: "=", maxSplits: 1)
      if sides.last == "*" { return true }
      return sides.count == 2 && instance.matrix[String(sides[0])]?.text == String(sides[1])
    }
  }
}

/// The instances whose output an input is: those that `from` names, of them those with the very
/// digest if there are any, since `predictor[*].model` gathers several in a new tree.
private func makers(
  of input: InputRecord, in record: RunRecord, byCell: [String: [Int]]
) -> [Int] {
  let outputs = Reference.outputs(of: input.from)
  let named = outputs.flatMap { owner, slot in
    (byCell[Reference.cell(of: owner)] ?? []).filter { index in
      let instance = record.instances[index]
      return Reference.allows(owner, instance) && instance.outputs.contains { $0.slot == slot }
    }
  }
  let slots = Set(outputs.map(\.slot))
  let same = named.filter { index in
    record.instances[index].outputs.contains {
      slots.contains($0.slot) && $0.digest == input.digest
    }
  }
  return same.isEmpty ? named : same
}
