/// What a layer computes, as far as its energy and time depend on it.
public struct LayerGeometry: Hashable, Sendable {
  public var name: String
  /// Output channels, M.
  public var outputs: Int
  /// Input channels in each group, and groups.
  public var inputsPerGroup: Int
  public var groups: Int
  /// A kernel's height, k, and width.
  public var kernel: Int
  public var kernelWidth: Int
  public var inputHeight: Int
  public var inputWidth: Int
  public var outputHeight: Int
  public var outputWidth: Int

  /// Describes a convolution; a fully connected layer is one of a single pixel.
  ///
  /// Kernels are square unless `kernelWidth` says otherwise.
  public init(
    name: String, outputs: Int, inputsPerGroup: Int, groups: Int = 1, kernel: Int = 1,
    kernelWidth: Int? = nil, inputHeight: Int = 1, inputWidth: Int = 1, outputHeight: Int = 1,
    outputWidth: Int = 1
  ) {
    self.name = name
    self.outputs = outputs
    self.inputsPerGroup = inputsPerGroup
    self.groups = groups
    self.kernel = kernel
    self.kernelWidth = kernelWidth ?? kernel
    self.inputHeight = inputHeight
    self.inputWidth = inputWidth
    self.outputHeight = outputHeight
    self.outputWidth = outputWidth
  }

  public var weights: Int { outputs * inputsPerGroup * kernel * kernelWidth }
  /// Bytes of the input and output activations, 8 bits each.
  public var inputBytes: Int { groups * inputsPerGroup * inputHeight * inputWidth }
  public var outputBytes: Int { outputs * outputHeight * outputWidth }
  public var multiplications: Int { weights * outputHeight * outputWidth }
}

/// How a layer's weights are stored.
public struct LayerStorage: Hashable, Sendable {
  /// All bits: flags, symbols and bases; 8 for each weight of a dense layer.
  public var bits: Int
  /// The share of coefficient rows that are not all zero; 1 for a dense layer.
  public var keptRows: Double
  /// Coefficients that are not zero, and columns of their blocks; nil for a dense layer.
  public var rebuild: Rebuild?

  /// What turning coefficients into weights takes.
  public struct Rebuild: Hashable, Sendable {
    public var nonZeros: Int
    public var n: Int

    public init(nonZeros: Int, n: Int) {
      self.nonZeros = nonZeros
      self.n = n
    }
  }

  public init(bits: Int, keptRows: Double, rebuild: Rebuild?) {
    self.bits = bits
    self.keptRows = keptRows
    self.rebuild = rebuild
  }

  /// Weights of 8 bits, none of them left out: the baseline.
  public static func dense(_ geometry: LayerGeometry) -> LayerStorage {
    LayerStorage(bits: 8 * geometry.weights, keptRows: 1, rebuild: nil)
  }

  /// A decomposed layer in a file.
  ///
  /// - Parameters:
  ///   - account: What was counted in it.
  ///   - encoding: How it is stored.
  ///   - n: Columns of its blocks.
  public init(_ account: StorageAccount, encoding: Encoding, n: Int) {
    self.init(
      bits: account.bits(of: encoding) + account.storedBasisBits,
      keptRows: 1 - Double(account.zeroRows) / Double(max(account.rows, 1)),
      rebuild: Rebuild(nonZeros: account.nonZeros, n: n))
  }
}

/// What single operations and accesses cost, in picojoule.
public struct UnitCosts: Hashable, Sendable {
  /// Of a byte from or to DRAM.
  public var dram: Double
  /// Of a byte of the input buffer, with its banks of 16 KiB.
  public var inputBuffer: Double
  /// Of a byte of the weight and output buffers, with banks of 2 KiB.
  public var smallBuffer: Double
  /// Of an 8-bit multiplication with its addition.
  public var multiplyAccumulate: Double
  /// Of an 8-bit shift, and of an addition.
  public var shift: Double
  public var add: Double
  /// Where the numbers are from.
  public var source: String

  public init(
    dram: Double, inputBuffer: Double, smallBuffer: Double, multiplyAccumulate: Double,
    shift: Double, add: Double, source: String
  ) {
    self.dram = dram
    self.inputBuffer = inputBuffer
    self.smallBuffer = smallBuffer
    self.multiplyAccumulate = multiplyAccumulate
    self.shift = shift
    self.add = add
    self.source = source
  }

  /// A 28 nm process.
  ///
  /// DRAM is "about 700 times", small banks "at least 9.5 times" a multiplication
  /// in SmartExchange; the absolute numbers are unconfirmed, and the shift is 0.12 multiplications,
  /// the ratio of ShiftAddNet's 45 nm table.
  public static let nm28 = UnitCosts(
    dram: 100, inputBuffer: 2.45, smallBuffer: 1.36, multiplyAccumulate: 0.143, shift: 0.015,
    add: 0.019, source: "28 nm, ratios of SmartExchange")

  /// Those of the public DNN-Chip Predictor for Eyeriss: one price for all on-chip memory.
  public static let chipPredictor = UnitCosts(
    dram: 100, inputBuffer: 3, smallBuffer: 3, multiplyAccumulate: 1, shift: nm28.shift / 0.124,
    add: nm28.add / 0.124,
    source:
      "GATECH-EIC/DNN-Chip-Predictor; shift and add in the ratios to a multiplication of 28 nm")
}

/// The energy of one inference, in picojoule, by what spends it.
public struct EnergyShares: Hashable, Sendable {
  public var dramWeights = 0.0
  public var dramActivations = 0.0
  public var inputBuffer = 0.0
  public var weightBuffer = 0.0
  public var outputBuffer = 0.0
  public var multiplyAccumulate = 0.0
  public var rebuild = 0.0

  public init() {}

  public var total: Double { shares.reduce(0) { $0 + $1.energy } }

  /// All shares with their names.
  public var shares: [(name: String, energy: Double)] {
    [
      ("DRAM weights", dramWeights), ("DRAM activations", dramActivations),
      ("input buffer", inputBuffer), ("weight buffer", weightBuffer),
      ("output buffer", outputBuffer), ("multiply and add", multiplyAccumulate),
      ("rebuild", rebuild),
    ]
  }

  public static func + (first: EnergyShares, second: EnergyShares) -> EnergyShares {
    var sum = first
    sum.dramWeights += second.dramWeights
    sum.dramActivations += second.dramActivations
    sum.inputBuffer += second.inputBuffer
    sum.weightBuffer += second.weightBuffer
    sum.outputBuffer += second.outputBuffer
    sum.multiplyAccumulate += second.multiplyAccumulate
    sum.rebuild += second.rebuild
    return sum
  }
}

/// The analytical energy model of an accelerator with rebuild engines, for one picture at a time.
///
/// 64 slices of output channels × 16 lines of input channels × 8 multipliers, 512 KiB of input buffer,
/// as SmartExchange describes; the counting of accesses is this project's own. It does not claim to
/// reproduce the papers' measured ratios, whose baselines are other accelerators.
public struct EnergyModel: Hashable, Sendable {
  /// What activations may take to stay on the chip, in bytes.
  public static let residentBytes = 524_288
  static let slices = 64
  static let multipliersPerLine = 8

  public var costs: UnitCosts

  public init(costs: UnitCosts = .nm28) { self.costs = costs }

  /// The energy of a network's layers.
  ///
  /// - Parameter layers: In the order of execution; the first reads its input from DRAM and the last
  ///   writes its output there.
  /// - Returns: One for each layer.
  public func energy(_ layers: [(geometry: LayerGeometry, storage: LayerStorage)]) -> [EnergyShares]
  {
    layers.indices.map { index in
      energy(
        layers[index].geometry, layers[index].storage, isFirst: index == 0,
        isLast: index == layers.count - 1)
    }
  }

  private func energy(
    _ layer: LayerGeometry, _ storage: LayerStorage, isFirst: Bool, isLast: Bool
  ) -> EnergyShares {
    let input = Double(layer.inputBytes)
    let output = Double(layer.outputBytes)
    let stored = Double(storage.bits) / 8
    let isResident = layer.inputBytes + layer.outputBytes <= EnergyModel.residentBytes
    let tiles = Double(
      layer.outputHeight
        * ((layer.outputWidth + EnergyModel.multipliersPerLine - 1)
          / EnergyModel.multipliersPerLine))
    let perGroup = layer.outputs / max(layer.groups, 1)
    let passes = Double((perGroup + EnergyModel.slices - 1) / EnergyModel.slices)
    var energy = EnergyShares()
    energy.dramWeights = costs.dram * stored
    energy.dramActivations =
      costs.dram
      * ((isFirst || !isResident ? input : 0) + (isLast || !isResident ? output : 0))
    energy.weightBuffer = costs.smallBuffer * stored * (1 + tiles)
    energy.outputBuffer = costs.smallBuffer * 2 * output
    let rows =
      Double(layer.groups * layer.inputsPerGroup * layer.outputHeight * layer.kernel)
      * Double(layer.inputWidth)
    energy.inputBuffer = costs.inputBuffer * (input + rows * passes * storage.keptRows)
    energy.multiplyAccumulate =
      costs.multiplyAccumulate * Double(layer.multiplications) * storage.keptRows
    if let rebuild = storage.rebuild {
      energy.rebuild =
        (costs.shift + costs.add) * Double(rebuild.nonZeros) * Double(rebuild.n) * tiles
    }
    return energy
  }
}
