import Foundation
public import Planning
import SpecSyntax
import StructuredValue

/// Which cells a command is about.
public struct Selection: Sendable {
  /// These, and what they need.
  public var only: [String] = []
  /// These, and everything that uses them.
  public var from: [String] = []
  /// Everything up to these in the file, and what that needs.
  public var until: [String] = []
  /// Executed although their results are known.
  public var force: [String] = []

  public init() {}

  public var isEverything: Bool { only.isEmpty && from.isEmpty && until.isEmpty }

  /// The instances that may be executed.
  ///
  /// - Throws: `ProjectError` when a name fits nothing.
  public func selected(in graph: Graph) throws -> Set<Int> {
    if isEverything { return Set(graph.instances.indices) }
    var selected: Set<Int> = []
    for pattern in only { selected.formUnion(graph.withNeeds(try Self.matches(pattern, graph))) }
    for pattern in from {
      selected.formUnion(graph.withNeeds(graph.withUsers(try Self.matches(pattern, graph))))
    }
    for pattern in until {
      let last = try Self.matches(pattern, graph).max() ?? 0
      selected.formUnion(graph.withNeeds(0...last))
    }
    return selected
  }

  /// The instances to execute again.
  public func forced(in graph: Graph) throws -> Set<Int> {
    try force.reduce(into: []) { $0.formUnion(try Self.matches($1, graph)) }
  }

  /// The instances that a name, a glob or a tag fits: `predictor`, `predictor[device=fpga]`,
  /// `pred*`, `tag:slow`, `all`.
  public static func matches(_ pattern: String, _ graph: Graph) throws -> Set<Int> {
    if pattern == "all" { return Set(graph.instances.indices) }
    let found = graph.instances.indices.filter { index in
      let instance = graph.instances[index]
      if pattern.hasPrefix("tag:") { return instance.tags.contains(String(pattern.dropFirst(4))) }
      if instance.cell == pattern || instance.name == pattern { return true }
      guard let open = pattern.firstIndex(of: "["), pattern.hasSuffix("]") else {
        return fnmatch(pattern, instance.cell, 0) == 0
      }
      guard fnmatch(String(pattern[..<open]), instance.cell, 0) == 0 else { return false }
      let pins = pattern[pattern.index(after: open)...].dropLast().split(separator: ",")
      return pins.allSatisfy { pin in
        let sides = pin.split(separator: "=", maxSplits: 1).map(String.init)
        if pin == "*" { return true }
        guard sides.count == 2, let value = instance.matrix[sides[0]]?.text else { return false }
        return fnmatch(sides[1], value, 0) == 0
      }
    }
    guard !found.isEmpty else {
      let cells = Array(Set(graph.instances.map(\.cell))).sorted()
      let near = nearest(pattern, among: cells + graph.instances.map(\.name))
      throw ProjectError(
        status: ProjectError.usage,
        "error: there is no stage '\(pattern)'"
          + (near.map { "; did you mean '\($0)'?" }
            ?? "; the stages are \(cells.joined(separator: ", "))"))
    }
    return Set(found)
  }
}
