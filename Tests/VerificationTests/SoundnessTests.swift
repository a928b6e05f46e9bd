import Statistics
import StructuredValue
import Testing
import Verification

/// Small networks with exact minima, found by an independent mixed-integer program.
struct TinyNetwork {
  var network: ReLUNetwork
  var box: Box
  var exactMinimum: Double

  /// The row `F + shift`.
  func property(shift: Double = 0) -> Property {
    Property(problems: [
      Problem(
        box: box, clauses: [Clause(rows: [OutputRow(coefficients: [1], offset: shift)])])
    ])
  }

  static func all() throws -> [TinyNetwork] {
    try (Reference.tinyNetworks()["nets"]?.list ?? []).map { net in
      let layers = (net["layers"]?.list ?? []).map { layer in
        let rows = layer["W"]?.list ?? []
        return AffineLayer(
          weights: rows.flatMap(\.numbers), biases: layer["b"]?.numbers ?? [],
          inputs: rows.first?.numbers.count ?? 0)
      }
      let box = Box(lower: net["lower"]?.numbers ?? [], upper: net["upper"]?.numbers ?? [])
      return TinyNetwork(
        network: try ReLUNetwork(inputShape: [box.lower.count], layers: layers), box: box,
        exactMinimum: net["exact_min"]?.number ?? .nan)
    }
  }
}

struct SoundnessTests {
  @Test(arguments: [Splitting.relus, .inputs])
  func `a verdict is the exact minimum's sign at thresholds around it`(
    splitting: Splitting
  ) throws {
    let networks = try TinyNetwork.all()
    #expect(networks.count == 40)
    for tiny in networks {
      var options = SearchOptions()
      options.splitting = splitting
      // Far more than is needed: an endless search fails instead of hanging.
      options.timeout = 60
      let verifier = try Verifier(tiny.network, options)
      // Halving boxes comes near a minimum slowly; splitting ReLUs reaches it.
      let near = splitting == .relus ? 1e-4 : 0.05
      for distance in [-1, -near, near, 1] {
        let outcome = try verifier.verify(tiny.property(shift: distance - tiny.exactMinimum))
        switch outcome.verdict {
        case .unsat: #expect(distance > 0)
        case .sat(let witness):
          #expect(distance < 0)
          #expect(tiny.box.contains(witness.input))
          #expect(witness.value <= 0 && witness.singleValue <= 0)
        case .unknown(let reason): Issue.record("unknown at \(distance): \(reason)")
        }
      }
    }
  }

  @Test(arguments: [
    BoundOptions.fixed(.parallel), BoundOptions.fixed(.adaptive), BoundOptions(),
  ])
  func `no bound is above the exact minimum`(options: BoundOptions) throws {
    for tiny in try TinyNetwork.all() {
      let bounder = Bounder(tiny.network, box: tiny.box, options: options)
      let row = OutputRow(coefficients: [1])
      let bound = bounder.lowerBound(of: bounder.root(), row: row, steps: options.rootSteps)
      #expect(bound <= tiny.exactMinimum + 1e-9)
      let interval = IntervalBounds.all(tiny.network, tiny.box)
      #expect(interval[interval.count - 1].lower[0] <= tiny.exactMinimum + 1e-9)
    }
  }

  @Test func `bounds of splits hold at points with their pattern, and never fall`() throws {
    var generator = SplitMix64(seed: 7)
    for seed in 0..<30 {
      let sample = try RandomNetwork(seed: UInt64(seed))
      let bounder = Bounder(sample.network, box: sample.box)
      let row = OutputRow(coefficients: sample.row)
      // A hundred thousand points in all.
      let points = (0..<3400).map { _ in sample.box.random(&generator) }
      let traces = points.map { sample.network.trace($0) }
      let values = points.map { row.value(sample.network.evaluate($0)) }
      var node = bounder.root()
      node.lowerBound = bounder.lowerBound(of: node, row: row, steps: 20)
      for _ in 0..<5 {
        let ambiguous = node.ambiguous
        let inside = points.indices.filter { node.holds(traces[$0]) }
        let smallest = inside.map { values[$0] }.min() ?? .infinity
        #expect(node.lowerBound <= smallest + 1e-9)
        for start in inside.prefix(4) {
          let found = sample.descend(from: points[start], in: node)
          #expect(node.lowerBound <= found + 1e-9)
        }
        for index in inside.prefix(100) {
          for (layer, bounds) in node.bounds.enumerated() {
            for (neuron, zhat) in traces[index][layer].enumerated() {
              #expect(bounds.lower[neuron] <= zhat + 1e-9 && zhat <= bounds.upper[neuron] + 1e-9)
            }
          }
        }
        guard !ambiguous.isEmpty else { break }
        let relu = ambiguous[Int(generator.next() % UInt64(ambiguous.count))]
        let children = bounder.boundedChildren(of: node, relu, row: row, steps: 20)
        for child in children { #expect(child.lowerBound >= node.lowerBound - 1e-9) }
        node = children[Int(generator.next() % 2)]
        if node.lowerBound == .infinity {
          #expect(!points.indices.contains { node.holds(traces[$0]) })
          break
        }
      }
    }
  }

  @Test func `a convolution has the bounds of its dense matrix`() throws {
    for seed in 0..<10 {
      let sample = try RandomNetwork(seed: UInt64(seed), hasConvolution: true)
      let dense = try sample.network.asDense()
      let row = OutputRow(coefficients: sample.row)
      let (one, other) = (
        Bounder(sample.network, box: sample.box), Bounder(dense, box: sample.box)
      )
      for (first, second) in zip(one.rootBounds, other.rootBounds) {
        for neuron in first.lower.indices {
          // The order of summation differs, and ascent may amplify a last bit.
          #expect(abs(first.lower[neuron] - second.lower[neuron]) < 1e-6)
          #expect(abs(first.upper[neuron] - second.upper[neuron]) < 1e-6)
        }
      }
      let bound = one.lowerBound(of: one.root(), row: row)
      #expect(abs(bound - other.lowerBound(of: other.root(), row: row)) < 1e-6)
    }
  }

  @Test func `ascent never falls below its start`() throws {
    for tiny in try TinyNetwork.all() {
      let row = OutputRow(coefficients: [1])
      let crown = Bounder(tiny.network, box: tiny.box, options: .fixed(.adaptive))
      let start = crown.lowerBound(of: crown.root(), row: row)
      let ascended = crown.lowerBound(of: crown.root(), row: row, steps: 100)
      #expect(start <= ascended + 1e-12)
      #expect(ascended <= tiny.exactMinimum + 1e-9)
    }
  }
}
