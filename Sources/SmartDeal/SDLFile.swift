public import Formats

/// A compressed network in the format `SDL1`, memory-mapped; layers are decoded when asked for.
public struct SDLFile: Sendable {
  /// What a layer's header says, and where its bytes are.
  public struct Layer: Sendable {
    public let name: String
    public let kind: TensorKind
    public let shape: [Int]
    /// Nil for ``TensorKind/raw``.
    public let layout: BlockLayout?
    /// The exponents that its coefficients may have.
    public let exponents: ClosedRange<Int>
    public let encoding: Encoding?
    public let coefficientBits: Int
    let basis: Range<Int>
    let payload: Range<Int>
  }

  public let layers: [Layer]
  /// The file's size.
  public let byteCount: Int
  private let content: FileContent

  static let magic = Array("SDL1".utf8)
  /// Bytes of a file beside its layers: magic, number of layers, size and checksum.
  public static let frameBytes = 4 + 4 + 8 + 4
  /// Coefficients that a byte of a layer stands for at most, so that no small file asks for much memory;
  /// the writer takes another encoding before it would exceed it.
  static let expansionLimit = 512

  /// Opens a file and checks everything but the coefficients themselves.
  ///
  /// - Throws: `FormatError` with the byte where the file is wrong.
  public init(path: String) throws(FormatError) { try self.init(FileContent(path: path)) }

  /// Takes a file's bytes.
  ///
  /// - Throws: As for a path.
  public init(_ content: FileContent) throws(FormatError) {
    self.content = content
    byteCount = content.count
    layers = try content.withBytes { bytes throws(FormatError) in
      var reader = LayerHeaders(bytes, file: content.name)
      return try reader.layers()
    }
  }

  /// A layer's weights, row-major.
  ///
  /// - Throws: `FormatError` for coefficients that no writer makes.
  public func weights(of layer: Layer) throws(FormatError) -> [Float] {
    var weights: [Float] = []
    try rebuild(layer) { weights.append(contentsOf: $0) }
    return weights
  }

  /// Hands on a layer's weights output by output, in one buffer that is used again and again.
  ///
  /// - Parameters:
  ///   - layer: One of ``layers``.
  ///   - body: Gets an output's weights; of a raw layer, all at once.
  /// - Throws: `FormatError` for coefficients that no writer makes.
  public func rebuild(
    _ layer: Layer, _ body: (UnsafeBufferPointer<Float>) -> Void
  ) throws(FormatError) {
    try content.withBytes { bytes throws(FormatError) in
      let payload = UnsafeRawBufferPointer(rebasing: bytes[layer.payload])
      guard let layout = layer.layout, let encoding = layer.encoding else {
        let weights = (0..<payload.count / 4).map {
          Float(
            bitPattern: payload.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self).littleEndian)
        }
        weights.withUnsafeBufferPointer(body)
        return
      }
      let stride = 1 + layout.n * layout.n
      let basis = UnsafeRawBufferPointer(rebasing: bytes[layer.basis])
      let exponents = (0..<layout.blocks).map { Int8(bitPattern: basis[$0 * stride]) }
      var values = [Int8](repeating: 0, count: layout.basisElements)
      for block in 0..<layout.blocks {
        for index in 1..<stride {
          values[block * (stride - 1) + index - 1] = Int8(bitPattern: basis[block * stride + index])
        }
      }
      let perOutput = layout.blocksPerOutput * layout.coefficientsPerBlock
      let rebuilder = Rebuilder(layout)
      do throws(CodeReader.Fault) {
        // Checks that the bits can hold so many before there is memory for them.
        var reader = try CodeReader(
          encoding, payload, bits: layer.coefficientBits, rows: layout.rows, n: layout.n,
          lowest: layer.exponents.lowerBound, highest: layer.exponents.upperBound)
        var codes = [Int8](repeating: 0, count: perOutput)
        var weights = [Float](repeating: 0, count: layout.weightsPerOutput)
        for output in 0..<layout.outputs {
          try codes.withUnsafeMutableBufferPointer { codes throws(CodeReader.Fault) in
            try reader.read(into: codes)
          }
          codes.withUnsafeBufferPointer { codes in
            values.withUnsafeBufferPointer { values in
              weights.withUnsafeMutableBufferPointer { weights in
                rebuilder.rebuild(output, codes, exponents, values, into: weights)
              }
            }
          }
          weights.withUnsafeBufferPointer(body)
        }
        try reader.finish()
      } catch {
        throw fault(error, layer)
      }
    }
  }

  /// A layer's coefficients and bases, or its numbers.
  ///
  /// - Throws: `FormatError` for coefficients that no writer makes.
  public func stored(_ layer: Layer) throws(FormatError) -> StoredLayer {
    guard let layout = layer.layout, let encoding = layer.encoding else {
      return StoredLayer(name: layer.name, shape: layer.shape, raw: try weights(of: layer))
    }
    return try content.withBytes { bytes throws(FormatError) in
      let stride = 1 + layout.n * layout.n
      let basis = bytes[layer.basis].map { Int8(bitPattern: $0) }
      var codes: [Int8] = []
      do throws(CodeReader.Fault) {
        var reader = try CodeReader(
          encoding, UnsafeRawBufferPointer(rebasing: bytes[layer.payload]),
          bits: layer.coefficientBits, rows: layout.rows, n: layout.n,
          lowest: layer.exponents.lowerBound, highest: layer.exponents.upperBound)
        codes = [Int8](repeating: 0, count: layout.coefficients)
        try codes.withUnsafeMutableBufferPointer { codes throws(CodeReader.Fault) in
          try reader.read(into: codes)
        }
        try reader.finish()
      } catch {
        throw fault(error, layer)
      }
      return StoredLayer(
        name: layer.name, layout: layout, coefficients: codes,
        basis: StoredBasis(
          exponents: Swift.stride(from: 0, to: basis.count, by: stride).map { basis[$0] },
          values: basis.indices.filter { $0 % stride != 0 }.map { basis[$0] }),
        encodings: [encoding])
    }
  }

  private func fault(_ fault: CodeReader.Fault, _ layer: Layer) -> FormatError {
    let found =
      switch fault {
      case .symbolAboveWindow:
        "a coefficient outside of the exponents \(layer.exponents.lowerBound)..."
          + "\(layer.exponents.upperBound)"
      case .runPastEnd: "a run past the last coefficient"
      case .emptyRun: "a run of fewer than 15 zeros without a coefficient"
      case .length(let bits): "\(bits) bits, which is not what the flags and symbols take"
      case .padding: "bits after the last coefficient that are not zero"
      case .tables: "frequencies of symbols that do not fit their slots or the file"
      case .states: "an entropy code that does not end where the coefficients do"
      }
    return FormatError(
      file: content.name, at: .offset(layer.payload.lowerBound),
      found: "layer '\(layer.name)': \(found)", expected: "a file as it was written")
  }
}
