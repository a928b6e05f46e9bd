public import Formats

extension PictureSet {
  /// Takes `images`, n × channels × height × width in bytes, and `labels` from a safetensors file.
  ///
  /// - Throws: `FormatError` for a file that is not one; ``TrainingError`` where it holds other things.
  public init(safetensors path: String) throws {
    let file = try Safetensors(path: path)
    guard let images = file["images"], let labels = file["labels"]?.integers() else {
      throw TrainingError(
        .badPictures,
        "\(path) holds \(file.tensors.map(\.name)); pictures are 'images' with whole-number 'labels'"
      )
    }
    guard images.type == .uint8, images.shape.count == 4 else {
      throw TrainingError(
        .badPictures,
        "'images' is \(images.type.rawValue) of shape \(images.shape); bytes of pictures × channels "
          + "× height × width are read")
    }
    try self.init(
      pixels: images.bytes, channels: images.shape[1], height: images.shape[2],
      width: images.shape[3], labels: labels)
  }

  /// Writes what `init(safetensors:)` reads.
  ///
  /// - Throws: `FormatError` where the file cannot be written.
  public func write(safetensors path: String) throws(FormatError) {
    try Safetensors([
      NamedTensor(
        name: "images",
        data: TensorData(type: .uint8, shape: [count, channels, height, width], bytes: pixels)),
      NamedTensor(name: "labels", data: TensorData(labels, shape: [count])),
    ]).write(to: path)
  }

  /// Reads files of pictures, one after the other, and files of labels.
  ///
  /// - Parameters:
  ///   - images: IDX files (n × height × width), or PNG files in which each row of pixels is a square
  ///     grey picture, as `mnist_batch_0.png` of convnetjs.
  ///   - labels: IDX files.
  /// - Throws: `FormatError` for a file that is broken; ``TrainingError`` where files do not fit.
  public init(images: [String], labels: [String]) throws {
    var pixels: [UInt8] = []
    var extent: (height: Int, width: Int)?
    for path in images {
      let part = try PictureSet.pictures(path)
      if let extent, extent != (part.height, part.width) {
        throw TrainingError(
          .badPictures,
          "\(path) has pictures of \(part.height) × \(part.width), the files before it of "
            + "\(extent.height) × \(extent.width)")
      }
      extent = (part.height, part.width)
      pixels += part.pixels
    }
    let numbers = try labels.flatMap { path -> [Int] in
      let data = try IDX.read(path: path)
      guard data.shape.count == 1, let numbers = data.integers() else {
        throw TrainingError(
          .badPictures, "\(path) has the shape \(data.shape); labels are whole numbers in a row")
      }
      return numbers
    }
    let (height, width) = extent ?? (0, 0)
    let count = height * width > 0 ? pixels.count / (height * width) : 0
    guard count == numbers.count else {
      throw TrainingError(
        .badPictures, "\(count) pictures have \(numbers.count) labels; give one for each")
    }
    try self.init(pixels: pixels, channels: 1, height: height, width: width, labels: numbers)
  }

  private static func pictures(
    _ path: String
  ) throws -> (pixels: [UInt8], height: Int, width: Int) {
    let content = try FileContent(path: path)
    guard content.starts(with: [0x89, 0x50, 0x4E, 0x47]) else {
      let data = try IDX.read(content)
      guard data.shape.count == 3, data.type == .uint8 else {
        throw TrainingError(
          .badPictures,
          "\(path) has the shape \(data.shape) of \(data.type.rawValue); bytes of pictures × height "
            + "× width are read")
      }
      return (data.bytes, data.shape[1], data.shape[2])
    }
    let image = try PNG.read(content)
    let side = Int(Double(image.width).squareRoot().rounded())
    guard side * side == image.width else {
      throw TrainingError(
        .badPictures,
        "\(path) has rows of \(image.width) pixels; a row is a square picture, such as 784 = 28 × 28"
      )
    }
    // Grey is the first channel, and the same in all colours.
    let pixels =
      image.channels == 1
      ? image.pixels
      : stride(from: 0, to: image.pixels.count, by: image.channels).map { image.pixels[$0] }
    return (pixels, side, side)
  }
}
