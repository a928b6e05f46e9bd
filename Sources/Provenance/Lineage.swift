public import ContentHashing
public import RunRecord

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
    let names = Set(steps.map(\.instance))
    let claims = record.claims.filter { claim in
      graph.instances(for: claim.measured).contains { names.contains(record.instances[$0].name) }
    }
    return Lineage(
      target: digest.hex, steps: steps, origins: [], claims: claims, source: record.source)
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
        return Reference.allows(owner, instance.name)
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
  static func cell(of owner: String) -> String {
    owner.firstIndex(of: "[").map { String(owner[..<$0]) } ?? owner
  }

  /// Whether `predictor`, `predictor[*]` or an instance's own name stands for the instance.
  static func allows(_ owner: String, _ instance: String) -> Bool {
    !owner.contains("[") || owner.hasSuffix("[*]") || owner == instance
  }
}

/// The instances whose output an input is: those that `from` names, of them those with the very
/// digest if there are any, since `predictor[*].model` gathers several in a new tree.
private func makers(
  of input: InputRecord, in record: RunRecord, byCell: [String: [Int]]
) -> [Int] {
  guard let dot = input.from.lastIndex(of: ".") else { return [] }
  let owner = String(input.from[..<dot])
  let slot = input.from[input.from.index(after: dot)...]
  let named = (byCell[Reference.cell(of: owner)] ?? []).filter { index in
    let instance = record.instances[index]
    return Reference.allows(owner, instance.name) && instance.outputs.contains { $0.slot == slot }
  }
  let same = named.filter { index in
    record.instances[index].outputs.contains { $0.slot == slot && $0.digest == input.digest }
  }
  return same.isEmpty ? named : same
}
