import Formats
public import Tensors

/// Pictures with a class each, as published test sets hold them.
public struct LabelledImages: Hashable, Sendable {
  /// One class from 0 for each picture.
  public let labels: [Int]
  public let channels: Int
  public let height: Int
  public let width: Int
  /// Plane after plane, row-major, for each picture.
  public let pixels: [UInt8]

  public var count: Int { labels.count }
  /// Numbers in a picture.
  public var size: Int { channels * height * width }

  init(labels: [Int], channels: Int, height: Int, width: Int, pixels: [UInt8]) {
    precondition(
      pixels.count == labels.count * channels * height * width,
      "\(pixels.count) pixels for \(labels.count) pictures")
    self.labels = labels
    self.channels = channels
    self.height = height
    self.width = width
    self.pixels = pixels
  }

  /// The pictures of a range.
  public subscript(range: Range<Int>) -> LabelledImages {
    LabelledImages(
      labels: Array(labels[range]), channels: channels, height: height, width: width,
      pixels: Array(pixels[range.lowerBound * size..<range.upperBound * size]))
  }

  /// What is taken off bytes before a network sees them.
  public struct Normalisation: Hashable, Sendable {
    /// One for each channel, or one for all, in units of a byte's range: (byte / 255 − mean) /
    /// deviation.
    public var mean: [Double]
    public var deviation: [Double]

    public init(mean: [Double] = [0], deviation: [Double] = [1]) {
      self.mean = mean
      self.deviation = deviation
    }
  }

  /// The pictures as a network takes them.
  ///
  /// - Parameters:
  ///   - range: Which.
  ///   - shape: A picture's extents, such as [3, 32, 32] or [784, 1]; nil for
  ///     [channels, height, width].
  ///   - normalisation: What is taken off.
  /// - Returns: float32[count, shape…].
  /// - Throws: `FormatError` for a shape or normalisation that does not fit.
  public func tensor(
    _ range: Range<Int>, shape: [Int]? = nil, _ normalisation: Normalisation = Normalisation()
  ) throws -> Tensor {
    let shape = shape ?? [channels, height, width]
    guard shape.reduce(1, *) == size else {
      throw FormatError(
        file: "pictures", found: "\(channels) × \(height) × \(width) numbers a picture",
        expected: "\(shape.map(String.init).joined(separator: " × ")), which the network takes")
    }
    func perChannel(_ numbers: [Double], _ name: String) throws -> [Float] {
      guard numbers.count == 1 || numbers.count == channels else {
        throw FormatError(
          file: "pictures", found: "\(numbers.count) numbers in '\(name)'",
          expected: "1, or one for each of the \(channels) channels")
      }
      return (0..<channels).map { Float(numbers[numbers.count == 1 ? 0 : $0]) }
    }
    let mean = try perChannel(normalisation.mean, "mean")
    let deviation = try perChannel(normalisation.deviation, "deviation")
    guard deviation.allSatisfy({ $0 > 0 }) else {
      throw FormatError(
        file: "pictures", found: "deviation \(normalisation.deviation)",
        expected: "numbers above 0")
    }
    let plane = height * width
    var numbers = [Float](repeating: 0, count: range.count * size)
    for (place, picture) in range.enumerated() {
      for channel in 0..<channels {
        let source = picture * size + channel * plane
        let target = place * size + channel * plane
        for index in 0..<plane {
          numbers[target + index] =
            (Float(pixels[source + index]) / 255 - mean[channel]) / deviation[channel]
        }
      }
    }
    return try Tensor(numbers, shape: [range.count] + shape)
  }
}
