extension Accelerator {
  /// Runs layers one after the other, one picture.
  ///
  /// A pass takes as many filters as there are slices. Weights come in chunks that fit a slice's
  /// buffer; while one is worked on, the next one is fetched, across passes and layers. For each chunk
  /// the pass goes through all tiles of the output, a tile being the pixels of a row that a line's
  /// multipliers take at once. Kernel rows are dealt out to a slice's lines in turn; a line spends as
  /// many cycles on a row as it has weights, or more where its engines need longer to rebuild it, and
  /// none on a row without coefficients. A tile ends with its slowest line. DRAM serves requests in
  /// order: weights, the input's rows in the first pass (in each, where the input buffer is too small
  /// for all), and the output's rows.
  ///
  /// - Parameter layers: In the order of execution. Activations stay on the chip between two layers
  ///   where input and output together fit the input buffer.
  /// - Returns: One for each layer.
  public func run(_ layers: [AcceleratorLayer]) -> [LayerRun] {
    let units = layers.indices.flatMap { passes(of: layers[$0], index: $0) }
    var runs = layers.map { layer in
      var run = LayerRun(name: layer.geometry.name)
      run.rebuildWidth = layer.storage.rebuild == nil ? 0 : layer.rows.columns
      return run
    }
    var time = Timeline(bytesPerCycle: dramBytesPerCycle)
    var end = 0.0
    var ready = units.first.map { time.move($0.bytes, from: 0) } ?? 0
    for (place, unit) in units.enumerated() {
      let layer = layers[unit.layer]
      let isLast = unit.layer == layers.count - 1
      let isResident =
        layer.geometry.inputBytes + layer.geometry.outputBytes <= inputBufferBytes
      let begun = max(time.compute, ready)
      let inputs = fetchInput(
        layer, unit, when: unit.layer == 0 || !isResident, from: begun, &time, &runs[unit.layer])
      // The other half of the buffers became free as the lines turned to this chunk.
      let weightsReady = ready
      if place + 1 < units.count { ready = time.move(units[place + 1].bytes, from: begun) }
      time.compute = begun
      work(
        layer, unit, inputs: inputs, weights: weightsReady,
        writesOutput: (isLast || !isResident) && unit.isLastChunk, &time, &runs[unit.layer])
      if place + 1 == units.count || units[place + 1].layer != unit.layer {
        if isLast { time.compute = max(time.compute, time.dram) }
        runs[unit.layer].cycles = Int(time.compute.rounded(.up)) - Int(end.rounded(.up))
        end = time.compute
      }
    }
    return runs
  }

  /// When DRAM and the lines are free again, in cycles.
  private struct Timeline {
    let bytesPerCycle: Double
    var dram = 0.0
    var compute = 0.0

    init(bytesPerCycle: Double) { self.bytesPerCycle = bytesPerCycle }

    /// Moves bytes as soon as DRAM is free, and not before `earliest`.
    mutating func move(_ bytes: Double, from earliest: Double) -> Double {
      dram = max(dram, earliest) + bytes / bytesPerCycle
      return dram
    }
  }

  /// The filters of a pass with the part of their rows that fits the buffers at once.
  private struct Unit {
    let layer: Int
    let filters: Range<Int>
    let rows: Range<Int>
    let isLastChunk: Bool
    /// Stored bytes of these weights.
    let bytes: Double
  }

  private func passes(of layer: AcceleratorLayer, index: Int) -> [Unit] {
    let rows = layer.rows
    let bytesPerFilter = Double(layer.storage.bits) / 8 / Double(max(rows.filters, 1))
    let chunks = max(1, Int((bytesPerFilter / Double(weightBufferBytes)).rounded(.up)))
    return stride(from: 0, to: rows.filters, by: slices).flatMap { first in
      let filters = first..<min(first + slices, rows.filters)
      return (0..<chunks).map { chunk in
        Unit(
          layer: index, filters: filters,
          rows: (chunk * rows.rowsPerFilter / chunks)..<((chunk + 1) * rows.rowsPerFilter / chunks),
          isLastChunk: chunk == chunks - 1,
          bytes: bytesPerFilter * Double(filters.count) / Double(chunks))
      }
    }
  }

  /// Fetches the input for a pass, where it is not on the chip.
  ///
  /// - Returns: When the part that each output row needs is there.
  private func fetchInput(
    _ layer: AcceleratorLayer, _ unit: Unit, when comesFromOutside: Bool, from start: Double,
    _ time: inout Timeline, _ run: inout LayerRun
  ) -> [Double] {
    let geometry = layer.geometry
    let fits = geometry.inputBytes <= inputBufferBytes
    let isFirst = unit.filters.lowerBound == 0 && unit.rows.lowerBound == 0
    if isFirst { run.inputBufferBytes += Double(geometry.inputBytes) }
    guard comesFromOutside, isFirst || !fits else {
      return [Double](repeating: start, count: geometry.outputHeight)
    }
    let share = Double(geometry.inputBytes) / Double(geometry.outputHeight)
    return (0..<geometry.outputHeight).map { _ in
      run.dramActivationBytes += share
      return time.move(share, from: start)
    }
  }

  /// Goes through all tiles of the output.
  private func work(
    _ layer: AcceleratorLayer, _ unit: Unit, inputs: [Double], weights: Double,
    writesOutput: Bool, _ time: inout Timeline, _ run: inout LayerRun
  ) {
    let geometry = layer.geometry
    let tilesPerRow = (geometry.outputWidth + multipliersPerLine - 1) / multipliersPerLine
    let tiles = geometry.outputHeight * tilesPerRow
    let tile = demand(layer, unit)
    for row in 0..<geometry.outputHeight {
      time.compute = max(time.compute, weights, inputs[row]) + Double(tile.cycles * tilesPerRow)
      guard writesOutput else { continue }
      let bytes = Double(unit.filters.count * geometry.outputWidth)
      _ = time.move(bytes, from: time.compute)
      run.dramActivationBytes += bytes
    }
    let pixels = geometry.outputHeight * geometry.outputWidth
    if unit.filters.lowerBound == 0 { run.chunks += 1 }
    run.computeCycles += tile.cycles * tiles
    run.multiplications += tile.rows * layer.rows.columns * pixels
    run.rebuildRows += tile.nonZeros * tiles
    run.dramWeightBytes += unit.bytes
    run.weightBufferBytes += unit.bytes * Double(1 + tiles)
    run.inputBufferBytes +=
      Double(tile.inputRows * inputsPerRow(layer) * geometry.outputHeight * geometry.inputWidth)
    // Partial sums go to the buffer and come back, once for each chunk.
    run.outputBufferBytes += 2 * Double(unit.filters.count * pixels)
  }

  /// Rows of the input that a row of weights is multiplied with.
  private func inputsPerRow(_ layer: AcceleratorLayer) -> Int {
    // A row of a spatial kernel slides along one input row; in a matrix each weight has its own.
    layer.geometry.kernelWidth == 1 ? layer.rows.columns : 1
  }

  /// What a tile asks of the slices.
  private struct Tile {
    /// Cycles of the slowest line.
    var cycles = 0
    /// Rows with coefficients, over all filters.
    var rows = 0
    var nonZeros = 0
    /// Input rows that some slice needs; slices of one group share them.
    var inputRows = 0
  }

  private func demand(_ layer: AcceleratorLayer, _ unit: Unit) -> Tile {
    let rows = layer.rows
    let rebuilds = layer.storage.rebuild != nil
    let filtersPerGroup = max(rows.filters / max(layer.geometry.groups, 1), 1)
    var tile = Tile()
    var needed = [Bool](repeating: false, count: unit.rows.count)
    var lines = [Int](repeating: 0, count: linesPerSlice)
    for filter in unit.filters {
      if filter > unit.filters.lowerBound && filter % filtersPerGroup == 0 {
        tile.inputRows += needed.count { $0 }
        for row in needed.indices { needed[row] = false }
      }
      for line in lines.indices { lines[line] = 0 }
      for row in unit.rows {
        let nonZeros = Int(rows.nonZeros[filter * rows.rowsPerFilter + row])
        guard nonZeros > 0 else { continue }
        needed[row - unit.rows.lowerBound] = true
        tile.rows += 1
        var cycles = rows.columns
        if rebuilds {
          tile.nonZeros += nonZeros
          cycles = max(cycles, (nonZeros + rebuildEnginesPerLine - 1) / rebuildEnginesPerLine)
        }
        lines[row % linesPerSlice] += cycles
      }
      tile.cycles = max(tile.cycles, lines.max() ?? 0)
    }
    tile.inputRows += needed.count { $0 }
    return tile
  }
}
