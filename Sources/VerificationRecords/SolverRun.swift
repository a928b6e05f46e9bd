/// What one verifier found out about one property, and what it spent on it.
public struct SolverRun: Hashable, Sendable {
  /// How a run ended.
  public enum Verdict: String, Hashable, Sendable, CaseIterable {
    /// The property holds: no counterexample exists.
    case unsat
    /// A counterexample was found.
    case sat
    case unknown
    case timeout
    case error

    /// Whether the question was answered.
    public var isSolved: Bool { self == .unsat || self == .sat }
  }

  /// The collection of properties, such as `base`.
  public var set: String
  /// The part of the collection that means are taken over, such as `easy`.
  public var group: String
  /// What names the property within its set; equal for all methods that ran on it.
  public var property: String
  public var method: String
  public var verdict: Verdict
  /// Subproblems bounded, the root not counted; nil where the method doesn't branch or gave none.
  public var branches: Int?
  /// Wall-clock seconds.
  public var seconds: Double
  /// Wall-clock seconds after which the run was given up.
  public var limit: Double

  public init(
    set: String, group: String, property: String, method: String, verdict: Verdict,
    branches: Int?, seconds: Double, limit: Double
  ) {
    self.set = set
    self.group = group
    self.property = property
    self.method = method
    self.verdict = verdict
    self.branches = branches
    self.seconds = seconds
    self.limit = limit
  }
}
