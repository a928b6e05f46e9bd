public import Formats

extension LabelledImages {
  /// Reads a set, whatever of the known formats its first bytes say it is.
  ///
  /// - CSV without a header: a label, then a picture's bytes, colours interleaved pixel by pixel.
  /// - IDX, plain or gzipped: pictures in one file, labels in another.
  /// - CIFAR-10's pickled batches, labels inside.
  /// - PNG: a picture a row, labels in a text file.
  /// - NPZ with one array: pictures in one file, labels in another.
  /// - NPY of two dimensions: a picture's bytes and then its label in each row.
  ///
  /// - Parameters:
  ///   - path: The pictures.
  ///   - labels: The labels, where the pictures' file has none: IDX, or a text with integers.
  ///   - firstLabel: Which label belongs to the first picture of a text with the labels of several
  ///     files.
  ///   - needsLabels: Whether pictures without labels are an error; else all get the label 0.
  /// - Returns: All pictures of the file.
  /// - Throws: `FormatError` that says where a file is wrong.
  public static func read(
    path: String, labels: String? = nil, firstLabel: Int = 0, needsLabels: Bool = true
  ) throws(FormatError) -> LabelledImages {
    let content = try FileContent(path: path)
    if content.starts(with: [0x89, 0x50, 0x4E, 0x47]) {
      return try rows(PNG.read(content), of: content.name, labels, needsLabels ? firstLabel : nil)
    }
    if content.starts(with: [0x1F, 0x8B]) || content.starts(with: [0, 0]) {
      return try planes(IDX.read(content), of: content.name, labels, needsLabels ? firstLabel : nil)
    }
    if content.starts(with: [0x50, 0x4B]) {
      return try planes(array(content), of: content.name, labels, needsLabels ? firstLabel : nil)
    }
    if content.starts(with: [0x93, 0x4E, 0x55, 0x4D]) {
      return try labelledRows(NPY.read(content), of: content.name)
    }
    if content.starts(with: [0x80]) {
      let batch = try CIFARBatch(content)
      let count = batch.images.shape[0]
      return LabelledImages(
        labels: Array(batch.labels.prefix(count)), channels: 3, height: 32, width: 32,
        pixels: batch.images.bytes)
    }
    return try table(content)
  }

  // MARK: - Formats

  private static func table(_ content: FileContent) throws(FormatError) -> LabelledImages {
    var labels: [Int] = []
    var pixels: [UInt8] = []
    var length: Int?
    var form = (channels: 1, height: 0, width: 0)
    try content.withBytes { bytes throws(FormatError) in
      var row = 0
      for line in bytes.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }) {
        row += 1
        var numbers: [Int] = []
        for cell in line.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
          guard let number = number(cell), (0...255).contains(number) else {
            throw FormatError(
              file: content.name, at: .row(row, column: nil),
              found: "'\(String(decoding: cell.prefix(20), as: UTF8.self))'",
              expected: "a label and a picture's bytes, whole numbers from 0 to 255")
          }
          numbers.append(number)
        }
        if length == nil {
          length = numbers.count
          form = try LabelledImages.form(numbers.count - 1, content.name)
        }
        guard numbers.count == length else {
          throw FormatError(
            file: content.name, at: .row(row, column: nil), found: "\(numbers.count) numbers",
            expected: "\(length ?? 0), as in the first row")
        }
        labels.append(numbers[0])
        let plane = form.height * form.width
        for channel in 0..<form.channels {
          for index in 0..<plane {
            pixels.append(UInt8(numbers[1 + index * form.channels + channel]))
          }
        }
      }
    }
    guard !labels.isEmpty else {
      throw FormatError(
        file: content.name, found: "no picture", expected: "CSV, IDX, PNG or a CIFAR-10 batch")
    }
    return LabelledImages(
      labels: labels, channels: form.channels, height: form.height, width: form.width,
      pixels: pixels)
  }

  /// The only array of an NPZ file.
  private static func array(_ content: FileContent) throws(FormatError) -> TensorData {
    let arrays = try NPZ.read(content)
    guard arrays.count == 1 else {
      throw FormatError(
        file: content.name, found: "the arrays \(arrays.map(\.name))", expected: "one array")
    }
    return arrays[0].data
  }

  /// A picture's bytes, then its label, in each row.
  private static func labelledRows(
    _ data: TensorData, of file: String
  ) throws(FormatError) -> LabelledImages {
    guard data.type == .uint8, data.shape.count == 2, data.shape[0] > 0, data.shape[1] > 1 else {
      throw FormatError(
        file: file, found: "an array of \(data.type.rawValue) and shape \(data.shape)",
        expected: "bytes, a picture and its label in each row")
    }
    let (count, length) = (data.shape[0], data.shape[1])
    let form = try form(length - 1, file)
    let plane = form.height * form.width
    var pixels: [UInt8] = []
    pixels.reserveCapacity(count * (length - 1))
    for row in 0..<count {
      for channel in 0..<form.channels {
        for index in 0..<plane {
          pixels.append(data.bytes[row * length + index * form.channels + channel])
        }
      }
    }
    return LabelledImages(
      labels: (0..<count).map { Int(data.bytes[($0 + 1) * length - 1]) },
      channels: form.channels, height: form.height, width: form.width, pixels: pixels)
  }

  private static func planes(
    _ data: TensorData, of file: String, _ labels: String?, _ first: Int?
  ) throws(FormatError) -> LabelledImages {
    guard data.type == .uint8, data.shape.count == 3 || data.shape.count == 4,
      !data.shape.contains(0)
    else {
      throw FormatError(
        file: file, found: "an array of \(data.type.rawValue) and shape \(data.shape)",
        expected: "pictures: bytes of shape count × height × width")
    }
    let count = data.shape[0]
    let channels = data.shape.count == 4 ? data.shape[1] : 1
    return LabelledImages(
      labels: try read(labels, count: count, first: first, for: file), channels: channels,
      height: data.shape[data.shape.count - 2], width: data.shape[data.shape.count - 1],
      pixels: data.bytes)
  }

  private static func rows(
    _ image: PixelImage, of file: String, _ labels: String?, _ first: Int?
  ) throws(FormatError) -> LabelledImages {
    let side = Int(Double(image.width).squareRoot())
    guard side * side == image.width, side > 0 else {
      throw FormatError(
        file: file, found: "\(image.width) pixels a row", expected: "a square picture in each")
    }
    // Grey pictures are often written as colours.
    var isGrey = true
    if image.channels >= 3 {
      for place in stride(from: 0, to: image.pixels.count, by: image.channels) {
        let red = image.pixels[place]
        if image.pixels[place + 1] != red || image.pixels[place + 2] != red {
          isGrey = false
          break
        }
      }
    }
    let channels = isGrey ? 1 : 3
    var pixels: [UInt8] = []
    pixels.reserveCapacity(image.height * image.width * channels)
    for row in 0..<image.height {
      for channel in 0..<channels {
        for column in 0..<image.width {
          pixels.append(image.pixels[(row * image.width + column) * image.channels + channel])
        }
      }
    }
    return LabelledImages(
      labels: try read(labels, count: image.height, first: first, for: file),
      channels: channels, height: side, width: side, pixels: pixels)
  }

  // MARK: - Labels

  private static func read(
    _ path: String?, count: Int, first: Int?, for file: String
  ) throws(FormatError) -> [Int] {
    guard let first else { return [Int](repeating: 0, count: count) }
    guard let path else {
      throw FormatError(
        file: file, found: "pictures without labels", expected: "a file of labels beside them")
    }
    let content = try FileContent(path: path)
    let all: [Int]
    if content.starts(with: [0x1F, 0x8B]) || content.starts(with: [0, 0]) {
      all = try IDX.read(content).integers() ?? []
    } else if content.starts(with: [0x50, 0x4B]) {
      all = try array(content).integers() ?? []
    } else {
      all = content.withBytes { bytes in
        bytes.split(whereSeparator: { !(0x30...0x39).contains($0) }).compactMap { number($0) }
      }
    }
    guard first >= 0, first + count <= all.count else {
      throw FormatError(
        file: content.name, found: "\(all.count) labels",
        expected: "\(count) from label \(first) on, one for each picture of \(file)")
    }
    return Array(all[first..<first + count])
  }

  private static func number(_ digits: Slice<UnsafeRawBufferPointer>) -> Int? {
    guard !digits.isEmpty, digits.count < 10 else { return nil }
    var number = 0
    for digit in digits {
      guard (0x30...0x39).contains(digit) else { return nil }
      number = 10 * number + Int(digit) - 0x30
    }
    return number
  }

  /// What a flat picture of so many numbers is: grey, or colours, and square.
  private static func form(
    _ count: Int, _ file: String
  ) throws(FormatError) -> (channels: Int, height: Int, width: Int) {
    for channels in [1, 3] where count > 0 && count % channels == 0 {
      let side = Int(Double(count / channels).squareRoot().rounded())
      if side * side * channels == count { return (channels, side, side) }
    }
    throw FormatError(
      file: file, found: "\(count) bytes a picture", expected: "a square of one or three channels")
  }
}
