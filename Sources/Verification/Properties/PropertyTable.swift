public import Formats

/// A table of robustness properties of CIFAR-10 images, as published with their results.
///
/// A pickled pandas frame with `Idx` (place in the test set), `Eps` (radius in normalised units) and
/// `prop` (the class that must not win); tables with results have, for each method, `BSAT_…`
/// (`False`: holds, `True`: counterexample), `BBran_…` and `BTime_…`.
public struct PropertyTable: Hashable, Sendable {
  /// One property.
  public struct Row: Hashable, Sendable {
    /// The place in the table, from 0.
    public var row: Int
    /// The place in the test set, from 0.
    public var image: Int
    /// Radius of the box, in normalised units; it is not cut off at valid pixels.
    public var radius: Double
    /// The class that the image's own must beat.
    public var other: Int
  }

  /// A row that cannot be used, and why.
  public struct SkippedRow: Hashable, Sendable {
    public var row: Int
    public var reason: String
  }

  public private(set) var rows: [Row]
  /// All columns, with the results that others recorded.
  public let table: Table

  /// Reads a table.
  ///
  /// - Throws: `FormatError` that names the column.
  public init(path: String) throws(FormatError) {
    let table = try Table(dataFrame: try Pickle.read(path: path), name: path)
    let images = try PropertyTable.whole(table, "Idx")
    let others = try PropertyTable.whole(table, "prop")
    let radii = try table.doubles("Eps")
    for (row, radius) in radii.enumerated() where !(radius >= 0 && radius.isFinite) {
      throw FormatError(
        file: path, at: .row(row + 1, column: nil), found: "'Eps' is \(radius)",
        expected: "a radius from 0")
    }
    self.table = table
    rows = images.indices.map {
      Row(row: $0, image: images[$0], radius: radii[$0], other: others[$0])
    }
  }

  /// Whether a file is a pickle, as such tables are, and not text.
  ///
  /// - Parameter path: The file.
  /// - Returns: False too where the file can't be read.
  public static func isTable(path: String) -> Bool {
    // Pickles of protocol 2 and later begin with PROTO.
    (try? FileContent(path: path))?.starts(with: [0x80]) ?? false
  }

  /// One row's property, with its inputs in the order of the network's first layer.
  ///
  /// - Throws: `VerificationError` that says why the row cannot be used.
  public func property(
    row: Int, of network: ReLUNetwork, images: CIFARImages
  ) throws(VerificationError) -> Property {
    guard rows.indices.contains(row) else {
      throw VerificationError(
        .badOption, "row \(row) of a table with \(rows.count) rows; they count from 0")
    }
    var part = self
    part.rows = [rows[row]]
    let (usable, skipped) = try part.properties(of: network, images: images)
    if let skip = skipped.first {
      throw VerificationError(.badProperty, "row \(row) cannot be used: \(skip.reason)")
    }
    return usable[0].property
  }

  /// A column of integers, which some tables hold as floats.
  private static func whole(_ table: Table, _ name: String) throws(FormatError) -> [Int] {
    let numbers = try table.doubles(name)
    let whole = numbers.compactMap { Int(exactly: $0) }
    guard whole.count == numbers.count else {
      throw FormatError(
        file: table.name, found: "column '\(name)' with numbers that are not whole",
        expected: "integers")
    }
    return whole
  }

  /// The rows that can be verified with the images at hand, with their properties.
  ///
  /// Skipped are rows whose image is not there, whose class to beat is the image's own, or whose
  /// image the network takes for another class.
  public func properties(
    of network: ReLUNetwork, images: CIFARImages
  ) throws(VerificationError) -> (usable: [(row: Row, property: Property)], skipped: [SkippedRow]) {
    guard network.inputCount == CIFARBatch.imageSize, network.outputCount == 10 else {
      throw VerificationError(
        .badProperty,
        "the table is about CIFAR-10; the network has \(network.inputCount) inputs and "
          + "\(network.outputCount) outputs, expected \(CIFARBatch.imageSize) and 10")
    }
    var usable: [(row: Row, property: Property)] = []
    var skipped: [SkippedRow] = []
    var predictions: [Int: Int] = [:]
    for row in rows {
      guard row.image >= 0, row.image < images.count else {
        skipped.append(
          SkippedRow(row: row.row, reason: "image \(row.image) of \(images.count) is not there"))
        continue
      }
      let label = images.label(row.image)
      guard row.other != label, (0..<10).contains(row.other) else {
        skipped.append(
          SkippedRow(row: row.row, reason: "class \(row.other) for an image of class \(label)"))
        continue
      }
      let image = images.normalised(row.image)
      let predicted =
        predictions[row.image] ?? CIFARImages.largest(network.evaluate(network.reordered(image)))
      predictions[row.image] = predicted
      guard predicted == label else {
        skipped.append(
          SkippedRow(row: row.row, reason: "an image of class \(label) is taken for \(predicted)"))
        continue
      }
      let property = Property(
        centre: image, radius: row.radius, label: label, other: row.other, outputs: 10)
      usable.append((row, property.reordered(for: network)))
    }
    return (usable, skipped)
  }
}

/// Images of CIFAR-10 as the robust networks of GNN_branching take them.
public struct CIFARImages: Sendable {
  /// Per channel of `pixel / 255`, from GNN_branching's own loader; all deviations are 0.225.
  public static let means = [0.485, 0.456, 0.406]
  public static let deviation = 0.225

  private let batch: CIFARBatch

  /// Reads `test_batch`; a copy that is cut off gives the images that are whole.
  ///
  /// - Throws: `FormatError` where the file is no such batch.
  public init(path: String) throws(FormatError) { batch = try CIFARBatch(path: path) }

  public var count: Int { batch.images.shape[0] }

  public func label(_ image: Int) -> Int { batch.labels[image] }

  /// `(pixel / 255 - mean) / 0.225`, in the order (channel, row, column).
  public func normalised(_ image: Int) -> [Double] {
    let size = CIFARBatch.imageSize
    let pixels = batch.images.bytes[image * size..<(image + 1) * size]
    return pixels.enumerated().map { index, pixel in
      (Double(pixel) / 255 - CIFARImages.means[index / (size / 3)]) / CIFARImages.deviation
    }
  }

  static func largest(_ outputs: [Double]) -> Int {
    outputs.indices.max { outputs[$0] < outputs[$1] } ?? 0
  }
}
