internal import CBoundKernels

/// A bound of what goes into one ReLU.
struct NeuronQuery: Hashable, Sendable {
  var neuron: Int
  /// Whether the upper bound is wanted: minus the lower bound of `-zhat`.
  var isUpper: Bool

  var key: Int { neuron * 2 + (isUpper ? 1 : 0) }
}

/// The lower slopes that were found for bounding each ambiguous ReLU at the root.
///
/// Every part of the box uses the same slopes for its intermediate bounds: any slopes are valid, good
/// ones at the root are good below it, and a certificate needs them only once.
struct IntermediateSlopes: Sendable {
  /// ReLUs of one earlier layer each, in ascending order, whose slopes a place's queries have.
  typealias Cell = [[UInt32]]

  /// For each layer of ReLUs, by place (row and column; one for a dense layer), the cells.
  var cells: [[Cell]] = []
  /// For each layer of ReLUs, by the query's key, its slopes in the order of the cell.
  var slopes: [[Int: [Float]]] = []

  /// The cells of layer `k`: the ambiguous ReLUs before it that each of its places depends on.
  static func cells(
    of k: Int, in network: KernelNetwork, bounds: [LayerBounds]
  ) -> [Cell] {
    let shape = network.layers[k].output
    let ambiguous = bounds[..<k].map { $0.ambiguous }
    let places = Int(shape.height) * Int(shape.width)
    guard network.layers[k].convolution != nil else {
      return [ambiguous.map { $0.map { UInt32($0) } }]
    }
    return (0..<places).map { place in
      let windows = network.windows(from: k, shape.window(of: place)).layers
      return (0..<k).map { j in
        let below = network.layers[j].output
        return ambiguous[j].filter { below.contains(windows[j], $0) }.map { UInt32($0) }
      }
    }
  }

  /// The place of a neuron among layer `k`'s cells.
  static func place(_ neuron: Int, _ layer: KernelNetwork.Layer) -> Int {
    layer.convolution == nil ? 0 : neuron % (Int(layer.output.height) * Int(layer.output.width))
  }

  /// Groups of up to eight queries of one place, which reach the same window.
  static func groups(_ queries: [NeuronQuery], _ layer: KernelNetwork.Layer) -> [[NeuronQuery]] {
    let lanes = BoundEngine.lanes
    guard layer.convolution != nil else {
      return stride(from: 0, to: queries.count, by: lanes).map {
        Array(queries[$0..<min($0 + lanes, queries.count)])
      }
    }
    var open: [Int: [NeuronQuery]] = [:]
    var groups: [[NeuronQuery]] = []
    for query in queries {
      let place = place(query.neuron, layer)
      open[place, default: []].append(query)
      if let group = open[place], group.count == lanes {
        groups.append(group)
        open[place] = nil
      }
    }
    return groups + open.sorted { $0.key < $1.key }.map(\.value)
  }
}

extension BoundEngine {
  /// Bounds one group of queries of layer `k`, whose levels below are set and shared.
  ///
  /// - Returns: The lower bound of `zhat`, or of `-zhat`, for each query, and its slopes.
  func bound(
    _ queries: [NeuronQuery], of k: Int, cell: IntermediateSlopes.Cell,
    slopes: [Int: [Float]], rule: LowerSlope, _ ascent: Ascent
  ) -> (values: [Double], slopes: [[Float]]) {
    let lanes = BoundEngine.lanes
    let shape = levels[k].shape
    let isConvolution = network.layers[k].convolution != nil
    let window = isConvolution ? shape.window(of: queries[0].neuron) : shape.whole
    let windows = network.windows(from: k, window)
    for j in 0...k { levels[j].window = windows.layers[j] }
    inputWindow = windows.input
    multipliers = []
    // Within the window all but the queried elements are 0.
    if isConvolution {
      let area = Int(shape.height) * Int(shape.width)
      let place = queries[0].neuron % area
      for channel in 0..<Int(shape.channels) {
        (levels[k].a + (channel * area + place) * lanes).update(repeating: 0, count: lanes)
      }
    } else {
      levels[k].a.update(repeating: 0, count: levels[k].count * lanes)
    }
    for lane in 0..<lanes { offset[lane] = 0 }
    var target = [Double](repeating: -.infinity, count: lanes)
    var given: [[Float]?] = []
    for (lane, query) in queries.enumerated() {
      levels[k].a[query.neuron * lanes + lane] = query.isUpper ? -1 : 1
      target[lane] = 0
      given.append(slopes[query.key])
    }
    var start = 0
    for j in 0..<k {
      let level = levels[j]
      for (position, neuron) in cell[j].enumerated() {
        level.active[position] = neuron
        let i = Int(neuron)
        // A ReLU that is no longer ambiguous keeps its exact line.
        guard level.intercept[i] > 0 else { continue }
        let initial: Double
        switch rule {
        case .parallel: initial = level.upper[i]
        // u > -l, told from the slope u / (u - l).
        case .adaptive: initial = level.upper[i] > 0.5 ? 1 : 0
        }
        for lane in given.indices {
          level.lower[i * lanes + lane] =
            given[lane].map { Double($0[start + position]) } ?? initial
        }
      }
      levels[j].activeCount = cell[j].count
      start += cell[j].count
    }
    ascend(from: k, ascent, until: target)
    var found = [[Float]](repeating: [], count: ascent.steps > 0 ? queries.count : 0)
    for lane in found.indices {
      found[lane].reserveCapacity(start)
      for j in 0..<k {
        for position in 0..<cell[j].count {
          found[lane].append(levels[j].best[position * lanes + lane])
        }
      }
    }
    return (queries.indices.map { best[$0] }, found)
  }
}
