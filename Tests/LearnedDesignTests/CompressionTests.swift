import EdgeOptimization
import Tensors
import Testing

@testable import LearnedDesign

struct CompressionTests {
  private static func model() throws -> CostModel {
    try CostModel(
      operation: [4: 0.1, 6: 0.15, 8: 0.2, 16: 1, 32: 4], memory: 100, cache: 1,
      widthLoss: [4: 2, 6: 0.5, 8: 0.1, 16: 0, 32: 0],
      shareLoss: [1: 0, 0.75: 0.5, 0.5: 2, 0.25: 8])
  }

  private static let device = DeclaredDevice(
    name: "board", peaks: [4: 40, 6: 40, 8: 40, 16: 20, 32: 10], bandwidth: 8, cache: 64)

  @Test func `a stage costs what its convolutions and bytes cost`() throws {
    let model = try Self.model()
    // One 3×3 from input to output: 16 channels at 32 × 32, halved to 8 by pruning, at 8 bits.
    let work = CostModel.Work(cell: [0, 0, 0, 3, 0, 0])
    #expect(work.large == 1 && work.small == 0 && work.edges == 1)
    let cost = model.cost(work, stage: 0, width: 8, share: 0.5, on: Self.device)
    let weights = 5.0 * 9 * 8 * 8
    let (operations, moved) = (weights * 1024, 5.0 * 2 * 8 * 1024)
    // Two activations of 8 KiB fit into 64 KiB.
    #expect(abs(cost.energy - (operations * 0.2 + weights * 100 + moved) * 1e-9) < 1e-15)
    #expect(abs(cost.latency - 1e3 * (operations / 40e9 + weights / 8e9)) < 1e-12)
    // Without a known cache all comes from memory.
    var bare = Self.device
    bare.cache = nil
    let slow = model.cost(work, stage: 0, width: 8, share: 0.5, on: bare)
    #expect(abs(slow.energy - (operations * 0.2 + (weights + moved) * 100) * 1e-9) < 1e-15)
    #expect(slow.latency > cost.latency)
    #expect(bare.features.count == Self.device.features.count && bare.features.last == 1)
  }

  @Test func `dense cells do the operations that the space is known for`() throws {
    let free = DeclaredDevice(
      name: "", peaks: [4: 1, 6: 1, 8: 1, 16: 1, 32: 1], bandwidth: 1e12, cache: nil)
    let cost = try Self.model().reference(on: free)
    let count = Double(NASBench201.operationsCIFAR10([3, 3, 3, 3, 3, 3]))
    #expect(abs(cost.latency * 1e6 / count - 1) < 1e-6)
  }

  @Test(arguments: [(1.0, 1.0), (20, 3), (0.3, 80)])
  func `the exact minimum is that of trying everything`(energy: Double, latency: Double) throws {
    let cells = [
      [3, 3, 0, 1, 2, 3], [0, 0, 0, 3, 0, 0], [1, 2, 3, 1, 1, 0], [0, 0, 0, 1, 0, 0],
    ]
    let problem = try CompressionProblem(
      model: Self.model(), cells: cells, accuracies: [72, 66, 70, 55])
    let prices = CompressionProblem.Prices(energy: energy, latency: latency)
    let found = problem.minimum(on: Self.device, prices)
    let value = try #require(problem.objective(found, on: Self.device, prices))
    var least = Double.infinity
    for cell in cells {
      for number in 0..<8000 {
        var rest = number
        var decisions = cell
        for choices in [5, 5, 5, 4, 4, 4] {
          decisions.append(rest % choices)
          rest /= choices
        }
        let design = try #require(CompressedDesign(decisions: decisions))
        #expect(design.decisions == decisions)
        least = min(least, try #require(problem.objective(design, on: Self.device, prices)))
      }
    }
    #expect(abs(value - least) < 1e-9)
  }

  @Test func `a dearer resource is used less`() throws {
    let cells = [[3, 3, 3, 3, 3, 3], [0, 0, 0, 3, 0, 0], [0, 0, 0, 1, 0, 0]]
    let problem = try CompressionProblem(
      model: Self.model(), cells: cells, accuracies: [73, 66, 40])
    let energies = [0.1, 3, 30, 300].map { price in
      let design = problem.minimum(on: Self.device, .init(energy: price, latency: 0.1))
      return problem.model.cost(design, on: Self.device).energy
    }
    #expect(zip(energies, energies.dropFirst()).allSatisfy { $0 >= $1 })
    #expect(energies[3] < energies[0] / 5)
  }

  @Test func `a cost model that leaves something open is refused`() {
    let error = #expect(throws: EdgeError.self) {
      try CostModel(
        operation: [4: 0.1, 6: 0.15, 8: 0.2, 32: 4], memory: 100, cache: 1,
        widthLoss: [4: 2, 6: 0.5, 8: 0.1, 16: 0, 32: 0],
        shareLoss: [1: 0, 0.75: 0.5, 0.5: 2, 0.25: 8])
    }
    #expect(error?.message.contains("an energy of at least 0 for 16 bits") == true)
  }
}
