import Foundation
import Statistics
import Testing
import Verification
import VerificationAudit

struct AuditTests {
  /// A random network of 4 inputs, with a threshold near its sampled minimum on a box.
  private func sample(
    _ seed: UInt64, distance: Double
  ) throws -> (network: ReLUNetwork, property: Property) {
    var generator = SplitMix64(seed: seed)
    func numbers(_ count: Int, _ scale: Double) -> [Double] {
      (0..<count).map { _ in (Double(generator.next() >> 11) * 0x1p-52 - 1) * scale }
    }
    let network = try ReLUNetwork(
      inputShape: [4],
      layers: [
        AffineLayer(weights: numbers(24, 1), biases: numbers(6, 0.5), inputs: 4),
        AffineLayer(weights: numbers(30, 1), biases: numbers(5, 0.5), inputs: 6),
        AffineLayer(weights: numbers(10, 1), biases: numbers(2, 0.5), inputs: 5),
      ])
    let box = Box(lower: [-1, -1, -1, -1], upper: [1, 1, 1, 1])
    let row = OutputRow(coefficients: [1, 0])
    let least = (0..<4000).map { _ in row.value(network.evaluate(numbers(4, 1))) }.min() ?? 0
    let shifted = OutputRow(coefficients: [1, 0], offset: distance - least)
    return (
      network, Property(problems: [Problem(box: box, clauses: [Clause(rows: [shifted])])])
    )
  }

  private func proved(
    _ seed: UInt64, _ splitting: Splitting
  ) throws -> (ReLUNetwork, Property, Certificate)? {
    let (network, property) = try sample(seed, distance: 0.3)
    var options = SearchOptions()
    options.splitting = splitting
    // Weak bounds, so that trees have some parts.
    options.bounds.rootSteps = 1
    options.bounds.childSteps = 3
    options.bounds.intermediateSteps = 2
    let outcome = try Verifier(network, options).verify(property)
    guard outcome.verdict == .unsat else { return nil }
    return (network, property, try #require(outcome.certificate))
  }

  @Test(arguments: [Splitting.relus, .inputs])
  func `the search's proofs pass, and survive their file`(splitting: Splitting) throws {
    var trees = 0
    for seed in 0..<20 as Range<UInt64> {
      guard let (network, property, certificate) = try proved(seed, splitting) else { continue }
      let path = NSTemporaryDirectory() + "certificate-\(UUID().uuidString)"
      try certificate.write(to: path)
      let read = try Certificate.read(path: path)
      #expect(read == certificate)
      let report = Audit.check(read, network, property)
      #expect(report.failure == nil && report.smallestBound > 0)
      if report.parts > 1 { trees += 1 }
    }
    #expect(trees > 5)
  }

  @Test func `a proof of another threshold is refused`() throws {
    for seed in 0..<20 as Range<UInt64> {
      guard let (network, property, certificate) = try proved(seed, .relus) else { continue }
      var lower = property
      // Far below the minimum: no slopes can prove it.
      lower.problems[0].clauses[0].rows[0].offset -= 1
      #expect(Audit.check(certificate, network, lower).failure?.contains("not above 0") == true)
    }
  }

  @Test func `a dropped child, a changed split and slopes out of range are found`() throws {
    var found = 0
    for seed in 0..<20 as Range<UInt64> {
      guard let (network, property, certificate) = try proved(seed, .relus),
        case .splits(let proof) = certificate.proofs[0], proof.clauses[0].tree.count > 1
      else { continue }
      found += 1
      var dropped = proof
      dropped.clauses[0].tree.removeLast()
      dropped.clauses[0].leaves.removeLast()
      var wide = proof
      wide.clauses[0].leaves[0].alpha[0] = 1.5
      var negative = proof
      negative.clauses[0].leaves[0].beta[0] = -1
      var missing = proof
      missing.clauses[0].tree[0] = 11
      for broken in [dropped, wide, negative, missing] {
        let report = Audit.check(
          Certificate(proofs: [.splits(broken)], witness: nil), network, property)
        #expect(report.failure != nil)
      }
    }
    #expect(found > 3)
  }

  @Test func `a witness outside of its box, or without violation, is refused`() throws {
    let (network, property) = try sample(1, distance: -0.1)
    let outcome = try Verifier(network, SearchOptions()).verify(property)
    let certificate = try #require(outcome.certificate)
    let witness = try #require(certificate.witness)
    #expect(Audit.check(certificate, network, property).isValid)
    let outside = Certificate(
      proofs: [], witness: (0, 0, witness.input.map { $0 + 10 }))
    #expect(Audit.check(outside, network, property).failure?.contains("outside") == true)
    var easier = property
    easier.problems[0].clauses[0].rows[0].offset += 10
    #expect(Audit.check(certificate, network, easier).failure?.contains("nothing") == true)
  }
}
