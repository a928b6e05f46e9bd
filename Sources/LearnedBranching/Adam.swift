/// Adam with weight decay added to the gradient, as PyTorch's `Adam` does (Kingma and Ba 2015).
struct Adam: Sendable {
  var rate: Float
  var decay: Float
  private(set) var first: [Float]
  private(set) var second: [Float]
  private(set) var steps = 0

  private static let memory: (first: Float, second: Float) = (0.9, 0.999)

  init(rate: Float, decay: Float, count: Int) {
    self.rate = rate
    self.decay = decay
    first = [Float](repeating: 0, count: count)
    second = first
  }

  /// Goes on from where another one stood.
  init(rate: Float, decay: Float, first: [Float], second: [Float], steps: Int) {
    self.rate = rate
    self.decay = decay
    self.first = first
    self.second = second
    self.steps = steps
  }

  mutating func step(_ values: inout [Float], gradient: [Float]) {
    steps += 1
    let (keep, keepSquare) = Self.memory
    let scale = rate / (1 - power(keep, steps))
    let squareScale = 1 / (1 - power(keepSquare, steps))
    // Numbers that no gradient ever reached stay as they are, as PyTorch leaves out parameters without
    // one: Adam would make steps of full size of their decay alone, and they would die.
    for index in values.indices where gradient[index] != 0 || second[index] != 0 {
      let slope = gradient[index] + decay * values[index]
      first[index] = keep * first[index] + (1 - keep) * slope
      second[index] = keepSquare * second[index] + (1 - keepSquare) * slope * slope
      let size = (second[index] * squareScale).squareRoot() + 1e-8
      values[index] -= scale * first[index] / size
    }
  }

  /// `base` to a whole power, by squaring: the same on every machine.
  private func power(_ base: Float, _ exponent: Int) -> Float {
    var (result, square, rest) = (Float(1), base, exponent)
    while rest > 0 {
      if rest & 1 == 1 { result *= square }
      square *= square
      rest >>= 1
    }
    return result
  }
}
