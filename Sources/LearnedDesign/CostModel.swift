public import EdgeOptimization
import Foundation

/// What a device is declared to do: nothing here is measured.
public struct DeclaredDevice: Hashable, Sendable {
  public var name: String
  /// 10⁹ multiply-accumulates a second at each bit width of ``CostModel/widths``.
  public var peaks: [Int: Double]
  /// Gigabytes a second from memory.
  public var bandwidth: Double
  /// Kibibytes on the chip that hold a layer's activations; nil where unknown, which counts as none.
  public var cache: Double?

  public init(name: String, peaks: [Int: Double], bandwidth: Double, cache: Double?) {
    self.name = name
    self.peaks = peaks
    self.bandwidth = bandwidth
    self.cache = cache
  }

  /// Logarithms of what is declared, about 1 in size; for an unknown cache the mean of usual ones and a flag.
  public var features: [Double] {
    let peaks = CostModel.widths.map { log(self.peaks[$0] ?? 1) - 3 }
    let known: [Double] = cache.map { [log(max($0, 1)) - 6, 0] } ?? [0, 1]
    return peaks + [log(bandwidth) - 3] + known
  }
}

/// Energy, time and accuracy lost of a cell of NAS-Bench-201 whose stages are quantized and pruned, all by
/// declared numbers: **modelled**, since no table of measurements has such designs.
///
/// Each of the three stages has a bit width for weights and activations and keeps a share k of its channels:
/// k² of the multiply-accumulates and weights, k of the activations. Weights always come from memory,
/// activations only where two of a layer do not fit into the cache. Computing and moving do not overlap.
public struct CostModel: Hashable, Sendable {
  public static let widths = [4, 6, 8, 16, 32]
  public static let shares = [1, 0.75, 0.5, 0.25]
  static let stageCount = 3

  /// Picojoule of a multiply-accumulate, by bit width.
  public var operation: [Int: Double]
  /// Picojoule of a byte from memory, and from the cache.
  public var memory: Double
  public var cache: Double
  /// Points of accuracy that a stage at a bit width costs, and one that keeps a share of its channels.
  public var widthLoss: [Int: Double]
  public var shareLoss: [Double: Double]

  /// - Throws: `EdgeError` where a bit width or share has no number, or one below 0.
  public init(
    operation: [Int: Double], memory: Double, cache: Double, widthLoss: [Int: Double],
    shareLoss: [Double: Double]
  ) throws(EdgeError) {
    for width in Self.widths {
      for (name, table) in [("an energy", operation), ("a loss", widthLoss)] {
        guard let value = table[width], value >= 0, value.isFinite else {
          throw EdgeError(
            .badParameter,
            "the cost model needs \(name) of at least 0 for \(width) bits; widths are "
              + Self.widths.map(String.init).joined(separator: ", "))
        }
      }
    }
    for share in Self.shares {
      guard let value = shareLoss[share], value >= 0, value.isFinite else {
        throw EdgeError(
          .badParameter,
          "the cost model needs a loss of at least 0 for keeping \(share); shares are "
            + Self.shares.map { "\($0)" }.joined(separator: ", "))
      }
    }
    guard memory >= 0, cache >= 0, memory.isFinite, cache.isFinite else {
      throw EdgeError(.badParameter, "a byte costs \(memory) and \(cache) pJ; 0 or more is right")
    }
    (self.operation, self.memory, self.cache) = (operation, memory, cache)
    (self.widthLoss, self.shareLoss) = (widthLoss, shareLoss)
  }

  /// What of a cell costs anything: its effective convolutions and edges.
  public struct Work: Hashable, Sendable {
    public var large: Int
    public var small: Int
    public var edges: Int

    init(large: Int, small: Int, edges: Int) {
      (self.large, self.small, self.edges) = (large, small, edges)
    }

    public init(cell: [Int]) {
      let effective = NASBench201.effective(cell)
      large = effective.count { $0 == 3 }
      small = effective.count { $0 == 2 }
      edges = effective.count { $0 != 0 }
    }
  }

  public struct Cost: Hashable, Sendable {
    /// Millijoule.
    public var energy = 0.0
    /// Milliseconds.
    public var latency = 0.0

    static func + (left: Cost, right: Cost) -> Cost {
      Cost(energy: left.energy + right.energy, latency: left.latency + right.latency)
    }
  }

  /// The five cells of a stage, 0 to 2.
  public func cost(
    _ work: Work, stage: Int, width: Int, share: Double, on device: DeclaredDevice
  ) -> Cost {
    let (channels, size) = (Double(16 << stage), Double(32 >> stage))
    let weights = 5 * Double(9 * work.large + work.small) * channels * channels * share * share
    let operations = weights * size * size
    let activation = channels * size * size * share * Double(width) / 8
    // Each edge reads one and writes one.
    let moved = 5 * Double(2 * work.edges) * activation
    let isCached = 2 * activation <= 1024 * (device.cache ?? 0)
    let fromMemory = weights * Double(width) / 8 + (isCached ? 0 : moved)
    let energy =
      operations * (operation[width] ?? 0) + fromMemory * memory + (isCached ? moved * cache : 0)
    let seconds =
      operations / (1e9 * (device.peaks[width] ?? 1)) + fromMemory / (1e9 * device.bandwidth)
    return Cost(energy: energy * 1e-9, latency: seconds * 1e3)
  }

  /// What is around the cells (stem, two residual blocks, classifier), always at 16 bits.
  public func skeleton(on device: DeclaredDevice) -> Cost {
    let (operations, bytes) = (7_783_040.0, 2 * 72_752.0)
    let energy = operations * (operation[16] ?? 0) + bytes * memory
    let seconds = operations / (1e9 * (device.peaks[16] ?? 1)) + bytes / (1e9 * device.bandwidth)
    return Cost(energy: energy * 1e-9, latency: seconds * 1e3)
  }

  /// A whole network.
  public func cost(_ design: CompressedDesign, on device: DeclaredDevice) -> Cost {
    let work = Work(cell: design.cell)
    return (0..<Self.stageCount).reduce(skeleton(on: device)) {
      $0 + cost(work, stage: $1, width: design.widths[$1], share: design.shares[$1], on: device)
    }
  }

  /// Points of accuracy that quantization and pruning are declared to cost.
  public func loss(_ design: CompressedDesign) -> Double {
    (0..<Self.stageCount).reduce(0) {
      $0 + (widthLoss[design.widths[$1]] ?? 0) + (shareLoss[design.shares[$1]] ?? 0)
    }
  }

  /// The network of six 3×3 convolutions at 32 bits: what energies and times are measured against.
  public func reference(on device: DeclaredDevice) -> Cost {
    cost(CompressedDesign(cell: [3, 3, 3, 3, 3, 3]), on: device)
  }
}

/// A cell with a bit width and a share of kept channels for each stage.
public struct CompressedDesign: Hashable, Sendable {
  public var cell: [Int]
  public var widths: [Int]
  public var shares: [Double]

  /// 32 bits and all channels unless said otherwise.
  public init(cell: [Int], widths: [Int] = [32, 32, 32], shares: [Double] = [1, 1, 1]) {
    (self.cell, self.widths, self.shares) = (cell, widths, shares)
  }

  /// Twelve decisions of at most five choices: edges, widths, shares.
  var decisions: [Int] {
    cell + widths.map { CostModel.widths.firstIndex(of: $0) ?? 0 }
      + shares.map { CostModel.shares.firstIndex(of: $0) ?? 0 }
  }

  /// - Returns: nil for decisions that are none.
  init?(decisions: [Int]) {
    guard decisions.count == 12, decisions[9...].allSatisfy({ $0 < CostModel.shares.count }) else {
      return nil
    }
    self.init(
      cell: Array(decisions[..<6]), widths: decisions[6..<9].map { CostModel.widths[$0] },
      shares: decisions[9...].map { CostModel.shares[$0] })
  }
}
