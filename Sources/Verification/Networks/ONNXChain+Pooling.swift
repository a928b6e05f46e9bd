internal import Formats
internal import ONNX

extension ONNXChain {
  mutating func takeAveragePool(_ node: ONNXNode) throws {
    try node.refuseAttributes(except: [
      "kernel_shape", "strides", "pads", "auto_pad", "ceil_mode", "count_include_pad", "dilations",
    ])
    let window = try poolWindow(node)
    let countsPads = try node.int("count_include_pad", default: 0) == 1
    guard countsPads || window.pads.allSatisfy({ $0 == 0 }) else {
      throw node.error(
        .unsupported, found: "pads \(window.pads) that don't count",
        expected: "no pads, or 'count_include_pad'")
    }
    try takeMean(window, node)
  }

  /// GlobalAveragePool, and ReduceMean of rows and columns.
  mutating func takeGlobalAverage(_ node: ONNXNode) throws {
    guard shape.count == 4 else {
      throw node.error(found: "a value of shape \(shape)", expected: "channels, rows and columns")
    }
    var keepsAxes = true
    if node.operator == "ReduceMean" {
      let axes =
        try node.inputs.count > 1
        ? constant(node, 1).integers() ?? [] : node.ints("axes", default: [])
      guard Set(axes.map { $0 < 0 ? $0 + 4 : $0 }) == [2, 3] else {
        throw node.error(
          .unsupported, found: "a mean over the axes \(axes)", expected: "rows and columns, 2 and 3"
        )
      }
      keepsAxes = try node.int("keepdims", default: 1) != 0
    }
    try takeMean(
      ONNXWindow(extent: Array(shape[2...]), strides: [1, 1], pads: [0, 0, 0, 0]), node)
    if !keepsAxes { shape = [1, shape[1]] }
  }

  private mutating func takeMean(_ window: ONNXWindow, _ node: ONNXNode) throws {
    let channels = shape[1]
    guard let convolution = window.convolution(self, outChannels: channels) else {
      throw noFit(node, window)
    }
    var weights = [Double](repeating: 0, count: convolution.weightCount)
    for channel in 0..<channels {
      for (row, column) in window.places {
        weights[convolution.position(channel, channel, row, column)] =
          1 / Double(window.extent[0] * window.extent[1])
      }
    }
    let none = [Double](repeating: 0, count: channels)
    try take(AffineLayer(convolution, weights: weights, biases: none), node)
  }

  /// By pairs: `max(a, b) = a + max(b - a, 0)`, where `a` is carried through the ReLU as
  /// `max(a, 0)`, and `max(-a, 0)` where it may be negative.
  mutating func takeMaxPool(_ node: ONNXNode) throws {
    try node.refuseAttributes(except: [
      "kernel_shape", "strides", "pads", "auto_pad", "ceil_mode", "dilations", "storage_order",
    ])
    try refuseInsideResidual(node)
    let window = try poolWindow(node)
    // Padded places lose against every element, as zeros do against what a ReLU gave.
    guard window.pads.allSatisfy({ $0 == 0 }) || isRectified else {
      throw node.error(
        .unsupported, found: "pads \(window.pads) around values that may be negative",
        expected: "no pads, or a Relu before the pool")
    }
    var tournament = Tournament(places: window.places.count, isNegativePossible: !isRectified)
    let channels = shape[1]
    // The first round takes the window's places, each later one what the round before gave.
    var source = window
    var units = 1
    while let round = tournament.next() {
      guard let convolution = source.convolution(self, outChannels: channels * round.count) else {
        throw noFit(node, source)
      }
      let places = source.places
      var weights = [Double](repeating: 0, count: convolution.weightCount)
      for (unit, form) in round.enumerated() {
        for (index, factor) in form {
          let (row, column) = places[index % places.count]
          let block = units == 1 ? 0 : index
          for channel in 0..<channels {
            weights[
              convolution.position(
                unit * channels + channel, block * channels + channel, row, column)] = factor
          }
        }
      }
      let none = [Double](repeating: 0, count: convolution.outChannels)
      try take(AffineLayer(convolution, weights: weights, biases: none), node)
      endsLinear = false
      source = ONNXWindow(extent: [1, 1], strides: [1, 1], pads: [0, 0, 0, 0])
      units = round.count
    }
    guard units > 1 else { return }
    blocks = (0..<units).map { tournament.winner[$0] ?? 0 }
    shape[1] = channels
  }

  private func poolWindow(_ node: ONNXNode) throws -> ONNXWindow {
    guard try node.int("ceil_mode", default: 0) == 0,
      try node.ints("dilations", default: [1, 1]) == [1, 1], node.outputs.count == 1
    else {
      throw node.error(
        .unsupported, found: "attribute 'ceil_mode' or 'dilations', or two outputs",
        expected: "windows without holes that end inside")
    }
    return try window(node, extent: try node.ints("kernel_shape"))
  }

  private func noFit(_ node: ONNXNode, _ window: ONNXWindow) -> FormatError {
    node.error(
      .unsupported,
      found:
        "a window of \(window.extent), strides \(window.strides), pads \(window.pads) for a value "
        + "of shape \(shape)",
      expected: "one that fits, of at most 32 × 32")
  }
}

extension ONNXWindow {
  /// Where the window's elements are in the kernel that `convolution` has.
  var places: [(row: Int, column: Int)] {
    (0..<extent[0]).flatMap { row in
      (0..<extent[1]).map { (margins[0] + row, margins[1] + $0) }
    }
  }
}

extension Convolution {
  /// Where a weight stands.
  func position(_ output: Int, _ input: Int, _ row: Int, _ column: Int) -> Int {
    ((output * inChannels + input) * kernelHeight + row) * kernelWidth + column
  }
}

/// The maximum of several numbers by rounds of ReLUs of their differences.
private struct Tournament {
  /// A sum of factors times the units of the round before, or times the numbers themselves.
  typealias Form = [Int: Double]
  /// Who is still in, each as a form.
  private var players: [Form]
  private var isNegativePossible: Bool

  init(places: Int, isNegativePossible: Bool) {
    players = (0..<places).map { [$0: 1] }
    self.isNegativePossible = isNegativePossible
  }

  /// The maximum, in the units of the last round.
  var winner: Form { players[0] }

  /// The units of the next round, each the ReLU of a form; nil where one number is left.
  mutating func next() -> [Form]? {
    guard players.count > 1 else { return nil }
    var units: [Form] = []
    func carry(_ form: Form) -> Form {
      units.append(form)
      guard isNegativePossible else { return [units.count - 1: 1] }
      units.append(form.mapValues { -$0 })
      return [units.count - 2: 1, units.count - 1: -1]
    }
    var left: [Form] = []
    for first in stride(from: 0, to: players.count, by: 2) {
      var form = carry(players[first])
      if first + 1 < players.count {
        units.append(players[first + 1].merging(players[first].mapValues { -$0 }) { $0 + $1 })
        form[units.count - 1] = 1
      }
      left.append(form)
    }
    players = left
    return units
  }
}
