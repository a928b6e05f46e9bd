import Tensors

/// Batches of rows in random order, epoch after epoch.
struct BatchOrder {
  private let rows: Int
  let batch: Int
  private var permutation: [Int]
  private var position: Int
  private var random: RandomStream

  /// - `batch`: 0 takes all rows where they are at most 512, else 128.
  init(rows: Int, batch: Int, random: RandomStream) {
    self.rows = rows
    self.batch = batch > 0 ? min(batch, rows) : rows <= 512 ? rows : 128
    permutation = Array(0..<rows)
    position = rows
    self.random = random
  }

  /// What a checkpoint keeps: the place in the permutation, the stream's, the permutation.
  mutating func state() -> [Int] { [position, random.align()] + permutation }

  mutating func resume(_ state: [Int]) {
    guard state.count == rows + 2 else { return }
    position = state[0]
    random.resume(at: state[1])
    permutation = Array(state[2...])
  }

  var takesAll: Bool { batch == rows }

  mutating func next() -> ArraySlice<Int> {
    if position + batch > rows {
      permutation.shuffle(using: &random)
      position = 0
    }
    defer { position += batch }
    return permutation[position..<position + batch]
  }
}
