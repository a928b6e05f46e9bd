/// A machine that rebuilds weights next to its multipliers.
///
/// Its parts are those that SmartExchange describes (Zhao et al., ISCA 2020, arXiv 2005.03403): slices
/// for output channels, in each of them lines that take kernel rows in turn, in each line multipliers
/// for neighbouring pixels of an output row and engines that turn a row of coefficients into a row of
/// weights by shifts and additions; a selector that skips rows without coefficients together with their
/// inputs; double buffers for weights. Bandwidth and clock are this project's own choice.
public struct Accelerator: Hashable, Sendable {
  public var slices = 64
  public var linesPerSlice = 16
  public var multipliersPerLine = 8
  /// Each adds a shifted row of the basis for one coefficient a cycle.
  public var rebuildEnginesPerLine = 2
  public var inputBufferBytes = 524_288
  /// Of one slice, for the weights in use; as many bytes take those that come next.
  public var weightBufferBytes = 2048
  /// Bytes that DRAM moves in a cycle.
  public var dramBytesPerCycle = 16.0
  /// Cycles a second.
  public var clock = 1e9

  public init() {}

  public var multipliers: Int { slices * linesPerSlice * multipliersPerLine }

  /// Refuses what is no machine.
  ///
  /// - Throws: ``SmartDealError`` that names the part.
  public func check() throws(SmartDealError) {
    for (name, count) in [
      ("slices", slices), ("lines", linesPerSlice), ("multipliers", multipliersPerLine),
      ("rebuild engines", rebuildEnginesPerLine), ("weight buffer bytes", weightBufferBytes),
      ("input buffer bytes", inputBufferBytes),
    ] where !(1...(1 << 30)).contains(count) {
      throw SmartDealError(.badOption, "the accelerator has \(count) \(name); it needs at least 1")
    }
    guard dramBytesPerCycle > 0, dramBytesPerCycle.isFinite, clock > 0, clock.isFinite else {
      throw SmartDealError(
        .badOption,
        "the accelerator has a clock of \(clock) and \(dramBytesPerCycle) bytes a cycle; both must "
          + "be above 0")
    }
  }
}

/// The coefficient rows of a layer as the index selector sees them.
public struct RowOccupancy: Hashable, Sendable {
  /// Filters, each with as many rows.
  public let filters: Int
  public let rowsPerFilter: Int
  /// Weights that a row becomes.
  public let columns: Int
  /// Non-zeros of each row, filter after filter.
  public let nonZeros: [UInt8]

  /// The rows of dense weights: all of them there, and nothing to rebuild.
  public static func dense(_ geometry: LayerGeometry) -> RowOccupancy {
    let columns = geometry.kernelWidth
    let rows = geometry.inputsPerGroup * geometry.kernel
    return RowOccupancy(
      filters: geometry.outputs, rowsPerFilter: rows, columns: columns,
      nonZeros: [UInt8](repeating: UInt8(min(columns, 255)), count: geometry.outputs * rows))
  }

  /// The rows of a decomposed tensor.
  public init(_ layout: BlockLayout, _ codes: [Int8]) {
    filters = layout.outputs
    rowsPerFilter = layout.blocksPerOutput * layout.rowsPerBlock
    columns = layout.n
    let n = layout.n
    nonZeros = (0..<codes.count / max(n, 1)).map { row in
      var count: UInt8 = 0
      for column in 0..<n where codes[row * n + column] != 0 { count += 1 }
      return count
    }
  }

  init(filters: Int, rowsPerFilter: Int, columns: Int, nonZeros: [UInt8]) {
    self.filters = filters
    self.rowsPerFilter = rowsPerFilter
    self.columns = columns
    self.nonZeros = nonZeros
  }
}

/// A layer as the accelerator runs it.
public struct AcceleratorLayer: Sendable {
  public var geometry: LayerGeometry
  public var storage: LayerStorage
  public var rows: RowOccupancy

  public init(geometry: LayerGeometry, storage: LayerStorage, rows: RowOccupancy) {
    self.geometry = geometry
    self.storage = storage
    self.rows = rows
  }

  /// The layer with weights of 8 bits.
  public static func dense(_ geometry: LayerGeometry) -> AcceleratorLayer {
    AcceleratorLayer(
      geometry: geometry, storage: .dense(geometry), rows: .dense(geometry))
  }
}

/// What a layer did while it ran.
public struct LayerRun: Hashable, Sendable {
  public var name: String
  /// From the end of the layer before to the end of this one.
  public var cycles = 0
  /// Cycles in which the lines worked; in the others they waited for DRAM.
  public var computeCycles = 0
  public var multiplications = 0
  /// Shift-and-add operations of a row of the basis, each of as many numbers as a row has.
  public var rebuildRows = 0
  public var rebuildWidth = 0
  public var dramWeightBytes = 0.0
  public var dramActivationBytes = 0.0
  public var inputBufferBytes = 0.0
  public var weightBufferBytes = 0.0
  public var outputBufferBytes = 0.0
  /// Parts that a filter's weights were cut into, so that each fits the weight buffer.
  public var chunks = 0

  /// Multiplications done over those that all multipliers could have done meanwhile.
  public func utilisation(_ machine: Accelerator) -> Double {
    cycles > 0 ? Double(multiplications) / (Double(cycles) * Double(machine.multipliers)) : 0
  }

  /// The share of the rebuild engines' time in which they worked.
  public func rebuildUtilisation(_ machine: Accelerator) -> Double {
    let engines = machine.slices * machine.linesPerSlice * machine.rebuildEnginesPerLine
    return cycles > 0 ? Double(rebuildRows) / (Double(cycles) * Double(engines)) : 0
  }

  /// What it spent, by the same unit costs as the analytical model.
  public func energy(_ costs: UnitCosts) -> EnergyShares {
    var energy = EnergyShares()
    energy.dramWeights = costs.dram * dramWeightBytes
    energy.dramActivations = costs.dram * dramActivationBytes
    energy.inputBuffer = costs.inputBuffer * inputBufferBytes
    energy.weightBuffer = costs.smallBuffer * weightBufferBytes
    energy.outputBuffer = costs.smallBuffer * outputBufferBytes
    energy.multiplyAccumulate = costs.multiplyAccumulate * Double(multiplications)
    energy.rebuild = (costs.shift + costs.add) * Double(rebuildRows * rebuildWidth)
    return energy
  }
}
