import Foundation
import Formats

/// A regression set with its published splits: `data.txt`, `index_features.txt`, `index_target.txt`,
/// `index_train_N.txt`, `index_test_N.txt`, all numbers between spaces, indices from 0.
///
/// The layout of the sets of Hernández-Lobato and Adams (2015), as Gal and Ghahramani published them.
public struct RegressionSplits: Sendable {
  /// All columns that are features.
  public let features: [Int]
  public let target: Int
  private let columns: [[Double]]
  private let folder: String

  public var rowCount: Int { columns[0].count }

  /// - `folder`: Where the files are.
  /// - Throws: ``InferenceError`` or `FormatError` that names file, row or column.
  public init(folder: String) throws {
    let table = try CSV.readWhitespaceSeparated(FileContent(path: folder + "/data.txt"))
    columns = try table.columnNames.map { name in
      let column = try table.doubles(name)
      if let row = column.firstIndex(where: { !$0.isFinite }) {
        throw InferenceError(
          .badData, "data.txt: row \(row), \(name) is \(column[row]); a finite number is needed")
      }
      return column
    }
    self.folder = folder
    features = try RegressionSplits.indices(folder, "index_features.txt", below: columns.count)
    let targets = try RegressionSplits.indices(folder, "index_target.txt", below: columns.count)
    guard targets.count == 1 else {
      throw InferenceError(
        .badData, "index_target.txt names \(targets.count) columns; one is needed")
    }
    target = targets[0]
    guard !features.contains(target) else {
      throw InferenceError(
        .badData, "index_features.txt names column \(target), which is the target")
    }
  }

  /// The training and the test rows of a split.
  ///
  /// - Throws: ``InferenceError`` for an index that is not a row, twice there, or in both parts.
  public func split(_ number: Int) throws -> (train: LabelledRows, test: LabelledRows) {
    let (first, second) = ("index_train_\(number).txt", "index_test_\(number).txt")
    let train = try RegressionSplits.indices(folder, first, below: rowCount)
    let test = try RegressionSplits.indices(folder, second, below: rowCount)
    if let shared = Set(train).intersection(test).min() {
      throw InferenceError(.badData, "\(first) and \(second) both name row \(shared)")
    }
    return (try rows(train), try rows(test))
  }

  /// How many test rows of a split are, feature by feature and in the target, training rows too.
  public static func duplicates(_ train: LabelledRows, _ test: LabelledRows) -> Int {
    let known = Set((0..<train.count).map { Array(train.inputs[$0]) + [train.targets[$0]] })
    return (0..<test.count).count {
      known.contains(Array(test.inputs[$0]) + [test.targets[$0]])
    }
  }

  private func rows(_ indices: [Int]) throws -> LabelledRows {
    try LabelledRows(
      Rows(
        indices.flatMap { row in features.map { columns[$0][row] } }, count: indices.count,
        width: features.count), indices.map { columns[target][$0] })
  }

  private static func indices(_ folder: String, _ file: String, below limit: Int) throws -> [Int] {
    let table = try CSV.readWhitespaceSeparated(FileContent(path: "\(folder)/\(file)"))
    let numbers = try table.columnNames.flatMap { try table.doubles($0) }
    var seen = Set<Int>()
    return try numbers.enumerated().map { place, number in
      guard let index = Int(exactly: number), (0..<limit).contains(index) else {
        throw InferenceError(
          .badData,
          "\(file): entry \(place) is \(number); an index from 0 to \(limit - 1) is needed")
      }
      guard seen.insert(index).inserted else {
        throw InferenceError(.badData, "\(file): index \(index) is there twice")
      }
      return index
    }
  }
}
