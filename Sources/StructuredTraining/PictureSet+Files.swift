public import Formats
import LabelledImages

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

  /// Reads files of pictures, one after the other.
  ///
  /// - Parameters:
  ///   - files: In any of the formats of `LabelledImages`.
  ///   - labels: None where the files have them inside, one for all of them together, or one for each.
  /// - Throws: `FormatError` for a file that is broken or has too few labels; ``TrainingError`` where
  ///   files do not fit together.
  public init(files: [String], labels: [String]) throws {
    guard labels.count <= 1 || labels.count == files.count else {
      throw TrainingError(
        .badPictures,
        "\(labels.count) files of labels for \(files.count) of pictures; give none, one, or one for "
          + "each")
    }
    var pixels: [UInt8] = []
    var numbers: [Int] = []
    var extents: (channels: Int, height: Int, width: Int)?
    for (index, path) in files.enumerated() {
      let part = try LabelledImages.read(
        path: path, labels: labels.count > 1 ? labels[index] : labels.first,
        firstLabel: labels.count > 1 ? 0 : numbers.count)
      let found = (part.channels, part.height, part.width)
      if let extents, extents != found {
        throw TrainingError(
          .badPictures,
          "\(path) has pictures of \(part.channels) × \(part.height) × \(part.width), the files before "
            + "it of \(extents.channels) × \(extents.height) × \(extents.width)")
      }
      extents = found
      pixels += part.pixels
      numbers += part.labels
    }
    let (channels, height, width) = extents ?? (0, 0, 0)
    try self.init(
      pixels: pixels, channels: channels, height: height, width: width, labels: numbers)
  }
}
