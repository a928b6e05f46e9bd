import Tensors

/// Parts of the rows, each of which is predicted by what was fitted to the others.
///
/// Stone (JRSS B 1974): every row is predicted once by networks that haven't seen it. Where there are many
/// rows, those of one part say enough.
struct CrossValidation {
  /// Rows that are fitted and rows that are predicted.
  struct Part {
    var kept: [Int]
    var held: [Int]
  }

  let parts: [Part]

  /// Rows from which on one part alone is predicted: a thousand errors have a mean that is sure enough.
  private static let manyRows = 5000
  private static let count = 5

  /// Every fifth row is a part; nil where there are too few rows to leave any out.
  init?(rows: Int) {
    let count = min(CrossValidation.count, rows)
    guard count > 1 else { return nil }
    parts = (0..<(rows < CrossValidation.manyRows ? count : 1)).map { part in
      Part(
        kept: (0..<rows).filter { $0 % count != part },
        held: (0..<rows).filter { $0 % count == part })
    }
  }

  /// The rows that are predicted, all parts together.
  var heldCount: Int { parts.reduce(0) { $0 + $1.held.count } }

  /// Calls with each part's posteriors, as many side by side as there are workers.
  ///
  /// - Parameters:
  ///   - posterior: Of all rows.
  ///   - context: With random numbers for this alone.
  ///   - body: Fits one and judges on the other.
  /// - Returns: What `body` returns, part after part.
  /// - Throws: What `body` throws, and ``InferenceError`` for rows that don't fit the likelihood.
  func run<Result: Sendable>(
    _ posterior: Posterior, _ context: FitContext,
    _ body:
      @escaping @Sendable (_ fitted: Posterior, _ held: Posterior, RandomStream) throws ->
      Result
  ) async throws -> [Result] {
    let parts = parts
    return try await context.run(parts.count) { index, random in
      try body(
        posterior.selected(parts[index].kept), posterior.selected(parts[index].held), random)
    }
  }
}
