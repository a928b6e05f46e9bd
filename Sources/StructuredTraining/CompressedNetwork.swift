import Formats
import NeuralNetworks
import ONNX
public import SmartDeal
import Tensors

/// A network whose weight tensors are stored as coefficients and bases, and what that takes.
public struct CompressedNetwork: Sendable {
  /// In the order of the graph's weight tensors.
  public let layers: [StoredLayer]
  /// The bytes of the file.
  public let file: [UInt8]
  public let sizes: CompressionSizes

  /// Counts and encodes layers.
  ///
  /// - Throws: `SmartDealError` for a name over 65,535 bytes.
  public init(_ layers: [StoredLayer]) throws(SmartDealError) {
    self.layers = layers
    file = try SDLFile.bytes(layers)
    sizes = CompressionSizes(layers, fileBytes: file.count)
  }

  /// Decomposes a network's tensors.
  ///
  /// - Parameters:
  ///   - tensors: Weights as they are.
  ///   - options: How.
  ///   - pruning: Which kernel rows are zeroed first, with a number for each tensor.
  ///   - encodings: Which may be used in the file.
  ///   - threads: How many to use at most; the result does not depend on it.
  /// - Returns: What is stored, and the rebuilt weights with bases that are not rounded to bytes.
  /// - Throws: `SmartDealError` for options out of range, or weights that aren't finite.
  static func decomposing(
    _ tensors: [WeightTensor], _ options: DecompositionOptions, pruning: PruningList? = nil,
    encodings: [Encoding], threads: Int
  ) throws -> (network: CompressedNetwork, rebuilt: [[Float]], decompositions: [Decomposition?]) {
    var layers: [StoredLayer] = []
    var rebuilt: [[Float]] = []
    var decompositions: [Decomposition?] = []
    try pruning?.check(tensors)
    for (index, tensor) in tensors.enumerated() {
      let layout = try BlockLayout(
        shape: tensor.shape, name: tensor.name, kernels: options.kernels)
      guard layout.kind != .raw else {
        layers.append(StoredLayer(name: tensor.name, shape: tensor.shape, raw: tensor.weights))
        rebuilt.append(tensor.weights)
        decompositions.append(nil)
        continue
      }
      let weights =
        pruning.map {
          $0.rule.applied(to: tensor.weights, shape: tensor.shape, number: $0.numbers[index])
        } ?? tensor.weights
      let found = try Decomposition(
        weights, shape: tensor.shape, name: tensor.name, options: options, threads: threads)
      layers.append(StoredLayer(name: tensor.name, found, encodings: encodings))
      rebuilt.append(found.rebuilt())
      decompositions.append(found)
    }
    return (try CompressedNetwork(layers), rebuilt, decompositions)
  }
}

/// Kernel rows to zero before each decomposition: a number for each weight tensor, and what it means.
public struct PruningList: Hashable, Sendable {
  public var rule: StructuredPruning
  /// In the order of the graph's weight tensors; those of fully connected layers play no part.
  public var numbers: [Double]

  public init(_ numbers: [Double], rule: StructuredPruning = StructuredPruning()) {
    self.numbers = numbers
    self.rule = rule
  }

  func check(_ tensors: [WeightTensor]) throws(SmartDealError) {
    try rule.check(numbers, tensors: tensors.map(\.name))
  }
}

/// What a network's weights take, by several ways to count; ratios are of 32 bits a weight.
///
/// Biases and normalisation are counted on neither side; tensors that stay as they are, with 32 bits on
/// both.
public struct CompressionSizes: Hashable, Sendable {
  public var weights = 0
  public var coefficients = 0
  public var nonZeros = 0
  public var fileBytes = 0
  private var bits: [Measure: Int] = [:]

  /// A way to count bits.
  public enum Measure: String, Hashable, Sendable, CaseIterable {
    /// Flags, as many bits a non-zero as the layer's magnitudes need, 8 for a basis element.
    case reference = "reference_cr"
    /// The same with 32 bits for a basis element: SmartDeal's accounting of training.
    case training = "training_cr"
    /// Flags for kept rows first, then as `bitmap`; 8 bits for a basis element.
    case rowBitmap = "row_bitmap_cr"
    /// What the file's layers take, exponents of the bases included.
    case stored = "auto_cr"
  }

  init(_ layers: [StoredLayer], fileBytes: Int) {
    self.fileBytes = fileBytes
    for layer in layers {
      switch layer.content {
      case .raw(_, let numbers):
        weights += numbers.count
        for measure in Measure.allCases { bits[measure, default: 0] += 32 * numbers.count }
      case .structured(let layout, let codes, _, let encoding):
        let account = StorageAccount(layout, codes)
        weights += account.weights
        coefficients += account.coefficients
        nonZeros += account.nonZeros
        bits[.reference, default: 0] += account.referenceBits
        bits[.training, default: 0] += account.bits(
          symbolBits: account.referenceSymbolBits, basisBits: 32)
        bits[.rowBitmap, default: 0] += account.bits(of: .rowBitmap) + 8 * account.basisElements
        bits[.stored, default: 0] += account.bits(of: encoding) + account.storedBasisBits
      }
    }
  }

  /// 32 bits for each weight over the bits by a way to count.
  public func ratio(_ measure: Measure) -> Double {
    32 * Double(weights) / Double(max(bits[measure] ?? 0, 1))
  }
}

extension TrainableNetwork {
  /// The weights of convolutions and fully connected layers, as they are now.
  ///
  /// - Throws: `TensorError` where memory does not suffice.
  public func weightTensors() throws -> [WeightTensor] { try exported().graph.weightTensors() }

  /// The same network with other numbers in its weight tensors.
  ///
  /// - Parameter numbers: For each tensor, in the order of its `weights`.
  /// - Returns: A network that differs in those tensors only.
  /// - Throws: `ModuleError` for tensors of another network.
  public func replacing(_ numbers: [(tensor: WeightTensor, numbers: [Float])]) throws
    -> TrainableNetwork
  {
    var copy = self
    try copy.replace(numbers)
    return copy
  }

  mutating func replace(_ numbers: [(tensor: WeightTensor, numbers: [Float])]) throws {
    let tensors = try numbers.map { try Tensor($0.tensor.stored($0.numbers)) }
    try network.load(
      ParameterTree(names: numbers.map(\.tensor.name), tensors: tensors), isPartial: true)
  }
}
