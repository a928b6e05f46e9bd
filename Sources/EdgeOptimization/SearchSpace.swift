/// The search spaces whose designs have a text form and features.
///
/// A design is written as one digit for each decision, such as `421211`.
public enum SearchSpace: String, CaseIterable, Hashable, Sendable {
  /// Six edges of a cell, five operations (Dong and Yang 2020).
  case nasbench201
  /// 22 layers, nine blocks (Wu et al. 2019).
  case fbnet

  public var operations: [String] {
    switch self {
    case .nasbench201: NASBench201.operations
    case .fbnet: FBNet.operations
    }
  }

  /// The number of decisions of a design.
  public var positionCount: Int {
    switch self {
    case .nasbench201: 6
    case .fbnet: 22
    }
  }

  /// Reads a design's digits.
  ///
  /// - Throws: `EdgeError` with the position, its value and what is allowed.
  public func design(_ text: String) throws(EdgeError) -> [Int] {
    let bytes = Array(text.utf8)
    guard bytes.count == positionCount else {
      throw EdgeError(
        .badDesign,
        "design '\(text)' has \(bytes.count) characters; \(rawValue) needs \(positionCount) digits"
      )
    }
    var design: [Int] = []
    for byte in bytes { design.append(Int(byte) - Int(UInt8(ascii: "0"))) }
    try validate(design)
    return design
  }

  /// Checks the operations of a design.
  ///
  /// - Throws: `EdgeError` with the position, its value and what is allowed.
  public func validate(_ design: [Int]) throws(EdgeError) {
    guard design.count == positionCount else {
      throw EdgeError(
        .badDesign,
        "design of \(design.count) decisions; \(rawValue) needs \(positionCount)")
    }
    for (position, operation) in design.enumerated()
    where !operations.indices.contains(operation) {
      throw EdgeError(
        .badDesign,
        "position \(position) of a \(rawValue) design is \(operation); allowed are "
          + "0…\(operations.count - 1)")
    }
  }

  /// The digits of a design.
  public func text(_ design: [Int]) -> String { design.map(String.init).joined() }

  /// One indicator for each position and operation, and a constant 1 at the end.
  public func oneHot(_ designs: [[Int]]) -> FeatureMatrix {
    let width = operations.count
    var result = FeatureMatrix(rowCount: designs.count, columnCount: positionCount * width + 1)
    for (row, design) in designs.enumerated() {
      for (position, operation) in design.enumerated() {
        result[row, position * width + operation] = 1
      }
      result[row, positionCount * width] = 1
    }
    return result
  }

  /// The features for regression: one-hot, and what is known of the space's structure.
  public func features(_ designs: [[Int]]) -> FeatureMatrix {
    FeatureMatrix(
      rows: designs.map { design in
        switch self {
        case .nasbench201: NASBench201.features(design)
        case .fbnet: FBNet.features(design)
        }
      })
  }
}

/// One indicator for each position and operation.
func indicators(_ design: [Int], operations: Int) -> [Double] {
  var result = [Double](repeating: 0, count: design.count * operations)
  for (position, operation) in design.enumerated() { result[position * operations + operation] = 1 }
  return result
}

func operationCounts(_ design: [Int], operations: Int) -> [Double] {
  var result = [Double](repeating: 0, count: operations)
  for operation in design { result[operation] += 1 }
  return result
}
