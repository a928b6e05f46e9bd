import RunRecord

/// Draws a stage graph in layers from left to right.
///
/// Layers are longest paths; within a layer nodes are ordered by the mean place of their
/// neighbours (Sugiyama, Tagawa, Toda 1981), which takes out most crossings.
struct GraphDrawing {
  let graph: StageGraph
  private var layers: [[Int]] = []
  private var layerOf: [Int] = []

  init(_ graph: StageGraph) {
    self.graph = graph
    layerOf = GraphDrawing.longestPaths(graph)
    layers = Array(repeating: [], count: (layerOf.max() ?? -1) + 1)
    for (node, layer) in layerOf.enumerated() { layers[layer].append(node) }
    for _ in 0..<4 {
      orderByNeighbours(upstream: true)
      orderByNeighbours(upstream: false)
    }
  }

  /// The layer of each node; nodes on a cycle, which no valid record has, stay in the first.
  private static func longestPaths(_ graph: StageGraph) -> [Int] {
    var layer = Array(repeating: 0, count: graph.nodes.count)
    var waiting = Array(repeating: 0, count: graph.nodes.count)
    var consumers: [Int: [Int]] = [:]
    for edge in graph.edges {
      waiting[edge.to] += 1
      consumers[edge.from, default: []].append(edge.to)
    }
    var ready = waiting.indices.filter { waiting[$0] == 0 }
    while let node = ready.popLast() {
      for consumer in consumers[node] ?? [] {
        layer[consumer] = max(layer[consumer], layer[node] + 1)
        waiting[consumer] -= 1
        if waiting[consumer] == 0 { ready.append(consumer) }
      }
    }
    for node in waiting.indices where waiting[node] > 0 { layer[node] = 0 }
    return layer
  }

  private mutating func orderByNeighbours(upstream: Bool) {
    var neighbours: [Int: [Int]] = [:]
    for edge in graph.edges {
      let (node, other) = upstream ? (edge.to, edge.from) : (edge.from, edge.to)
      neighbours[node, default: []].append(other)
    }
    var place = Array(repeating: 0.0, count: graph.nodes.count)
    for layer in layers { GraphDrawing.settle(layer, &place) }
    let order = upstream ? Array(layers.indices) : layers.indices.reversed()
    for index in order {
      let mean = { (node: Int) -> Double in
        guard let others = neighbours[node] else { return place[node] }
        return others.reduce(0) { $0 + place[$1] } / Double(others.count)
      }
      let keyed = layers[index].map { (node: $0, mean: mean($0)) }
      layers[index] = keyed.sorted { ($0.mean, $0.node) < ($1.mean, $1.node) }.map(\.node)
      GraphDrawing.settle(layers[index], &place)
    }
  }

  /// Places within a layer, from -0.5 to 0.5, so that layers of different sizes compare.
  private static func settle(_ layer: [Int], _ place: inout [Double]) {
    for (rank, node) in layer.enumerated() {
      place[node] = (Double(rank) + 0.5) / Double(layer.count) - 0.5
    }
  }

  // MARK: - Drawing

  private static let rowHeight = 40
  private static let boxHeight = 28
  private static let gap = 56

  func svg() -> String {
    let widths = layers.map { layer in
      layer.map { GraphDrawing.width(GraphDrawing.label(graph.nodes[$0].name)) }.max() ?? 0
    }
    let tallest = layers.map(\.count).max() ?? 0
    let height = tallest * GraphDrawing.rowHeight + 8
    var left: [Int] = []
    var x = 4
    for width in widths {
      left.append(x)
      x += width + GraphDrawing.gap
    }
    var top = Array(repeating: 0, count: graph.nodes.count)
    for layer in layers {
      // What is taller than a screen starts at the top, where its frame is scrolled to.
      let offset = tallest > 20 ? 0 : (tallest - layer.count) * GraphDrawing.rowHeight / 2
      for (rank, node) in layer.enumerated() {
        top[node] = 4 + offset + rank * GraphDrawing.rowHeight
      }
    }
    let width = max(x - GraphDrawing.gap + 4, 8)
    var svg = "<svg class=\"graph\" width=\"\(width)\" height=\"\(height)\" "
    svg +=
      "viewBox=\"0 0 \(width) \(height)\" role=\"group\" aria-label=\"Stages of the pipeline\">"
    for edge in graph.edges {
      let (from, to) = (layerOf[edge.from], layerOf[edge.to])
      svg += GraphDrawing.edge(
        (left[from] + widths[from], top[edge.from] + GraphDrawing.boxHeight / 2),
        (left[to], top[edge.to] + GraphDrawing.boxHeight / 2))
    }
    for (index, node) in graph.nodes.enumerated() {
      let layer = layerOf[index]
      svg += GraphDrawing.box(node, left[layer], top[index], widths[layer])
    }
    return svg + "</svg>"
  }

  private static func edge(_ start: (x: Int, y: Int), _ end: (x: Int, y: Int)) -> String {
    let bend = max(20, (end.x - start.x) / 2)
    return "<path d=\"M\(start.x) \(start.y)C\(start.x + bend) \(start.y) \(end.x - bend) \(end.y) "
      + "\(end.x) \(end.y)\"/>"
  }

  private static func box(_ node: StageGraph.Node, _ x: Int, _ y: Int, _ width: Int) -> String {
    let title = HTML.escape("\(node.name): \(node.words)")
    return "<a href=\"#\(node.anchor)\" class=\"\(node.outcome.rawValue)\" aria-label=\"\(title)\">"
      + "<title>\(title)</title>"
      + "<rect x=\"\(x)\" y=\"\(y)\" width=\"\(width)\" height=\"\(boxHeight)\" rx=\"6\"/>"
      + "<text class=\"mark\" x=\"\(x + 10)\" y=\"\(y + 18)\">\(OutcomeMark.icon(node.outcome))</text>"
      + "<text x=\"\(x + 26)\" y=\"\(y + 18)\">\(HTML.escape(label(node.name)))</text></a>\n"
  }

  private static func label(_ name: String) -> String {
    name.count > 34 ? name.prefix(20) + "…" + name.suffix(12) : name
  }

  /// Pixels, for a font of 12 px whose letters are 7.3 px wide at most on average.
  private static func width(_ label: String) -> Int { 38 + label.count * 73 / 10 }
}
