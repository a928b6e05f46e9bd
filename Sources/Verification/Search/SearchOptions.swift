/// What to split where a bound does not suffice.
public enum Splitting: String, Hashable, Sendable, CaseIterable {
  /// The inputs where there are at most 16 of them and more than 100 ReLUs, else the ReLUs.
  case automatic
  case relus
  case inputs

  func splitsInputs(_ network: ReLUNetwork) -> Bool {
    switch self {
    case .automatic: Self.hasFewInputs(network) && network.reluCounts.reduce(0, +) > 100
    case .relus: false
    case .inputs: true
    }
  }

  /// Whether random points say something of a box: in more dimensions they miss what steps find.
  static func hasFewInputs(_ network: ReLUNetwork) -> Bool { network.inputCount <= 16 }
}

/// How a property is searched.
public struct SearchOptions: Sendable {
  /// A part is closed only by a float64 bound above it.
  public var tolerance = 1e-6
  /// Seconds of wall-clock time; nil has no end.
  public var timeout: Double?
  /// Branches after which a search that is not done ends; nil has no end.
  ///
  /// Unlike the timeout it ends every run at the same place.
  public var branchLimit: Int?
  /// Parts that are split in one round.
  public var batch = 8
  public var seed: UInt64 = 0
  /// Threads to keep busy; the result does not depend on it.
  public var workers = 1
  public var splitting = Splitting.automatic
  public var bounds = BoundOptions()
  /// Starts of the attack for each clause, and its steps; 0 starts leave it out.
  public var attackStarts = 16
  public var attackSteps = 40
  /// Bytes that open parts may take.
  public var memoryLimit = 4 << 30
  /// Seconds between two savings of the tree, where it is saved.
  public var saveInterval = 60.0
  /// Whether closed parts are kept for a certificate.
  public var keepsCertificate = true

  public init() {}

  /// Refuses what no search can do.
  ///
  /// - Throws: `VerificationError` that names the option and its range.
  public func check() throws(VerificationError) {
    func refuse(_ message: String) -> VerificationError { VerificationError(.badOption, message) }
    guard tolerance > 0, tolerance.isFinite else {
      throw refuse("the tolerance is \(tolerance); expected a number above 0")
    }
    if let timeout, !(timeout > 0) {
      throw refuse("the timeout is \(timeout); expected seconds above 0")
    }
    if let branchLimit, branchLimit < 1 {
      throw refuse("the limit is \(branchLimit) branches; expected 1 or more")
    }
    guard batch > 0 else { throw refuse("the batch is \(batch); expected 1 or more") }
    guard memoryLimit > 0 else { throw refuse("the memory limit is \(memoryLimit) bytes") }
    guard bounds.intermediateSteps >= 0, bounds.rootSteps >= 0, bounds.childSteps >= 0,
      bounds.rate > 0, bounds.rate.isFinite, bounds.decay > 0, bounds.decay <= 1
    else { throw refuse("steps below 0, or a rate or decay outside of its range") }
  }
}

/// How far a search has come.
public struct SearchProgress: Hashable, Sendable {
  public var seconds: Double
  /// Children bounded so far.
  public var branches: Int
  /// Parts that are not closed.
  public var open: Int
  /// The smallest lower bound of an open part; a proof ends with it above the tolerance.
  public var lowerBound: Double
}

/// Why a search ended without a proof or counterexample.
public enum Incompleteness: String, Hashable, Sendable {
  case timeout
  /// The limit of branches was reached.
  case branches
  /// Open parts took more memory than allowed.
  case memory
  /// A bound that closes a part does not hold with the rounding of its computation taken off.
  case rounding
  /// A part without ambiguous ReLUs was neither proved nor violated within rounding.
  case precision
  /// A point violates the property in one precision only.
  case contestedWitness
  /// The caller asked to stop.
  case cancelled
}
