public import NeuralNetworks
import Tensors

/// Labelled pictures in bytes, as they are handed from stage to stage.
public struct PictureSet: Hashable, Sendable {
  /// n × channels × height × width, row-major.
  public let pixels: [UInt8]
  public let channels: Int
  public let height: Int
  public let width: Int
  /// A class from 0 for each picture.
  public let labels: [Int]

  public var count: Int { labels.count }
  /// One more than the largest label.
  public var classes: Int { (labels.max() ?? -1) + 1 }
  /// The numbers of one picture.
  public var size: Int { channels * height * width }

  /// Takes pixels and labels.
  ///
  /// - Throws: ``TrainingError`` where the counts do not fit, a label is negative, or there is nothing.
  public init(
    pixels: [UInt8], channels: Int, height: Int, width: Int, labels: [Int]
  ) throws(TrainingError) {
    let size = channels * height * width
    guard !labels.isEmpty, size > 0 else {
      throw TrainingError(.badPictures, "no pictures: \(labels.count) of \(size) numbers each")
    }
    guard pixels.count == labels.count * size else {
      throw TrainingError(
        .badPictures,
        "\(pixels.count) pixels are not \(labels.count) pictures of "
          + "\(channels) × \(height) × \(width)")
    }
    if let label = labels.first(where: { $0 < 0 || $0 > 65_535 }) {
      throw TrainingError(.badPictures, "a label is \(label); classes are numbered from 0 to 65535")
    }
    self.pixels = pixels
    self.channels = channels
    self.height = height
    self.width = width
    self.labels = labels
  }

  /// A part, in order.
  ///
  /// - Throws: ``TrainingError`` for a range that is empty or goes beyond the end.
  public subscript(range: Range<Int>) -> PictureSet {
    get throws(TrainingError) {
      guard range.lowerBound >= 0, range.upperBound <= count, !range.isEmpty else {
        throw TrainingError(
          .badPictures,
          "pictures \(range.lowerBound) to \(range.upperBound) are asked for; there are \(count)")
      }
      return try PictureSet(
        pixels: Array(pixels[range.lowerBound * size..<range.upperBound * size]),
        channels: channels, height: height, width: width, labels: Array(labels[range]))
    }
  }

  /// The pictures of some classes, which are numbered anew from 0 in the order given.
  ///
  /// - Throws: ``TrainingError`` for a class without a picture, or one that is named twice.
  public func only(_ classes: [Int]) throws(TrainingError) -> PictureSet {
    var numbers: [Int: Int] = [:]
    for (number, label) in classes.enumerated() {
      guard labels.contains(label), numbers.updateValue(number, forKey: label) == nil else {
        throw TrainingError(
          .badPictures,
          numbers[label] == nil
            ? "no picture is of class \(label)" : "class \(label) is named twice")
      }
    }
    var kept: [UInt8] = []
    var names: [Int] = []
    for (index, label) in labels.enumerated() {
      guard let number = numbers[label] else { continue }
      kept += pixels[index * size..<(index + 1) * size]
      names.append(number)
    }
    return try PictureSet(
      pixels: kept, channels: channels, height: height, width: width, labels: names)
  }

  /// Some classes without most of their pictures, as where those are rare: the first ones are kept, at
  /// least one.
  ///
  /// - Parameter shares: By class, of its pictures that are kept.
  /// - Returns: The rest, in order.
  /// - Throws: ``TrainingError`` for a class without a picture, or a share that isn't between 0 and 1.
  public func thinned(_ shares: [Int: Double]) throws(TrainingError) -> PictureSet {
    var left: [Int: Int] = [:]
    for (label, share) in shares.sorted(by: { $0.key < $1.key }) {
      let all = labels.count { $0 == label }
      guard all > 0 else { throw TrainingError(.badPictures, "no picture is of class \(label)") }
      guard share > 0, share <= 1 else {
        throw TrainingError(
          .badPictures, "the share of class \(label) is \(share); above 0 and at most 1 is possible"
        )
      }
      left[label] = max(Int((share * Double(all)).rounded()), 1)
    }
    var kept: [Int] = []
    for (index, label) in labels.enumerated() {
      if let more = left[label] {
        guard more > 0 else { continue }
        left[label] = more - 1
      }
      kept.append(index)
    }
    return try PictureSet(
      pixels: kept.flatMap { pixels[$0 * size..<($0 + 1) * size] }, channels: channels,
      height: height, width: width, labels: kept.map { labels[$0] })
  }

  // MARK: As tensors

  /// Pictures as numbers, (x / 255 - mean) / deviation, with their labels.
  ///
  /// - Parameters:
  ///   - shape: What one picture is shaped to.
  ///   - scaling: Means and deviations of the channels.
  /// - Returns: Pictures [n] + shape in float32, and labels [n] in int64.
  /// - Throws: ``TrainingError`` where shape or scaling do not fit the pictures.
  public func dataset(shape: [Int], scaling: Scaling) throws -> TensorDataset {
    guard shape.reduce(1, *) == size else {
      throw TrainingError(
        .badPictures,
        "the network takes \(shape); a picture is \(channels) × \(height) × \(width)")
    }
    let (mean, deviation) = try scaling.channels(channels)
    let images = try Tensor(pixels, shape: [count, channels, height, width]).to(.float32) / 255
    let scaled =
      try (images - Tensor(mean, shape: [1, channels, 1, 1]))
      / Tensor(deviation, shape: [1, channels, 1, 1])
    return try TensorDataset(scaled.reshaped([count] + shape), Tensor(labels))
  }

  /// Means and deviations of channels, of pixels between 0 and 1.
  public struct Scaling: Hashable, Sendable {
    public var mean: [Double]
    public var deviation: [Double]

    /// Takes one number for all channels, or one for each.
    public init(mean: [Double] = [0], deviation: [Double] = [1]) {
      self.mean = mean
      self.deviation = deviation
    }

    func channels(_ count: Int) throws(TrainingError) -> (mean: [Float], deviation: [Float]) {
      func spread(_ numbers: [Double], _ name: String) throws(TrainingError) -> [Float] {
        guard numbers.count == 1 || numbers.count == count, numbers.allSatisfy(\.isFinite) else {
          throw TrainingError(
            .badPlan, "\(name) is \(numbers); give one number, or one for each of \(count) channels"
          )
        }
        return (0..<count).map { Float(numbers[numbers.count == 1 ? 0 : $0]) }
      }
      let deviations = try spread(deviation, "deviation")
      guard deviations.allSatisfy({ $0 > 0 }) else {
        throw TrainingError(.badPlan, "deviation is \(deviation); each must be above 0")
      }
      return (try spread(mean, "mean"), deviations)
    }
  }
}
