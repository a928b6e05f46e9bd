import Testing
import Verification

/// A backward bound in a few plain lines, with faults to choose from: the checks that the real
/// bounds pass must notice each of them.
struct FaultyBound {
  enum Fault: CaseIterable {
    case none, flippedSlope, droppedBias, droppedIntercept, swappedSides
  }

  let network: ReLUNetwork
  let box: Box
  let fault: Fault

  /// KW's lower bound of the first output, with interval bounds of layers.
  var lower: Double {
    let layers = network.layers
    let bounds = IntervalBounds.all(network, box)
    var a = [Double](repeating: 0, count: network.outputCount)
    a[0] = 1
    var constant = 0.0
    for j in layers.indices.reversed() {
      if fault != .droppedBias {
        constant += zip(a, layers[j].biases).reduce(0) { $0 + $1.0 * $1.1 }
      }
      let g = layers[j].applyTransposed(a)
      guard j > 0 else {
        for (i, g) in g.enumerated() {
          let isLow = (g > 0) != (fault == .swappedSides)
          constant += g * (isLow ? box.lower[i] : box.upper[i])
        }
        break
      }
      a = g
      for i in g.indices {
        let (l, u) = (bounds[j - 1].lower[i], bounds[j - 1].upper[i])
        if u <= 0 {
          a[i] = 0
        } else if l < 0 {
          var slope = u / (u - l)
          if fault == .flippedSlope && g[i] < 0 { slope = -slope }
          a[i] = g[i] * slope
          if g[i] < 0 && fault != .droppedIntercept { constant -= g[i] * l * slope }
        }
      }
    }
    return constant
  }
}

struct MutantTests {
  /// How many of the small networks have a bound above their exact minimum.
  private func violations(_ fault: FaultyBound.Fault) throws -> Int {
    try TinyNetwork.all().count { tiny in
      FaultyBound(network: tiny.network, box: tiny.box, fault: fault).lower
        > tiny.exactMinimum + 1e-9
    }
  }

  @Test(arguments: FaultyBound.Fault.allCases)
  func `the exact minima tell a sound bound from a faulty one`(fault: FaultyBound.Fault) throws {
    let count = try violations(fault)
    #expect(fault == .none ? count == 0 : count > 0, "\(count)")
  }

  @Test func `a search that forgets a child claims what is not so`() throws {
    // Closing one child of each root, as a search that drops the other would: on some network the
    // remaining child's bound proves a threshold that the minimum is below.
    var wrong = 0
    for tiny in try TinyNetwork.all() {
      let bounder = Bounder(tiny.network, box: tiny.box)
      let row = OutputRow(coefficients: [1])
      guard let relu = bounder.root().ambiguous.last else { continue }
      for child in bounder.boundedChildren(of: bounder.root(), relu, row: row, steps: 100)
      where child.lowerBound > tiny.exactMinimum + 1e-6 { wrong += 1 }
    }
    #expect(wrong > 0)
  }
}
