public import Tensors

/// Standard errors of scores of rows, by drawing the rows anew with replacement.
///
/// Efron (Annals of Statistics 1979).
public enum RowBootstrap {
  /// - Parameters:
  ///   - rows: How many there are.
  ///   - repetitions: How often they are drawn.
  ///   - random: Where the draws come from.
  ///   - score: Of the given rows; nil where it is undefined.
  /// - Returns: The deviation of the score over repetitions; nil where most of them are undefined.
  public static func standardError(
    rows: Int, repetitions: Int = 100, random: RandomStream, _ score: ([Int]) -> Double?
  ) -> Double? {
    var values: [Double] = []
    for repetition in 0..<repetitions {
      var random = random.child(repetition)
      if let value = score((0..<rows).map { _ in Int(random.uniform() * Double(rows)) }),
        value.isFinite
      {
        values.append(value)
      }
    }
    guard 2 * values.count > repetitions, values.count > 1 else { return nil }
    let mean = values.reduce(0, +) / Double(values.count)
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return (squares / Double(values.count - 1)).squareRoot()
  }
}
