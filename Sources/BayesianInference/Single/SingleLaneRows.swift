import CDenseKernels

/// Inputs in float32 with rows as lanes, for ``SingleOneHiddenPass``.
///
/// Sixteen rows a group, and of a group one input after another, then a 1 for each row, by which a bias
/// becomes one more weight: groups × (width + 1) × 16. What fills up the last group is 0.
struct SingleLaneRows: Sendable {
  /// Rows of a group.
  static let group = Int(ONE_HIDDEN_GROUP)

  let count: Int
  /// Features of a row.
  let width: Int
  let values: [Float]

  var groups: Int { (count + Self.group - 1) / Self.group }

  init(_ rows: Rows) {
    (count, width) = (rows.count, rows.width)
    let size = (width + 1) * Self.group
    var values = [Float](repeating: 0, count: (count + Self.group - 1) / Self.group * size)
    for row in 0..<count {
      let start = row / Self.group * size + row % Self.group
      for feature in 0..<width {
        values[start + feature * Self.group] = Float(rows.values[row * width + feature])
      }
      values[start + width * Self.group] = 1
    }
    self.values = values
  }
}
