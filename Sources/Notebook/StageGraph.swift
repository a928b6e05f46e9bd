import ContentHashing
import RunRecord

/// Which stage feeds which, as the page draws it.
struct StageGraph {
  struct Node {
    var name: String
    var anchor: String
    var outcome: InstanceRecord.Outcome
    var words: String
  }

  private(set) var nodes: [Node] = []
  /// Pairs of node indices, from producer to consumer, sorted and without repetition.
  private(set) var edges: [(from: Int, to: Int)] = []

  /// More nodes than this are drawn as cells, with their matrix folded.
  static let mostInstances = 60

  /// - Parameters:
  ///   - record: What the run did.
  ///   - anchors: Where its stages are on the page.
  ///   - known: Edges between instances; where there are none they follow from the inputs.
  init(_ record: RunRecord, _ anchors: Anchors, edges known: [NotebookPage.Options.Edge] = []) {
    let byInstance = record.instances.count <= StageGraph.mostInstances
    let groups = StageGraph.groups(record, byInstance: byInstance)
    var nodeOf: [String: Int] = [:]
    for (index, group) in groups.enumerated() {
      for instance in group { nodeOf[instance.name] = index }
      let first = group[0]
      let name =
        byInstance ? first.name : first.cell + (group.count > 1 ? " × \(group.count)" : "")
      nodes.append(
        Node(
          name: name, anchor: StageGraph.anchor(first, byInstance, anchors),
          outcome: StageGraph.worst(group), words: OutcomeMark.counts(group)))
    }
    let ofCell = Dictionary(grouping: record.instances, by: \.cell)
    let cells = Set(ofCell.keys)
    var pairs: Set<[Int]> = []
    for edge in known {
      if let from = nodeOf[edge.from], let to = nodeOf[edge.to], from != to {
        pairs.insert([from, to])
      }
    }
    for instance in record.instances where known.isEmpty {
      for input in instance.inputs {
        guard let reference = Reference(input.from, cells: cells), let to = nodeOf[instance.name]
        else { continue }
        for producer in StageGraph.producers(reference, input, ofCell[reference.cell] ?? []) {
          if let from = nodeOf[producer.name], from != to { pairs.insert([from, to]) }
        }
      }
    }
    edges = pairs.sorted { $0.lexicographicallyPrecedes($1) }.map { ($0[0], $0[1]) }
  }

  private static func groups(_ record: RunRecord, byInstance: Bool) -> [[InstanceRecord]] {
    if byInstance { return record.instances.map { [$0] } }
    var order: [String] = []
    var groups: [String: [InstanceRecord]] = [:]
    for instance in record.instances {
      if groups[instance.cell] == nil { order.append(instance.cell) }
      groups[instance.cell, default: []].append(instance)
    }
    return order.compactMap { groups[$0] }
  }

  private static func anchor(_ instance: InstanceRecord, _ byInstance: Bool, _ anchors: Anchors)
    -> String
  {
    let cell = anchors.cells[instance.cell]
    let own = anchors.instances[instance.name] ?? "pipeline"
    return byInstance ? own : cell ?? own
  }

  private static func worst(_ group: [InstanceRecord]) -> InstanceRecord.Outcome {
    let order: [InstanceRecord.Outcome] = [.failed, .cancelled, .blocked, .executed, .cached]
    return order.first { outcome in group.contains { $0.outcome == outcome } } ?? .skipped
  }

  /// The producer by its content where one has made just that, else all that the name allows.
  private static func producers(
    _ reference: Reference, _ input: InputRecord, _ candidates: [InstanceRecord]
  ) -> [InstanceRecord] {
    let named = candidates.filter(reference.matches)
    let exact = named.filter { instance in
      instance.outputs.contains { $0.slot == reference.slot && $0.digest == input.digest }
    }
    return exact.isEmpty ? named : exact
  }
}
