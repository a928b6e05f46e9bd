public import Formats
import CZlib

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
    fileprivate let basis: Range<Int>
    fileprivate let payload: Range<Int>
  }

  public let layers: [Layer]
  /// The file's size.
  public let byteCount: Int
  private let content: FileContent

  static let magic = Array("SDL1".utf8)
  /// Coefficients that a byte of an honest file stands for at most; more would be a trap for memory.
  private static let expansionLimit = 1 << 16

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
      var codes = [Int8](repeating: 0, count: perOutput)
      var weights = [Float](repeating: 0, count: layout.weightsPerOutput)
      let rebuilder = Rebuilder(layout)
      do throws(CodeReader.Fault) {
        var reader = try CodeReader(
          encoding, payload, bits: layer.coefficientBits, rows: layout.rows, n: layout.n,
          lowest: layer.exponents.lowerBound, highest: layer.exponents.upperBound)
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
      var codes = [Int8](repeating: 0, count: layout.coefficients)
      do throws(CodeReader.Fault) {
        var reader = try CodeReader(
          encoding, UnsafeRawBufferPointer(rebasing: bytes[layer.payload]),
          bits: layer.coefficientBits, rows: layout.rows, n: layout.n,
          lowest: layer.exponents.lowerBound, highest: layer.exponents.upperBound)
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
      }
    return FormatError(
      file: content.name, at: .offset(layer.payload.lowerBound),
      found: "layer '\(layer.name)': \(found)", expected: "a file as it was written")
  }

  /// The bytes of a file.
  ///
  /// - Throws: ``SmartDealError`` for a name over 65,535 bytes.
  public static func bytes(_ layers: [StoredLayer]) throws(SmartDealError) -> [UInt8] {
    var bytes = magic
    append(UInt32(layers.count), to: &bytes)
    append(UInt64(0), to: &bytes)
    for layer in layers { try append(layer, to: &bytes) }
    // The file's size, in its header, comes under the checksum too.
    withUnsafeBytes(of: UInt64(bytes.count + 4).littleEndian) { size in
      for (index, byte) in size.enumerated() { bytes[8 + index] = byte }
    }
    append(bytes.withUnsafeBytes { checksum($0) }, to: &bytes)
    return bytes
  }

  private static func append(
    _ layer: StoredLayer, to bytes: inout [UInt8]
  ) throws(SmartDealError) {
    let name = Array(layer.name.utf8)
    guard let length = UInt16(exactly: name.count) else {
      throw SmartDealError(
        .badTensor, "a tensor's name has \(name.count) bytes; at most 65535 fit the file")
    }
    append(length, to: &bytes)
    bytes += name
    let kinds = TensorKind.allCases
    func header(_ kind: TensorKind) {
      bytes.append(UInt8(kinds.firstIndex(of: kind) ?? 0))
      bytes.append(UInt8(layer.shape.count))
      for extent in layer.shape { append(UInt32(truncatingIfNeeded: extent), to: &bytes) }
    }
    switch layer.content {
    case .raw(_, let weights):
      header(.raw)
      bytes += [UInt8](repeating: 0, count: 21)
      for weight in weights { append(weight.bitPattern, to: &bytes) }
    case .structured(let layout, let codes, let basis, let encoding):
      header(layout.kind)
      let exponents = StorageAccount(layout, codes).exponents
      let coded = encoding.encode(codes, n: layout.n)
      bytes.append(UInt8(layout.n))
      append(UInt32(layout.rowsPerBlock), to: &bytes)
      append(UInt32(layout.blocks), to: &bytes)
      bytes.append(UInt8(bitPattern: Int8(exponents.lowerBound)))
      bytes.append(UInt8(bitPattern: Int8(exponents.upperBound)))
      bytes.append(encoding.rawValue)
      bytes.append(8)
      append(UInt64(coded.bits), to: &bytes)
      let side = layout.n * layout.n
      for block in 0..<layout.blocks {
        bytes.append(UInt8(bitPattern: basis.exponents[block]))
        for index in block * side..<(block + 1) * side {
          bytes.append(UInt8(bitPattern: basis.values[index]))
        }
      }
      bytes += coded.bytes
    }
  }

  private static func append<Number: FixedWidthInteger>(_ number: Number, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
  }

  /// The CRC-32 of IEEE 802.3.
  static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    guard let start = bytes.bindMemory(to: UInt8.self).baseAddress else { return 0 }
    return UInt32(crc32_z(0, start, bytes.count))
  }

  /// Reads the headers of a file's layers.
  private struct LayerHeaders {
    private let bytes: UnsafeRawBufferPointer
    private let file: String
    private var offset = 0

    init(_ bytes: UnsafeRawBufferPointer, file: String) {
      self.bytes = bytes
      self.file = file
    }

    mutating func layers() throws(FormatError) -> [Layer] {
      guard bytes.starts(with: magic) else {
        throw error(at: 0, "no 'SDL1' at the start", "a compressed network")
      }
      offset = 4
      let count = Int(try number(UInt32.self, "the number of layers"))
      let total = try number(UInt64.self, "the file's size")
      guard total == UInt64(bytes.count) else {
        throw error(at: 8, "a size of \(total) bytes in the header", "\(bytes.count), the file's")
      }
      guard bytes.count >= 20 else {
        throw error(at: offset, "the file ends inside its header", "")
      }
      let end = bytes.count - 4
      let stated = bytes.loadUnaligned(fromByteOffset: end, as: UInt32.self).littleEndian
      guard checksum(UnsafeRawBufferPointer(rebasing: bytes[..<end])) == stated else {
        throw error(at: end, "a checksum that does not fit the content", "an undamaged file")
      }
      // A layer's header alone has 25 bytes.
      guard count <= (end - offset) / 25 else {
        throw error(at: 4, "\(count) layers", "at most \((end - offset) / 25) in this file")
      }
      var layers: [Layer] = []
      var names: Set<String> = []
      for index in 0..<count {
        let start = offset
        let layer = try layer(index, end: end)
        guard names.insert(layer.name).inserted else {
          throw error(at: start, "a second layer '\(layer.name)'", "different names")
        }
        layers.append(layer)
      }
      guard offset == end else {
        throw error(at: offset, "\(end - offset) bytes after the last layer", "none")
      }
      return layers
    }

    private mutating func layer(_ index: Int, end: Int) throws(FormatError) -> Layer {
      let nameLength = Int(try number(UInt16.self, "the name of layer \(index)"))
      let nameStart = offset
      try skip(nameLength, "the name of layer \(index)", end)
      guard
        let name = String(
          validating: UnsafeRawBufferPointer(rebasing: bytes[nameStart..<offset]), as: UTF8.self)
      else { throw error(at: nameStart, "the name of layer \(index) is not UTF-8", "") }
      let start = offset
      func wrong(_ found: String, _ expected: String) -> FormatError {
        error(at: start, "layer '\(name)': \(found)", expected)
      }
      let kindNumber = Int(try number(UInt8.self, "the kind of layer '\(name)'"))
      guard kindNumber < TensorKind.allCases.count else {
        throw wrong("kind \(kindNumber)", "0 to \(TensorKind.allCases.count - 1)")
      }
      let kind = TensorKind.allCases[kindNumber]
      let rank = Int(try number(UInt8.self, "the rank of layer '\(name)'"))
      guard kind == .raw ? (1...8).contains(rank) : rank == (kind == .matrix ? 2 : 4) else {
        throw wrong("rank \(rank)", "2 for a matrix, 4 for kernels, 1 to 8 for numbers")
      }
      var shape: [Int] = []
      for _ in 0..<rank {
        shape.append(Int(try number(UInt32.self, "the shape of layer '\(name)'")))
      }
      let n = Int(try number(UInt8.self, "the columns of layer '\(name)'"))
      let rows = Int(try number(UInt32.self, "the rows of layer '\(name)'"))
      let blocks = Int(try number(UInt32.self, "the blocks of layer '\(name)'"))
      let lowest = Int(try number(Int8.self, "the exponents of layer '\(name)'"))
      let highest = Int(try number(Int8.self, "the exponents of layer '\(name)'"))
      let encodingNumber = try number(UInt8.self, "the encoding of layer '\(name)'")
      let basisBits = try number(UInt8.self, "the basis bits of layer '\(name)'")
      let bits = try number(UInt64.self, "the bits of layer '\(name)'")
      if kind == .raw {
        guard let size = TensorData.byteCount(.float32, shape) else {
          throw wrong("shape \(shape)", "one whose numbers can be counted")
        }
        let payload = offset
        try skip(size, "the numbers of layer '\(name)'", end)
        return Layer(
          name: name, kind: kind, shape: shape, layout: nil, exponents: 0...0, encoding: nil,
          coefficientBits: 0, basis: payload..<payload, payload: payload..<offset)
      }
      let rule: BlockLayout
      do {
        rule = try BlockLayout(shape: shape, name: name)
      } catch {
        throw wrong("shape \(shape)", "extents from 1")
      }
      guard rule.kind == kind, let layout = rule.sliced(rowsPerBlock: rows), layout.n == n,
        layout.blocks == blocks
      else {
        throw wrong(
          "\(blocks) blocks of \(rows) × \(n) for shape \(shape)",
          "\(rule.blocks) of \(rule.rowsPerBlock) × \(rule.n), or another cut of the same rows")
      }
      guard lowest <= highest, lowest >= -64, highest <= 62 else {
        throw wrong("exponents \(lowest)...\(highest)", "a range within -64...62")
      }
      guard let encoding = Encoding(rawValue: encodingNumber) else {
        throw wrong(
          "encoding \(encodingNumber)", "0 to \(Encoding.allCases.count - 1)")
      }
      guard basisBits == 8 else { throw wrong("\(basisBits) bits in a basis", "8") }
      guard layout.coefficients / expansionLimit <= bytes.count else {
        throw error(
          at: start, "layer '\(name)': \(layout.coefficients) coefficients",
          "at most \(expansionLimit) for each byte of the file", code: .limit)
      }
      let basis = offset
      try skip(blocks * (1 + n * n), "the bases of layer '\(name)'", end)
      let payload = offset
      guard bits <= 8 * UInt64(end - offset) else {
        throw error(
          at: offset, "the file ends inside the coefficients of layer '\(name)'", "\(bits) bits")
      }
      try skip((Int(bits) + 7) / 8, "the coefficients of layer '\(name)'", end)
      return Layer(
        name: name, kind: kind, shape: shape, layout: layout, exponents: lowest...highest,
        encoding: encoding, coefficientBits: Int(bits), basis: basis..<payload,
        payload: payload..<offset)
    }

    private mutating func skip(_ count: Int, _ what: String, _ end: Int) throws(FormatError) {
      guard count <= end - offset else {
        throw error(at: offset, "the file ends inside \(what)", "\(count) bytes")
      }
      offset += count
    }

    private mutating func number<Number: FixedWidthInteger>(
      _ type: Number.Type, _ what: @autoclosure () -> String
    ) throws(FormatError) -> Number {
      let size = MemoryLayout<Number>.size
      guard size <= bytes.count - offset else {
        throw error(at: offset, "the file ends inside \(what())", "")
      }
      defer { offset += size }
      return Number(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Number.self))
    }

    private func error(
      at offset: Int, _ found: String, _ expected: String, code: FormatError.Code = .malformed
    ) -> FormatError {
      FormatError(code, file: file, at: .offset(offset), found: found, expected: expected)
    }
  }
}
