/// An image's pixels.
public struct PixelImage: Hashable, Sendable {
  public let width: Int
  public let height: Int
  /// 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha.
  public let channels: Int
  /// `height * width * channels` bytes, row by row, channels together.
  public let pixels: [UInt8]

  /// Takes pixels, whose number must fit the extents.
  public init(width: Int, height: Int, channels: Int, pixels: [UInt8]) {
    precondition(
      pixels.count == width * height * channels,
      "\(pixels.count) bytes for \(width) × \(height) × \(channels)")
    self.width = width
    self.height = height
    self.channels = channels
    self.pixels = pixels
  }
}

/// Reads PNG images of 8 bits a channel, not interlaced.
public enum PNG {
  private static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

  /// Reads an image; a palette becomes RGB, or RGB and alpha where it has transparent colours.
  ///
  /// - Throws: `FormatError`; interlaced images and other depths are `unsupported`.
  public static func read(path: String) throws(FormatError) -> PixelImage {
    try read(FileContent(path: path))
  }

  /// Reads an image; a palette becomes RGB, or RGB and alpha where it has transparent colours.
  ///
  /// - Throws: `FormatError`; interlaced images and other depths are `unsupported`.
  public static func read(_ content: FileContent) throws(FormatError) -> PixelImage {
    try content.withReader { (reader) throws(FormatError) in
      guard try reader.take(8, "the signature").elementsEqual(signature) else {
        throw reader.error(at: 0, found: "no PNG image", expected: "its signature")
      }
      var decoder = PNGDecoder(reader)
      return try decoder.decode()
    }
  }
}

private struct PNGDecoder {
  private var reader: ByteReader
  private var width = 0
  private var height = 0
  private var color: UInt8 = 0
  private var palette: [UInt8] = []
  private var transparency: [UInt8] = []
  private var compressed: [UInt8] = []

  init(_ reader: ByteReader) { self.reader = reader }

  /// Bytes a pixel as stored.
  private var channels: Int {
    switch color {
    case 2: 3
    case 4: 2
    case 6: 4
    default: 1
    }
  }

  mutating func decode() throws(FormatError) -> PixelImage {
    var isFirst = true
    var isDataOver = false
    while true {
      let start = reader.offset
      let length = Int(try reader.big(UInt32.self, "a chunk"))
      let typeAndData = try reader.take(length + 4, "a chunk")
      let checksum = try reader.big(UInt32.self, "a chunk's checksum")
      let type = String(decoding: typeAndData.prefix(4), as: UTF8.self)
      guard checksum == Inflation.crc32(typeAndData) else {
        throw reader.error(at: start, found: "a damaged chunk '\(type)': its checksum is wrong")
      }
      guard isFirst == (type == "IHDR") else {
        throw reader.error(at: start, found: "chunk '\(type)'", expected: "IHDR first and once")
      }
      isFirst = false
      let data = UnsafeRawBufferPointer(rebasing: typeAndData[4...])
      switch type {
      case "IHDR": try header(data, at: start)
      case "PLTE":
        guard palette.isEmpty, length > 0, length % 3 == 0, length <= 768 else {
          throw reader.error(at: start, found: "a palette of \(length) bytes")
        }
        palette = Array(data)
      case "tRNS": transparency = Array(data)
      case "IDAT":
        guard !isDataOver else {
          throw reader.error(at: start, found: "chunk 'IDAT' apart from the others")
        }
        compressed.append(contentsOf: data)
      case "IEND": return try image()
      default:
        guard typeAndData[0] & 0x20 != 0 else {
          throw reader.error(.unsupported, at: start, found: "an unknown critical chunk '\(type)'")
        }
      }
      isDataOver = isDataOver || !compressed.isEmpty && type != "IDAT"
    }
  }

  private mutating func header(
    _ data: UnsafeRawBufferPointer, at start: Int
  ) throws(FormatError) {
    var fields = ByteReader(data, file: reader.file)
    width = Int(try fields.big(UInt32.self, "IHDR"))
    height = Int(try fields.big(UInt32.self, "IHDR"))
    let depth = try fields.byte("IHDR")
    color = try fields.byte("IHDR")
    let methods = try fields.big(UInt16.self, "IHDR")
    let interlace = try fields.byte("IHDR")
    guard fields.isAtEnd, methods == 0, width > 0, height > 0, [0, 2, 3, 4, 6].contains(color)
    else { throw reader.error(at: start, found: "a malformed IHDR") }
    guard depth == 8 else {
      throw reader.error(
        .unsupported, at: start, found: "\(depth) bits a channel", expected: "8")
    }
    guard interlace == 0 else {
      throw reader.error(
        .unsupported, at: start, found: "an interlaced image", expected: "rows in order")
    }
    guard width < 1 << 31, height < 1 << 31, width * height < 1 << 31 else {
      throw reader.error(.limit, at: start, found: "\(width) × \(height) pixels")
    }
  }

  private mutating func image() throws(FormatError) -> PixelImage {
    let rowSize = width * channels
    let packed = FileContent(compressed, name: reader.file)
    var rows = try packed.withReader { (source) throws(FormatError) in
      try Inflation.inflate(source.bytes, .zlib, size: height * (rowSize + 1), file: source.file)
    }
    let wrong = rows.withUnsafeMutableBytes {
      PNGDecoder.unfilter($0, height: height, rowSize: rowSize, step: channels)
    }
    if let wrong {
      throw reader.error(found: "an unknown filter in row \(wrong + 1)", expected: "0 to 4")
    }
    let pixels = [UInt8](unsafeUninitializedCapacity: height * rowSize) { pixels, count in
      for row in 0..<height {
        for column in 0..<rowSize {
          pixels[row * rowSize + column] = rows[row * (rowSize + 1) + 1 + column]
        }
      }
      count = height * rowSize
    }
    guard color == 3 else {
      return PixelImage(width: width, height: height, channels: channels, pixels: pixels)
    }
    return try colored(pixels)
  }

  private func colored(_ indices: [UInt8]) throws(FormatError) -> PixelImage {
    let colors = palette.count / 3
    let hasAlpha = !transparency.isEmpty
    guard transparency.count <= colors else {
      throw reader.error(found: "more transparent colours than the palette's \(colors)")
    }
    var pixels: [UInt8] = []
    pixels.reserveCapacity(indices.count * (hasAlpha ? 4 : 3))
    for index in indices {
      let index = Int(index)
      guard index < colors else {
        throw reader.error(found: "colour \(index) of a palette of \(colors)")
      }
      pixels.append(contentsOf: palette[3 * index..<3 * index + 3])
      if hasAlpha { pixels.append(index < transparency.count ? transparency[index] : 255) }
    }
    return PixelImage(
      width: width, height: height, channels: hasAlpha ? 4 : 3, pixels: pixels)
  }

  /// Undoes the filters in place (PNG specification, section 9).
  ///
  /// - Returns: The first row with an unknown filter, or nil.
  private static func unfilter(
    _ rows: UnsafeMutableRawBufferPointer, height: Int, rowSize: Int, step: Int
  ) -> Int? {
    for row in 0..<height {
      let start = row * (rowSize + 1) + 1
      let above = start - rowSize - 1
      switch rows[start - 1] {
      case 0: break
      case 1:
        for index in min(step, rowSize)..<rowSize {
          rows[start + index] &+= rows[start + index - step]
        }
      case 2 where row > 0:
        for index in 0..<rowSize { rows[start + index] &+= rows[above + index] }
      case 2: break
      case 3:
        for index in 0..<rowSize {
          let left = index < step ? 0 : Int(rows[start + index - step])
          let up = row == 0 ? 0 : Int(rows[above + index])
          rows[start + index] &+= UInt8((left + up) / 2)
        }
      case 4:
        for index in 0..<rowSize {
          let left = index < step ? 0 : Int(rows[start + index - step])
          let up = row == 0 ? 0 : Int(rows[above + index])
          let corner = index < step || row == 0 ? 0 : Int(rows[above + index - step])
          rows[start + index] &+= paeth(left, up, corner)
        }
      default: return row
      }
    }
    return nil
  }

  @inline(__always)
  private static func paeth(_ left: Int, _ up: Int, _ corner: Int) -> UInt8 {
    let toLeft = abs(up - corner)
    let toUp = abs(left - corner)
    let toCorner = abs(left + up - 2 * corner)
    if toLeft <= toUp && toLeft <= toCorner { return UInt8(left) }
    return UInt8(toUp <= toCorner ? up : corner)
  }
}
