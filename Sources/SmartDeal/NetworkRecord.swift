/// What became of a network's weight tensors, in the order of its initializers.
public struct NetworkRecord: Hashable, Sendable {
  public var layers: [LayerRecord]
  /// Sentences about weights that no rule covers.
  public var untouched: [String]
  /// Size of the compressed file; 0 where none was written.
  public var fileBytes: Int

  public init(layers: [LayerRecord], untouched: [String] = [], fileBytes: Int = 0) {
    self.layers = layers
    self.untouched = untouched
    self.fileBytes = fileBytes
  }

  public var weights: Int { sum(\.weights) }
  public var coefficients: Int { sum(\.coefficients) }
  public var nonZeros: Int { sum(\.nonZeros) }

  /// 32 bits for each weight over the bits of the reference accounting, its symbols' sizes taken for
  /// each layer.
  public var referenceCR: Double { compression(sum(\.referenceBits)) }
  /// The same with one symbol size for the network, as the public code counts.
  public var codeCR: Double {
    let bits = codeSymbolBits
    return compression(layers.reduce(0) { $0 + $1.referenceBits(symbolBits: bits, basisBits: 8) })
  }
  /// The same with 32 bits for a basis element, as in the paper's training.
  public var trainingCR: Double {
    let bits = codeSymbolBits
    return compression(layers.reduce(0) { $0 + $1.referenceBits(symbolBits: bits, basisBits: 32) })
  }
  /// With the best published encoding of each layer, and exponents of bases counted.
  public var autoCR: Double { compression(sum(\.autoBits)) }
  /// With the encodings in the file.
  public var storedCR: Double { compression(sum(\.storedBits)) }

  /// By the size of the whole file, headers and all; nil where none was written.
  public var fileCR: Double? { fileBytes > 0 ? compression(8 * fileBytes) : nil }

  /// Bits of a non-zero where all layers' magnitudes share one table.
  public var codeSymbolBits: Int {
    StorageAccount.symbolBits(
      magnitudes: layers.reduce(into: Set<Int>()) { $0.formUnion($1.histogram.keys) }.count)
  }

  /// ‖W − rebuilt‖ / ‖W‖ over all tensors, with real-valued bases, and with those of the file.
  public var relativeError: Double {
    LayerRecord.ratio(
      layers.reduce(0) { $0 + $1.error }, layers.reduce(0) { $0 + $1.norm })
  }
  public var storedRelativeError: Double {
    LayerRecord.ratio(
      layers.reduce(0) { $0 + $1.storedError }, layers.reduce(0) { $0 + $1.norm })
  }

  private func sum(_ count: (LayerRecord) -> Int) -> Int { layers.reduce(0) { $0 + count($1) } }

  private func compression(_ bits: Int) -> Double { 32 * Double(weights) / Double(max(bits, 1)) }
}
