/// The spaces whose designs, written as text, have features.
public enum DesignEncoding: String, CaseIterable, Hashable, Sendable {
  case nasbench201, fbnet
  /// Once-for-all networks.
  case ofa
  /// Hardware-aware transformers.
  case hat

  /// The space of digits, for those that are one.
  public var searchSpace: SearchSpace? { SearchSpace(rawValue: rawValue) }

  /// What a look-up table has entries for: indicators, or the numbers themselves, and a constant 1.
  ///
  /// - Throws: `EdgeError` for a text that is no design, with its row.
  public func tableEntries(_ texts: [String]) throws(EdgeError) -> FeatureMatrix {
    if let searchSpace { return searchSpace.oneHot(try designs(texts, searchSpace)) }
    return FeatureMatrix(rows: try rows(texts).map { $0 + [1] })
  }

  /// The features for regression, and the columns of each block.
  ///
  /// - Throws: `EdgeError` for a text that is no design, with its row.
  public func features(
    _ texts: [String]
  ) throws(EdgeError) -> (matrix: FeatureMatrix, blocks: [Range<Int>]) {
    guard let searchSpace else {
      let matrix = FeatureMatrix(rows: try rows(texts))
      return (matrix, [0..<matrix.columnCount])
    }
    let kinds: [FeatureBlock] = [.oneHot, .effective, .graph]
    let (matrix, columns) = searchSpace.blocks(kinds, try designs(texts, searchSpace))
    return (matrix, kinds.compactMap { columns[$0] })
  }

  private func designs(
    _ texts: [String], _ space: SearchSpace
  ) throws(EdgeError) -> [[Int]] {
    var result: [[Int]] = []
    for (row, text) in texts.enumerated() {
      do {
        result.append(try space.design(text))
      } catch {
        throw EdgeError(error.code, "row \(row): \(error.message)")
      }
    }
    return result
  }

  private func rows(_ texts: [String]) throws(EdgeError) -> [[Double]] {
    var result: [[Double]] = []
    for (row, text) in texts.enumerated() {
      do {
        result.append(
          self == .ofa ? try OnceForAll(text).encoding : try SubTransformer(text).encoding)
      } catch {
        throw EdgeError(error.code, "row \(row): \(error.message)")
      }
    }
    return result
  }
}
