public import Verification

/// Checks a certificate without searching, sharing no code with the search.
///
/// It believes the splits only as far as they form full binary trees, and the slopes and multipliers
/// only as far as they are in range; every bound is computed anew, with an account of rounding, so
/// that a proof that passes holds in real arithmetic on the file's weights.
public struct Audit: Sendable {
  /// What an audit found.
  public struct Report: Hashable, Sendable {
    /// Why the certificate proves nothing; nil where it proves its verdict.
    public var failure: String?
    /// Parts that are proved by a bound of their own.
    public var leaves: Int
    /// Parts in all.
    public var parts: Int
    /// The smallest of the leaves' bounds; above 0 for a proof.
    public var smallestBound: Double

    public var isValid: Bool { failure == nil }
  }

  /// Why an audit stops.
  struct Failure: Error {
    var message: String
  }

  let network: ReLUNetwork
  let property: Property
  let plain: PlainBounds
  private(set) var report = Report(failure: nil, leaves: 0, parts: 0, smallestBound: .infinity)
  private let progress: @Sendable (Report) -> Void

  private init(
    _ network: ReLUNetwork, _ property: Property, _ progress: @escaping @Sendable (Report) -> Void
  ) {
    self.network = network
    self.property = property
    self.progress = progress
    plain = PlainBounds(network)
  }

  /// Checks a certificate.
  ///
  /// - Parameters:
  ///   - certificate: Of a proof or a counterexample.
  ///   - network: The network itself, from its file.
  ///   - property: With its inputs in the order of the network's first layer.
  ///   - progress: Told after each proved part.
  /// - Returns: Whether it proves its verdict.
  public static func check(
    _ certificate: Certificate, _ network: ReLUNetwork, _ property: Property,
    progress: @escaping @Sendable (Report) -> Void = { _ in }
  ) -> Report {
    var audit = Audit(network, property, progress)
    do {
      try property.check(against: network)
      if let witness = certificate.witness {
        try audit.check(witness)
      } else {
        guard certificate.proofs.count == property.problems.count else {
          throw Failure(
            message: "\(certificate.proofs.count) proofs for \(property.problems.count) boxes")
        }
        for (proof, problem) in zip(certificate.proofs, property.problems) {
          switch proof {
          case .splits(let proof): try audit.check(proof, problem)
          case .boxes(let proof): try audit.check(proof, problem)
          }
        }
      }
    } catch let failure as Failure {
      audit.report.failure = failure.message
    } catch {
      audit.report.failure = "\(error)"
    }
    return audit.report
  }

  private func check(_ witness: (problem: Int, clause: Int, input: [Double])) throws(Failure) {
    guard property.problems.indices.contains(witness.problem),
      property.problems[witness.problem].clauses.indices.contains(witness.clause)
    else { throw Failure(message: "the witness is of a clause that the property does not have") }
    let problem = property.problems[witness.problem]
    guard problem.box.contains(witness.input) else {
      throw Failure(message: "the witness is outside of its box")
    }
    let clause = problem.clauses[witness.clause]
    let value = clause.value(network.evaluate(witness.input))
    guard value <= 0 else {
      throw Failure(message: "the witness violates nothing: its largest row is \(value)")
    }
    let single = clause.value(network.evaluate(witness.input.map { Float($0) }))
    guard single <= 0 else {
      throw Failure(message: "the witness violates in float64 only: \(single) in float32")
    }
  }

  /// Counts a proved part.
  mutating func prove(_ bound: Double) {
    report.leaves += 1
    report.smallestBound = min(report.smallestBound, bound)
    progress(report)
  }

  mutating func count() { report.parts += 1 }
}
