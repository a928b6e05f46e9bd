/// Inputs of a network, a row an example.
public struct Rows: Hashable, Sendable {
  public let count: Int
  /// Features of a row.
  public let width: Int
  /// count × width, row after row.
  public let values: [Double]

  /// - `values`: count × width, row after row.
  public init(_ values: [Double], count: Int, width: Int) {
    precondition(values.count == count * width, "\(values.count) values for \(count) × \(width)")
    self.values = values
    self.count = count
    self.width = width
  }

  /// - `rows`: Lists of equal lengths.
  public init(_ rows: [[Double]]) {
    self.init(rows.flatMap { $0 }, count: rows.count, width: rows.first?.count ?? 0)
  }

  public subscript(row: Int) -> ArraySlice<Double> { values[row * width..<(row + 1) * width] }

  /// The rows of the given numbers, in their order.
  public func selected(_ indices: [Int]) -> Rows {
    Rows(indices.flatMap { self[$0] }, count: indices.count, width: width)
  }
}

/// Inputs with what is to be predicted: a number or a class a row.
public struct LabelledRows: Hashable, Sendable {
  public var inputs: Rows
  /// A value a row; classes as 0, 1, ….
  public var targets: [Double]

  public var count: Int { inputs.count }

  /// - Throws: ``InferenceError`` where there is no row, the counts differ, or a value isn't finite.
  public init(_ inputs: Rows, _ targets: [Double]) throws {
    guard inputs.count > 0 else { throw InferenceError(.badData, "there are no rows") }
    guard inputs.count == targets.count else {
      throw InferenceError(
        .badData, "\(inputs.count) rows of inputs and \(targets.count) targets")
    }
    if let bad = inputs.values.firstIndex(where: { !$0.isFinite }) {
      throw InferenceError(
        .badData,
        "row \(bad / inputs.width), feature \(bad % inputs.width) is \(inputs.values[bad]); "
          + "a finite number is needed")
    }
    if let bad = targets.firstIndex(where: { !$0.isFinite }) {
      throw InferenceError(.badData, "row \(bad): the target is \(targets[bad])")
    }
    self.inputs = inputs
    self.targets = targets
  }

  /// The rows of the given numbers, in their order.
  public func selected(_ indices: [Int]) throws -> LabelledRows {
    try LabelledRows(inputs.selected(indices), indices.map { targets[$0] })
  }
}

/// Shifts and scales that give every feature, and the target, a mean of 0 and a deviation of 1.
public struct Standardisation: Hashable, Sendable {
  /// A mean and a scale a feature.
  public var inputMeans: [Double]
  public var inputScales: [Double]
  public var targetMean: Double
  public var targetScale: Double

  /// What leaves everything as it is.
  public static func identity(width: Int) -> Standardisation {
    Standardisation(
      inputMeans: [Double](repeating: 0, count: width),
      inputScales: [Double](repeating: 1, count: width), targetMean: 0, targetScale: 1)
  }

  public init(
    inputMeans: [Double], inputScales: [Double], targetMean: Double, targetScale: Double
  ) {
    self.inputMeans = inputMeans
    self.inputScales = inputScales
    self.targetMean = targetMean
    self.targetScale = targetScale
  }

  /// From rows to fit: means and population deviations, where a deviation of 0 becomes 1.
  ///
  /// - `scalesTarget`: False for classes, which stay as they are.
  /// - Throws: ``InferenceError`` for a constant target.
  public init(_ rows: LabelledRows, scalesTarget: Bool) throws {
    let width = rows.inputs.width
    let moments = (0..<width).map { feature in
      Standardisation.moments((0..<rows.count).map { rows.inputs.values[$0 * width + feature] })
    }
    let target = Standardisation.moments(rows.targets)
    if scalesTarget && target.deviation == 0 {
      throw InferenceError(.badData, "the target is \(rows.targets[0]) in every row")
    }
    self.init(
      inputMeans: moments.map(\.mean),
      inputScales: moments.map { $0.deviation > 0 ? $0.deviation : 1 },
      targetMean: scalesTarget ? target.mean : 0, targetScale: scalesTarget ? target.deviation : 1)
  }

  private static func moments(_ values: [Double]) -> (mean: Double, deviation: Double) {
    // A constant column's mean may round away from its value.
    if let first = values.first, values.allSatisfy({ $0 == first }) { return (first, 0) }
    let mean = values.reduce(0, +) / Double(values.count)
    let square = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
    return (mean, square.squareRoot())
  }

  public func inputs(_ rows: Rows) -> Rows {
    Rows(
      rows.values.enumerated().map { index, value in
        (value - inputMeans[index % rows.width]) / inputScales[index % rows.width]
      }, count: rows.count, width: rows.width)
  }

  public func rows(_ rows: LabelledRows) throws -> LabelledRows {
    try LabelledRows(inputs(rows.inputs), rows.targets.map { ($0 - targetMean) / targetScale })
  }
}
