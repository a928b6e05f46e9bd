#if canImport(Glibc)
  import Glibc
#endif

/// The cells of NAS-Bench-201: nodes 0…3 and an operation on each of six edges.
public enum NASBench201 {
  public static let operations = [
    "none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3",
  ]
  /// The edges in the order of a design's digits.
  package static let edges = [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)]

  /// Reads `|op~0|+|op~0|op~1|+|op~0|op~1|op~2|`.
  ///
  /// - Throws: `EdgeError` with the node and the edge that are wrong.
  public static func design(cell: String) throws(EdgeError) -> [Int] {
    let nodes = cell.split(separator: "+", omittingEmptySubsequences: false)
    guard nodes.count == 3 else {
      throw EdgeError(.badDesign, "cell '\(cell)' has \(nodes.count) nodes, not 3")
    }
    var design: [Int] = []
    for (node, text) in nodes.enumerated() {
      let edges = text.split(separator: "|")
      guard edges.count == node + 1, text.hasPrefix("|"), text.hasSuffix("|") else {
        throw EdgeError(
          .badDesign,
          "node \(node + 1) of cell '\(cell)' is '\(text)'; it needs \(node + 1) edges between '|'")
      }
      for (predecessor, edge) in edges.enumerated() {
        let parts = edge.split(separator: "~", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[1] == "\(predecessor)" else {
          throw EdgeError(
            .badDesign,
            "edge \(predecessor) of node \(node + 1) in cell '\(cell)' is '\(edge)'; it must end "
              + "in '~\(predecessor)'")
        }
        guard let operation = operations.firstIndex(of: String(parts[0])) else {
          throw EdgeError(
            .badDesign,
            "unknown operation '\(parts[0])' at edge \(predecessor) of node \(node + 1); allowed "
              + "are \(operations.joined(separator: ", "))")
        }
        design.append(operation)
      }
    }
    return design
  }

  /// The same cell with every edge that lies on no path from input to output set to `none`.
  public static func effective(_ design: [Int]) -> [Int] {
    var fromInput = [true, false, false, false]
    var toOutput = [false, false, false, true]
    for (edge, ends) in edges.enumerated() where design[edge] != 0 && fromInput[ends.0] {
      fromInput[ends.1] = true
    }
    for (edge, ends) in edges.enumerated().reversed() where design[edge] != 0 && toOutput[ends.1] {
      toOutput[ends.0] = true
    }
    return design.enumerated().map { edge, operation in
      fromInput[edges[edge].0] && toOutput[edges[edge].1] ? operation : 0
    }
  }

  /// Whether data can flow from the cell's input to its output.
  public static func isConnected(_ design: [Int]) -> Bool {
    effective(design).contains { $0 != 0 }
  }

  /// Multiply-accumulates of the whole network for CIFAR-10 images of 32 × 32 pixels.
  public static func operationsCIFAR10(_ design: [Int]) -> Int {
    let counts = operationCounts(design, operations: 5)
    return 15 * (2_359_296 * Int(counts[3]) + 262_144 * Int(counts[2])) + 7_783_040
  }

  /// One-hot of raw and effective edges, and graph features: 79 numbers.
  static func features(_ design: [Int]) -> [Double] {
    let live = effective(design)
    let (raw, effective) = (
      operationCounts(design, operations: 5), operationCounts(live, operations: 5)
    )
    var result = indicators(design, operations: 5) + indicators(live, operations: 5)
    result += [log1p(9 * raw[3] + raw[2]), log1p(9 * effective[3] + effective[2])]
    result += raw + effective
    result += [
      longestPath(live, [0, 1, 1, 1, 1]), longestPath(live, [0, 0, 1, 1, 0]),
      longestPath(live, [0, 0, 0, 1, 0]), longestPath(live, [0, 0, 0, 1, 9]),
    ]
    let liveEdges = live.count { $0 != 0 }
    var liveNodes: Set<Int> = []
    for (edge, ends) in edges.enumerated() where live[edge] != 0 {
      liveNodes.insert(ends.0)
      liveNodes.insert(ends.1)
    }
    return result + [Double(liveNodes.count), Double(liveEdges), liveEdges > 0 ? 1 : 0]
  }

  private static func longestPath(_ live: [Int], _ weights: [Double]) -> Double {
    var reach = [0.0, 0, 0, 0]
    for (edge, ends) in edges.enumerated() where live[edge] != 0 {
      reach[ends.1] = max(reach[ends.1], reach[ends.0] + weights[live[edge]])
    }
    return reach[3]
  }
}
