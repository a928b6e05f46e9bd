import Formats

extension SDLFile {
  /// Reads the headers of a file's layers.
  struct LayerHeaders {
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
      guard bytes.count >= SDLFile.frameBytes else {
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
          "encoding \(encodingNumber)", "0 to 3, or 5")
      }
      guard basisBits == 8 else { throw wrong("\(basisBits) bits in a basis", "8") }
      let basis = offset
      try skip(blocks * (1 + n * n), "the bases of layer '\(name)'", end)
      let payload = offset
      guard bits <= 8 * UInt64(end - offset) else {
        throw error(
          at: offset, "the file ends inside the coefficients of layer '\(name)'", "\(bits) bits")
      }
      try skip((Int(bits) + 7) / 8, "the coefficients of layer '\(name)'", end)
      guard layout.coefficients / expansionLimit <= offset - basis else {
        throw error(
          at: start,
          "layer '\(name)': \(layout.coefficients) coefficients in "
            + "\(offset - basis) bytes",
          "at most \(expansionLimit) for each byte", code: .limit)
      }
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
