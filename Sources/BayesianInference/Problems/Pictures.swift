import Foundation
public import Formats
public import Tensors

/// Grey pictures of one size in bytes, with a class each where they have one.
public struct Pictures: Hashable, Sendable {
  public let count: Int
  public let height: Int
  public let width: Int
  /// count × height × width.
  public let pixels: [UInt8]
  /// A class from 0 for each picture.
  public let labels: [Int]

  /// Numbers of a picture.
  public var size: Int { height * width }

  init(count: Int, height: Int, width: Int, pixels: [UInt8], labels: [Int]) {
    precondition(pixels.count == count * height * width, "\(pixels.count) pixels")
    self.count = count
    self.height = height
    self.width = width
    self.pixels = pixels
    self.labels = labels
  }

  /// Takes `images`, n × 1 × height × width in bytes, and `labels`.
  ///
  /// - Throws: ``InferenceError`` where the file holds something else.
  public init(_ file: Safetensors) throws {
    guard let images = file["images"], images.type == .uint8, images.shape.count == 4,
      let labels = file["labels"]?.integers()
    else {
      throw InferenceError(
        .badData,
        "the file holds \(file.tensors.map(\.name)); 'images' in bytes and 'labels' are needed, as "
          + "labelled-pictures writes them")
    }
    guard images.shape[1] == 1, images.shape[0] == labels.count, !labels.isEmpty,
      images.shape[2] * images.shape[3] > 0
    else {
      throw InferenceError(
        .badData,
        "'images' has the shape \(images.shape) and there are \(labels.count) labels; grey pictures "
          + "with a label each are needed")
    }
    if let bad = labels.firstIndex(where: { $0 < 0 }) {
      throw InferenceError(.badData, "picture \(bad) has the label \(labels[bad])")
    }
    self.init(
      count: labels.count, height: images.shape[2], width: images.shape[3], pixels: images.bytes,
      labels: labels)
  }

  /// The first pictures, at most so many.
  public func prefix(_ limit: Int) -> Pictures {
    guard limit < count else { return self }
    return Pictures(
      count: limit, height: height, width: width, pixels: Array(pixels[..<(limit * size)]),
      labels: Array(labels[..<limit]))
  }

  /// The pictures as rows of a network's inputs.
  public func rows(_ scaling: Standardisation) -> SingleRows {
    pixels.withUnsafeBufferPointer { pixels in
      SingleRows(count: count, width: size) { row, features in
        for i in features.indices {
          features[i] = Float(
            (Double(pixels[row * size + i]) - scaling.inputMeans[i]) / scaling.inputScales[i])
        }
      }
    }
  }

  /// The pictures, scaled, as rows to fit.
  public func labelledRows(_ scaling: Standardisation) throws -> LabelledRows {
    var values = [Double](repeating: 0, count: pixels.count)
    for i in values.indices {
      let feature = i % size
      values[i] = (Double(pixels[i]) - scaling.inputMeans[feature]) / scaling.inputScales[feature]
    }
    return try LabelledRows(
      Rows(values, count: count, width: size), labels.map { Double($0) })
  }

  /// One mean and one scale for all pixels, which are given between 0 and 1.
  public func scaling(mean: Double, deviation: Double) -> Standardisation {
    Standardisation(
      inputMeans: [Double](repeating: 255 * mean, count: size),
      inputScales: [Double](repeating: 255 * deviation, count: size), targetMean: 0, targetScale: 1)
  }
}

/// A change of pictures that leaves their classes, more of it the larger its amount.
public enum PictureShift: String, CaseIterable, Sendable {
  /// Around the centre, in degrees, bilinearly; what comes from outside is 0.
  case rotation
  /// To the right, in pixels; what leaves comes back on the left.
  case roll
  /// Normal noise on every pixel, its deviation as a share of a byte's range; cut at 0 and 255.
  case noise

  /// The published amounts.
  ///
  /// Vadera et al. (2020): rotations by 0° to 180°, rolls by up to 14 pixels.
  public var amounts: [Double] {
    switch self {
    case .rotation: stride(from: 0, through: 180, by: 15).map { Double($0) }
    case .roll: stride(from: 0, through: 14, by: 2).map { Double($0) }
    case .noise: [0, 0.1, 0.2, 0.3, 0.4, 0.5]
    }
  }

  /// Changes pictures; an amount of 0 leaves them.
  ///
  /// - `random`: For noise.
  public func applied(to pictures: Pictures, amount: Double, random: RandomStream) -> Pictures {
    guard amount != 0 else { return pictures }
    var pixels = pictures.pixels
    let (height, width) = (pictures.height, pictures.width)
    switch self {
    case .rotation:
      let angle = amount * Double.pi / 180
      let (cosine, sine) = (cos(angle), sin(angle))
      let (middleY, middleX) = (Double(height - 1) / 2, Double(width - 1) / 2)
      for y in 0..<height {
        for x in 0..<width {
          // Where the pixel comes from.
          let (dy, dx) = (Double(y) - middleY, Double(x) - middleX)
          let fromY = middleY + cosine * dy - sine * dx
          let fromX = middleX + sine * dy + cosine * dx
          let (top, left) = (Int(fromY.rounded(.down)), Int(fromX.rounded(.down)))
          let (down, right) = (fromY - Double(top), fromX - Double(left))
          for picture in 0..<pictures.count {
            let start = picture * pictures.size
            let at = { (y: Int, x: Int) -> Double in
              (0..<height).contains(y) && (0..<width).contains(x)
                ? Double(pictures.pixels[start + y * width + x]) : 0
            }
            let value =
              (1 - down) * ((1 - right) * at(top, left) + right * at(top, left + 1))
              + down * ((1 - right) * at(top + 1, left) + right * at(top + 1, left + 1))
            pixels[start + y * width + x] = UInt8(min(max(value.rounded(), 0), 255))
          }
        }
      }
    case .roll:
      let by = ((Int(amount) % width) + width) % width
      for row in 0..<pictures.count * height {
        for x in 0..<width {
          pixels[row * width + (x + by) % width] = pictures.pixels[row * width + x]
        }
      }
    case .noise:
      var random = random
      for i in pixels.indices {
        let value = Double(pixels[i]) + 255 * amount * random.normal()
        pixels[i] = UInt8(min(max(value.rounded(), 0), 255))
      }
    }
    return Pictures(
      count: pictures.count, height: height, width: width, pixels: pixels, labels: pictures.labels)
  }
}
