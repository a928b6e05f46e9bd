import Formats

/// Reads the files in which latency tables are published.
public enum RawTables {
  /// Reads the values of a file: a pickled list (`.pickle`, `.pkl`), a PyTorch file (`.pt`) with a
  /// list, or a dictionary from designs to a list of one value for each training seed, of which the
  /// mean is taken.
  ///
  /// - Returns: The values in the file's order, and the dictionary's keys where it is one.
  /// - Throws: `FormatError` for an unreadable file, `EdgeError` for one without such values.
  public static func values(path: String) throws -> (values: [Double], keys: [String]?) {
    switch try numbers(path: path) {
    case .list(let values)?: return (values, nil)
    case .table(let keys, let rows)? where !rows.contains(where: \.isEmpty):
      return (rows.map { $0.reduce(0, +) / Double($0.count) }, keys)
    default: break
    }
    let content = try read(path: path)
    if let values = content.doubles { return (values, nil) }
    guard let pairs = content.pairs else {
      throw EdgeError(
        .badTable, "\(path): \(content.typeName) found; a list of numbers or a dictionary is needed"
      )
    }
    let row = pairs.firstIndex { $0.key.string == nil || numbers($0.value)?.isEmpty ?? true } ?? 0
    throw EdgeError(.badTable, "\(path): entry \(row) is no pair of a design and its values")
  }

  /// Reads the designs that the rows of other files stand for, as digits.
  ///
  /// Understands lists of operation indices (FBNet), lists of one-hot rows with or without a
  /// constant (OneProxy), and dictionaries whose keys are cells or digits.
  ///
  /// - Throws: `FormatError` or `EdgeError` with the row that is wrong.
  public static func designs(path: String, space: SearchSpace) throws -> [String] {
    let content = try read(path: path)
    if let pairs = content.pairs {
      var designs = [String?](repeating: nil, count: pairs.count)
      for (row, pair) in pairs.enumerated() {
        guard let key = pair.key.string else {
          throw EdgeError(.badTable, "\(path): key \(row) is \(pair.key.typeName), not a design")
        }
        let design =
          key.hasPrefix("|") ? try NASBench201.design(cell: key) : try space.design(key)
        let position = pair.value.int ?? row
        guard designs.indices.contains(position), designs[position] == nil else {
          throw EdgeError(.badTable, "\(path): row \(position) of '\(key)' is taken or too large")
        }
        designs[position] = space.text(design)
      }
      return designs.compactMap { $0 }
    }
    guard let rows = content.list else {
      throw EdgeError(.badTable, "\(path): \(content.typeName) found; a list of designs is needed")
    }
    return try rows.enumerated().map { row, value in
      guard let numbers = value.list?.compactMap(\.int), numbers.count == value.list?.count else {
        throw EdgeError(.badTable, "\(path): row \(row) is no list of integers")
      }
      do {
        let design =
          numbers.count == space.positionCount ? numbers : try operations(numbers, space)
        try space.validate(design)
        return space.text(design)
      } catch let error as EdgeError {
        throw EdgeError(error.code, "\(path): row \(row): \(error.message)")
      }
    }
  }

  private static func operations(
    _ oneHot: [Int], _ space: SearchSpace
  ) throws(EdgeError) -> [Int] {
    let width = space.operations.count
    let length = width * space.positionCount
    guard oneHot.count == length || oneHot.count == length + 1 else {
      throw EdgeError(
        .badDesign,
        "\(oneHot.count) numbers; a \(space.rawValue) design has \(space.positionCount) operations "
          + "or \(length) indicators")
    }
    var design: [Int] = []
    for position in 0..<space.positionCount {
      let block = oneHot[position * width..<(position + 1) * width]
      guard let hot = block.firstIndex(of: 1), block.reduce(0, +) == 1 else {
        throw EdgeError(
          .badDesign, "position \(position) has \(block.reduce(0, +)) indicators set, not 1")
      }
      design.append(hot - block.startIndex)
    }
    return design
  }

  private static func numbers(_ value: PickledValue) -> [Double]? {
    value.doubles ?? value.double.map { [$0] }
  }

  private static func numbers(path: String) throws(FormatError) -> PickledNumbers? {
    path.hasSuffix(".pt") || path.hasSuffix(".pth")
      ? try TorchFile.numbers(path: path) : try Pickle.numbers(path: path)
  }

  private static func read(path: String) throws(FormatError) -> PickledValue {
    path.hasSuffix(".pt") || path.hasSuffix(".pth")
      ? try TorchFile.read(path: path) : try Pickle.read(path: path)
  }
}
