import Formats
import ONNX
import SmartDeal

/// A way to read bytes; refusing them with a `FormatError` is fine.
struct Reader: Sendable {
  var name: String
  /// Deflated bytes may stand for up to 1032 times as many, so their readers may take more.
  var isDeflated = false
  var read: @Sendable (FileContent) throws -> Void

  init(
    _ name: String, isDeflated: Bool = false,
    _ read: @escaping @Sendable (FileContent) throws -> Void
  ) {
    self.name = name
    self.isDeflated = isDeflated
    self.read = read
  }

  static let all: [Reader] = [
    Reader("onnx") { content in
      let model = try ONNXModel(content)
      _ = try? model.graph.constants()
      // Whatever is read can be written, and what is written is read as the same.
      let written = try model.bytes()
      let back = try ONNXModel(FileContent(written, name: "written"))
      guard try back.bytes() == written else { fatalError("written and read, it is another") }
    },
    Reader("npy") { content in
      let array = try NPY.read(content)
      let written = try NPY.bytes(array)
      guard try NPY.read(FileContent(written, name: "written")) == array else {
        fatalError("written and read, it is another")
      }
    },
    Reader("npz", isDeflated: true) { _ = try NPZ.read($0) },
    // The checksums of an archive keep damage out of its members, so here they are made anew.
    Reader("npz-member") { content in
      let file = Containers.zip(["a.npy": content.withBytes { Array($0) }])
      _ = try NPZ.read(FileContent(file, name: content.name))
    },
    Reader("safetensors") { content in
      let file = try Safetensors(content)
      let written = try file.bytes()
      guard try Safetensors(FileContent(written, name: "written")).bytes() == written else {
        fatalError("written and read, it is another")
      }
    },
    Reader("torch") { _ = try TorchFile.read($0) },
    Reader("torch-member") { content in
      // All up to the last STOP is the pickle, the rest a storage.
      let bytes = content.withBytes { Array($0) }
      let stop = bytes.lastIndex(of: 0x2E).map { $0 + 1 } ?? bytes.count
      let members = ["a/data.pkl": Array(bytes[..<stop]), "a/data/0": Array(bytes[stop...])]
      _ = try TorchFile.read(FileContent(Containers.zip(members), name: content.name))
    },
    Reader("pickle") { content in
      let value = try Pickle.read(content)
      _ = value.doubles
      _ = try? Table(dataFrame: value, name: content.name)
    },
    Reader("idx", isDeflated: true) { _ = try IDX.read($0) },
    Reader("png", isDeflated: true) { _ = try PNG.read($0) },
    Reader("png-chunks") { content in
      let bytes = content.withBytes { Array($0) }
      _ = try PNG.read(FileContent(Containers.png(bytes), name: content.name))
    },
    Reader("cifar") { _ = try CIFARBatch($0) },
    Reader("json") { content in
      let value = try JSONText.read(content)
      guard try JSONText.read(FileContent(value.json().utf8, name: "written")) == value else {
        fatalError("written and read, it is another")
      }
    },
    Reader("csv") { content in
      let table = try CSV.read(content)
      let text = CSV.text(table)
      guard try CSV.text(CSV.read(FileContent(text.utf8, name: "written"))) == text else {
        fatalError("written and read, it is another")
      }
    },
    // Size and checksum are mended, so that damage reaches what they guard.
    Reader("sdl", isDeflated: true) { content in
      let file = try SDLFile(
        FileContent(Containers.sdl(content.withBytes { Array($0) }), name: "sdl"))
      var layers: [StoredLayer] = []
      for layer in file.layers {
        var count = 0
        try file.rebuild(layer) { count += $0.count }
        guard count == layer.shape.reduce(1, *) else { fatalError("weights are missing") }
        layers.append(try file.stored(layer))
      }
      // Another cut of rows is read, but not written.
      guard let written = try? SDLFile.bytes(layers) else { return }
      let back = try SDLFile(FileContent(written, name: "written"))
      for (layer, old) in zip(back.layers, layers) {
        guard
          try back.stored(layer).rebuilt().elementsEqual(
            old.rebuilt(), by: { $0.bitPattern == $1.bitPattern })
        else { fatalError("written and read, it is another") }
      }
    },
    Reader("words") { _ = try CSV.readWhitespaceSeparated($0) },
  ]
}

/// Files around given contents, with right checksums.
enum Containers {
  private static func little<Integer: FixedWidthInteger>(_ number: Integer) -> [UInt8] {
    withUnsafeBytes(of: number.littleEndian) { Array($0) }
  }

  private static func big<Integer: FixedWidthInteger>(_ number: Integer) -> [UInt8] {
    withUnsafeBytes(of: number.bigEndian) { Array($0) }
  }

  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { rest, _ in rest >> 1 ^ (rest & 1 == 1 ? 0xEDB8_8320 : 0) }
  }

  private static func crc32(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(0xFFFF_FFFF) { table[Int(($0 ^ UInt32($1)) & 0xFF)] ^ $0 >> 8 }
  }

  private static func adler32(_ bytes: [UInt8]) -> UInt32 {
    var (low, high): (UInt32, UInt32) = (1, 0)
    for byte in bytes {
      low = (low + UInt32(byte)) % 65521
      high = (high + low) % 65521
    }
    return high << 16 | low
  }

  /// An archive of stored members.
  static func zip(_ members: [String: [UInt8]]) -> [UInt8] {
    var file: [UInt8] = []
    var directory: [UInt8] = []
    for (name, bytes) in members {
      let common =
        [0, 0, 0, 0, 0, 0, 0, 0] + little(crc32(bytes)) + little(UInt32(bytes.count))
        + little(UInt32(bytes.count)) + little(UInt16(name.utf8.count))
      directory += [0x50, 0x4B, 1, 2, 0, 0, 20, 0] + common
      directory += [UInt8](repeating: 0, count: 12) + little(UInt32(file.count)) + name.utf8
      file += [0x50, 0x4B, 3, 4, 20, 0] + common + [0, 0] + name.utf8 + bytes
    }
    let count = little(UInt16(members.count))
    let end = little(UInt32(directory.count)) + little(UInt32(file.count)) + [0, 0]
    return file + directory + [0x50, 0x4B, 5, 6, 0, 0, 0, 0] + count + count + end
  }

  /// A compressed network with the size and the checksum that its bytes have.
  static func sdl(_ input: [UInt8]) -> [UInt8] {
    guard input.count >= 20 else { return input }
    var file = Array(input.dropLast(4))
    file.replaceSubrange(8..<16, with: little(UInt64(input.count)))
    return file + little(crc32(file))
  }

  private static func chunk(_ type: String, _ data: [UInt8]) -> [UInt8] {
    let body = Array(type.utf8) + data
    return big(UInt32(data.count)) + body + big(crc32(body))
  }

  /// An image whose input gives the header (13 bytes), the numbers of palette and transparent
  /// colours (a byte each), those colours, and the rows.
  static func png(_ input: [UInt8]) -> [UInt8] {
    var rest = input[...]
    func take(_ count: Int) -> [UInt8] {
      defer { rest = rest.dropFirst(count) }
      return Array(rest.prefix(count))
    }
    let header = take(13)
    let counts = take(2)
    var file: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + chunk("IHDR", header)
    let palette = take(3 * Int(counts.first ?? 0))
    if !palette.isEmpty { file += chunk("PLTE", palette) }
    let transparency = take(Int(counts.last ?? 0))
    if !transparency.isEmpty { file += chunk("tRNS", transparency) }
    let rows = Array(rest.prefix(0xFFFF))
    let length = UInt16(rows.count)
    let packed = [0x78, 1, 1] + little(length) + little(~length) + rows + big(adler32(rows))
    return file + chunk("IDAT", packed) + chunk("IEND", [])
  }
}
