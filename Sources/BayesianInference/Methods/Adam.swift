import Foundation

/// Adam (Kingma and Ba 2015) with a rate that falls to 0 as a cosine.
struct Adam {
  private var mean: [Double]
  private var square: [Double]
  private var count = 0.0
  private let rate: Double
  private let steps: Double

  /// - `steps`: After which the rate is 0; nil keeps it.
  init(_ parameters: Int, rate: Double, steps: Int?) {
    mean = [Double](repeating: 0, count: parameters)
    square = mean
    self.rate = rate
    self.steps = steps.map(Double.init) ?? .infinity
  }

  /// What a checkpoint keeps.
  var state: [Double] {
    get { [count] + mean + square }
    set {
      guard newValue.count == 1 + 2 * mean.count else { return }
      count = newValue[0]
      mean = Array(newValue[1...mean.count])
      square = Array(newValue[(1 + mean.count)...])
    }
  }

  mutating func step(_ values: inout [Double], _ gradient: [Double]) {
    let rate = self.rate * 0.5 * (1 + cos(Double.pi * min(count / steps, 1)))
    count += 1
    let (first, second) = (1 - pow(0.9, count), 1 - pow(0.999, count))
    for i in 0..<values.count {
      mean[i] = 0.9 * mean[i] + 0.1 * gradient[i]
      square[i] = 0.999 * square[i] + 0.001 * gradient[i] * gradient[i]
      values[i] -= rate * (mean[i] / first) / ((square[i] / second).squareRoot() + 1e-8)
    }
  }
}
