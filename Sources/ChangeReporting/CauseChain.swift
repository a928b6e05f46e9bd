import Provenance

/// Why an instance was executed anew, as a tree: each change with the changes that explain it.
struct CauseChain {
  struct Link: Equatable {
    /// `input.table`, `param.seed`, `code`.
    var change: RunComparison.ValueChange
    /// What an input was connected to.
    var from: String?
    /// The instance that made the input anew.
    var upstream: String?
    /// Why that instance was executed anew.
    var causes: [Link]
  }

  private let byName: [String: RunComparison.InstanceChange]

  init(_ comparison: RunComparison) {
    byName = Dictionary(comparison.instances.map { ($0.name, $0) }) { first, _ in first }
  }

  /// The causes of an instance; what stands elsewhere in the tree already is not repeated.
  func links(of instance: String) -> [Link] {
    var told: Set<String> = [instance]
    return links(of: instance, told: &told)
  }

  private func links(of instance: String, told: inout Set<String>) -> [Link] {
    guard let change = byName[instance] else { return [] }
    return change.causes.filter { $0.instance == instance }.map { cause in
      var causes: [Link] = []
      if let upstream = cause.upstream, told.insert(upstream).inserted {
        causes = links(of: upstream, told: &told)
      }
      return Link(
        change: change.fields.first { $0.name == cause.field }
          ?? RunComparison.ValueChange(name: cause.field, before: nil, after: nil),
        from: cause.from, upstream: cause.upstream, causes: causes)
    }
  }
}
