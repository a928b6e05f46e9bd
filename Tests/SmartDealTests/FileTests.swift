import Formats
import StructuredValue
import Testing

@testable import SmartDeal

/// Files beside those that were written independently, and files that are wrong.
@Suite struct FileTests {
  /// The eight files of the reference, with what they were made of.
  private func containers() throws -> [(name: String, layers: [StoredLayer], bytes: [UInt8])] {
    let list = try #require(try Reference.file("vectors.json")["containers"]?.list)
    return try list.map { container in
      let name = try #require(container["name"]?.string)
      let suffix = name.split(separator: "-").last.map(String.init)
      let encodings = Encoding.allCases.filter { $0.name == suffix }
      let layers = try #require(container["layers"]?.list).map { layer in
        let weights = (layer["weights"]?.list ?? []).map { Float($0.double ?? .nan) }
        let name = try #require(layer["name"]?.string)
        let decomposition = try Decomposition(
          weights, shape: (layer["shape"]?.list ?? []).compactMap(\.int), name: name,
          options: DecompositionOptions(threshold: layer["threshold"]?.double ?? .nan))
        return StoredLayer(
          name: name, decomposition, encodings: encodings.isEmpty ? Encoding.published : encodings)
      }
      let hex = Array(try #require(container["hex"]?.string).utf8)
      let bytes = try stride(from: 0, to: hex.count, by: 2).map { index in
        try #require(UInt8(String(decoding: hex[index...index + 1], as: UTF8.self), radix: 16))
      }
      return (name, layers, bytes)
    }
  }

  @Test func writesTheReferenceFilesByteForByte() throws {
    let containers = try containers()
    #expect(containers.count == 8)
    for container in containers {
      #expect(try SDLFile.bytes(container.layers) == container.bytes, "\(container.name)")
    }
  }

  @Test func readsBackWhatItWrites() throws {
    for container in try containers() {
      for encoding in Encoding.allCases {
        let layers = container.layers.map { layer in
          guard case .structured(let layout, let codes, let basis, _) = layer.content else {
            return layer
          }
          return StoredLayer(
            name: layer.name, layout: layout, coefficients: codes, basis: basis,
            encodings: [encoding])
        }
        let bytes = try SDLFile.bytes(layers)
        let file = try SDLFile(FileContent(bytes, name: "test.sdl"))
        #expect(file.layers.count == layers.count)
        for (read, written) in zip(file.layers, layers) {
          #expect(read.encoding == encoding)
          #expect(try file.weights(of: read) == written.rebuilt())
          let stored = try file.stored(read)
          #expect(try SDLFile.bytes([stored]) == SDLFile.bytes([written]))
        }
      }
    }
  }

  @Test func keepsNumbersThatHaveNoBlocks() throws {
    let numbers: [Float] = [1, -0.0, .pi, .infinity, Float.leastNonzeroMagnitude, 7]
    let layer = StoredLayer(name: "stem", shape: [2, 1, 1, 3], raw: numbers)
    let file = try SDLFile(FileContent(try SDLFile.bytes([layer]), name: "raw.sdl"))
    #expect(file.layers[0].kind == .raw && file.layers[0].shape == [2, 1, 1, 3])
    #expect(try file.weights(of: file.layers[0]).map(\.bitPattern) == numbers.map(\.bitPattern))
  }

  @Test func saysWhereAFileIsWrong() throws {
    let good = try containers()[6].bytes
    func error(_ change: (inout [UInt8]) -> Void, mendChecksum: Bool = true) -> String {
      var bytes = good
      change(&bytes)
      if mendChecksum { FileTests.mend(&bytes) }
      do throws(FormatError) {
        let file = try SDLFile(FileContent(bytes, name: "x.sdl"))
        for layer in file.layers { _ = try file.weights(of: layer) }
        return "no error"
      } catch {
        return error.description
      }
    }
    #expect(
      error { $0[3] = 0x32 }
        == "x.sdl: byte 0: no 'SDL1' at the start; expected a compressed network")
    #expect(error({ $0[8] &+= 1 }).contains("byte 8: a size of"))
    #expect(error({ $0[40] ^= 1 }, mendChecksum: false).contains("a checksum that does not fit"))
    #expect(error { $0.removeLast(8) }.contains("a size of"))
    #expect(error { $0[4] = 200 }.contains("200 layers"))
    // The first layer: name length 18, name 'c' 20, kind 21, rank 22, dimensions from 23, n 39.
    #expect(good[20] == UInt8(ascii: "c") || good[18] == UInt8(ascii: "c"))
    let start = good[18] == UInt8(ascii: "c") ? 18 : 20
    #expect(error { $0[start + 1] = 9 }.contains("kind 9"))
    #expect(error { $0[start + 2] = 3 }.contains("rank 3"))
    #expect(error { $0[start + 3] = 0 }.contains("shape [0, 8, 3, 3]"))
    #expect(error { $0[start + 7] = 9 }.contains("for shape [1, 9, 3, 3]"))
    #expect(error { $0[start + 20] = 7 }.contains("blocks of 7 × 3"))
    #expect(error { $0[start + 28] = 127 }.contains("exponents 127"))
    #expect(error { $0[start + 30] = 9 }.contains("encoding 9"))
    #expect(error { $0[start + 31] = 4 }.contains("4 bits in a basis"))
    #expect(error { $0[start + 32] &+= 1 }.contains("bits"))
    #expect(error { $0[start + 36] = 255 }.contains("ends inside the coefficients"))
  }

  /// Each change of one byte, and each cut, gives an error or other weights, never a crash.
  @Test func `a small file can't ask for much memory, and a writer makes no such file`() throws {
    // One block of 29,989 rows, a prime: all zero, they would be ten bytes of basis and nothing else.
    let layout = try BlockLayout(shape: [1, 3 * 29_989], name: "w")
    #expect(layout.blocks == 1 && layout.rowsPerBlock == 29_989)
    let codes = [Int8](repeating: 0, count: layout.coefficients)
    let layer = StoredLayer(
      name: "w", layout: layout, coefficients: codes,
      basis: StoredBasis(exponents: [0], values: [Int8](repeating: 0, count: 9)),
      encodings: [.entropy])
    guard case .structured(_, _, _, let encoding) = layer.content else { return }
    #expect(encoding == .bitmap)
    let good = try SDLFile.bytes([layer])
    let file = try SDLFile(FileContent(good, name: "x.sdl"))
    #expect(try file.weights(of: file.layers[0]).allSatisfy { $0 == 0 })
    // The same with no bits at all.
    var bytes = Array(good[..<(good.count - 4 - (codes.count + 7) / 8)]) + [0, 0, 0, 0]
    let start = 16 + 2 + 1 + 2 + 8
    bytes[start + 11] = Encoding.entropy.rawValue
    for index in 0..<8 { bytes[start + 13 + index] = 0 }
    withUnsafeBytes(of: UInt64(bytes.count).littleEndian) { size in
      for (place, byte) in size.enumerated() { bytes[8 + place] = byte }
    }
    FileTests.mend(&bytes)
    let error = #expect(throws: FormatError.self) {
      try SDLFile(FileContent(bytes, name: "x.sdl"))
    }
    #expect(error?.code == .limit)
  }

  @Test func survivesDamage() throws {
    for container in try containers() {
      for encoding in Encoding.allCases {
        let layers = container.layers.map { layer in
          guard case .structured(let layout, let codes, let basis, _) = layer.content else {
            return layer
          }
          return StoredLayer(
            name: layer.name, layout: layout, coefficients: codes, basis: basis,
            encodings: [encoding])
        }
        let good = try SDLFile.bytes(layers)
        for index in good.indices {
          for change: UInt8 in [1, 0x80, 0xFF] {
            var bytes = good
            bytes[index] ^= change
            FileTests.mend(&bytes)
            FileTests.readAll(bytes)
            var cut = Array(good[..<index])
            withUnsafeBytes(of: UInt64(index).littleEndian) { size in
              for (place, byte) in size.enumerated() where index >= 16 { cut[8 + place] = byte }
            }
            FileTests.mend(&cut)
            FileTests.readAll(cut)
          }
        }
      }
    }
  }

  private static func readAll(_ bytes: [UInt8]) {
    guard let file = try? SDLFile(FileContent(bytes, name: "x")) else { return }
    for layer in file.layers {
      let weights = try? file.weights(of: layer)
      if let weights { #expect(weights.count == layer.shape.reduce(1, *)) }
    }
  }

  /// Makes the checksum fit, so that the reader looks at the rest.
  private static func mend(_ bytes: inout [UInt8]) {
    guard bytes.count >= 20 else { return }
    let sum = bytes.withUnsafeBytes {
      SDLFile.checksum(UnsafeRawBufferPointer(rebasing: $0[..<($0.count - 4)]))
    }
    withUnsafeBytes(of: sum.littleEndian) { sum in
      for (index, byte) in sum.enumerated() { bytes[bytes.count - 4 + index] = byte }
    }
  }
}
