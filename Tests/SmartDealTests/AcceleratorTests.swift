import ONNX
import Testing

@testable import SmartDeal

/// The simulated machine beside what can be counted by hand, and beside the analytical model.
struct AcceleratorTests {
  private func convolution(_ outputs: Int = 64, inputs: Int = 16, side: Int = 8) -> LayerGeometry {
    LayerGeometry(
      name: "a", outputs: outputs, inputsPerGroup: inputs, kernel: 3, inputHeight: side,
      inputWidth: side, outputHeight: side, outputWidth: side)
  }

  private func machine(dram: Double = 1e12) -> Accelerator {
    var machine = Accelerator()
    machine.dramBytesPerCycle = dram
    return machine
  }

  @Test func `a layer that fits the machine keeps every multiplier busy`() {
    // 48 rows over 16 lines: three of three weights, so nine cycles a tile; eight tiles.
    let run = machine().run([.dense(convolution())])[0]
    #expect(run.computeCycles == 72)
    #expect(run.cycles == 73)  // DRAM takes its moment at the start and at the end.
    #expect(run.multiplications == 64 * 16 * 9 * 64)
    #expect(run.chunks == 1)
    #expect((run.utilisation(machine()) - 72.0 / 73).magnitude < 1e-12)
    // One filter more takes a second pass.
    #expect(machine().run([.dense(convolution(65))])[0].computeCycles == 144)
    // One channel more gives one line three rows more.
    #expect(machine().run([.dense(convolution(inputs: 17))])[0].computeCycles == 8 * 12)
    // Nine pixels a row take two tiles.
    let wide = LayerGeometry(
      name: "a", outputs: 64, inputsPerGroup: 16, kernel: 3, inputHeight: 8, inputWidth: 9,
      outputHeight: 8, outputWidth: 9)
    #expect(machine().run([.dense(wide)])[0].computeCycles == 144)
  }

  @Test func `rows without coefficients take no time, and a tile waits for its slowest line`() {
    let geometry = convolution(2, inputs: 16)
    func cycles(_ kept: [Set<Int>]) -> Int {
      let rows = RowOccupancy(
        filters: 2, rowsPerFilter: 48, columns: 3,
        nonZeros: kept.flatMap { kept in (0..<48).map { kept.contains($0) ? 3 : 0 } })
      let layer = AcceleratorLayer(
        geometry: geometry,
        storage: LayerStorage(bits: 800, keptRows: 0.5, rebuild: .init(nonZeros: 10, n: 3)),
        rows: rows)
      return machine().run([layer])[0].computeCycles
    }
    #expect(cycles([[], []]) == 0)
    #expect(cycles([[0], []]) == 8 * 3)
    // Lines 0 and 1 each work on one row; line 0 on two.
    #expect(cycles([[0, 1], [5]]) == 8 * 3)
    #expect(cycles([[0, 16], [5]]) == 8 * 6)
  }

  @Test func `no run is faster than its multipliers or its memory`() {
    for bandwidth in [0.5, 4, 16, 1e12] {
      let machine = machine(dram: bandwidth)
      let layers = [convolution(96, inputs: 3), convolution(64, inputs: 96), convolution(130)]
      let runs = machine.run(layers.map { .dense($0) })
      let cycles = runs.reduce(0) { $0 + $1.cycles }
      let bytes = runs.reduce(0.0) { $0 + $1.dramWeightBytes + $1.dramActivationBytes }
      #expect(Double(cycles) >= bytes / bandwidth)
      #expect(cycles >= runs.reduce(0) { $0 + $1.computeCycles })
      #expect(runs.allSatisfy { $0.cycles >= $0.computeCycles - 1 })
      // Fetching and working overlap: together they take less than one after the other.
      #expect(
        Double(cycles)
          <= bytes / bandwidth + Double(runs.reduce(0) { $0 + $1.computeCycles }) + 3)
    }
  }

  @Test func `dense layers cost what the analytical model says`() {
    let layers = [
      convolution(64, inputs: 3, side: 32), convolution(128, inputs: 64, side: 16),
      LayerGeometry(
        name: "depthwise", outputs: 128, inputsPerGroup: 1, groups: 128, kernel: 3,
        inputHeight: 16, inputWidth: 16, outputHeight: 8, outputWidth: 8),
      LayerGeometry(name: "fc", outputs: 10, inputsPerGroup: 2048),
    ]
    let model = EnergyModel().energy(layers.map { ($0, .dense($0)) })
    for (run, expected) in zip(machine().run(layers.map { .dense($0) }), model)
    where run.chunks == 1 {
      for (found, wanted) in zip(run.energy(.nm28).shares, expected.shares) {
        #expect(
          (found.energy - wanted.energy).magnitude <= 1e-9 * expected.total,
          "\(run.name), \(found.name): \(found.energy) instead of \(wanted.energy)")
      }
    }
  }

  @Test func `weights that do not fit their buffer come in chunks`() {
    let layer = LayerGeometry(name: "fc", outputs: 64, inputsPerGroup: 5000)
    let run = machine().run([.dense(layer)])[0]
    #expect(run.chunks == 3)
    // Partial sums of three chunks.
    #expect(run.outputBufferBytes == 2 * 3 * 64)
    #expect(run.dramWeightBytes == 320_000)
    #expect(run.multiplications == 320_000)
  }

  @Test func `a machine without a part is refused by name`() {
    var machine = Accelerator()
    machine.slices = 0
    #expect(throws: SmartDealError.self) { try machine.check() }
    machine = Accelerator()
    machine.dramBytesPerCycle = 0
    #expect(throws: SmartDealError.self) { try machine.check() }
  }

  @Test(.enabled(if: Mirror.isPresent, "\(Mirror.isAbsent)"))
  func `a decomposed network multiplies as often as its rows say`() throws {
    let graph = try ONNXModel(path: Mirror.network("cifar_base_kw.onnx")).graph
    let tensor = graph.weightTensors()[1]
    let found = try Decomposition(
      tensor.weights, shape: tensor.shape, name: tensor.name,
      options: DecompositionOptions(threshold: 0.02))
    let account = StorageAccount(found.layout, found.coefficients)
    let geometry = LayerGeometry(
      name: tensor.name, outputs: 16, inputsPerGroup: 8, kernel: 4, inputHeight: 16,
      inputWidth: 16, outputHeight: 8, outputWidth: 8)
    let storage = LayerStorage(account, encoding: .bitmap, n: 4)
    let run = machine().run([
      AcceleratorLayer(
        geometry: geometry, storage: storage, rows: RowOccupancy(found.layout, found.coefficients))
    ])[0]
    #expect(run.multiplications == (account.rows - account.zeroRows) * 4 * 64)
    #expect(run.rebuildRows == account.nonZeros * 8)
    let model = EnergyModel().energy([(geometry, storage)])[0]
    let found2 = run.energy(.nm28)
    #expect((found2.multiplyAccumulate - model.multiplyAccumulate).magnitude < 1e-6)
    #expect((found2.rebuild - model.rebuild).magnitude < 1e-6)
    #expect((found2.weightBuffer - model.weightBuffer).magnitude < 1e-6)
    // A slice's rows are skipped only where no slice needs them, which the model takes on average.
    #expect(found2.inputBuffer >= model.inputBuffer)
  }
}
