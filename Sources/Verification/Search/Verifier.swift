import Foundation

/// What is known of a property in the end.
///
/// "Holds" is a statement about real arithmetic on the
/// file's weights.
public enum Verdict: Hashable, Sendable {
  /// No point of the boxes violates the property.
  case unsat
  /// This point does.
  case sat(Witness)
  case unknown(Incompleteness)

  /// The competition's word.
  public var word: String {
    switch self {
    case .unsat: "unsat"
    case .sat: "sat"
    case .unknown(.timeout): "timeout"
    case .unknown: "unknown"
    }
  }
}

/// A verdict, and what it took.
public struct VerificationOutcome: Sendable {
  public var verdict: Verdict
  /// The smallest lower bound of an open part: of a clause's best row.
  public var lowerBound: Double
  /// Children bounded.
  public var branches: Int
  public var rounds: Int
  public var open: Int
  public var wallSeconds: Double
  public var cpuSeconds: Double
  /// A point a round, thinned out.
  public var progress: [SearchProgress]
  public var rule: String
}

/// Decides properties of one network: attack, root bound, then branch and bound.
public struct Verifier: Sendable {
  public let network: ReLUNetwork
  public let options: SearchOptions
  private let kernels: KernelNetwork
  private let pool: EnginePool

  /// - Throws: `VerificationError` for an option out of its range.
  public init(_ network: ReLUNetwork, _ options: SearchOptions) throws(VerificationError) {
    try options.check()
    self.network = network
    self.options = options
    kernels = KernelNetwork(network)
    pool = EnginePool(kernels, workers: options.workers)
  }

  /// Decides a property.
  ///
  /// - Parameters:
  ///   - property: With its inputs in the order of the network's first layer.
  ///   - rule: Chooses the ReLUs to split; a new value of it for each clause.
  ///   - report: Told how far the search is, after each round; false stops it.
  /// - Returns: The verdict with its evidence.
  /// - Throws: `VerificationError` where the property does not fit the network.
  public func verify(
    _ property: Property, rule: any BranchingRule = BaBSR(),
    report: (SearchProgress) -> Bool = { _ in true }
  ) throws(VerificationError) -> VerificationOutcome {
    try property.check(against: network)
    var run = VerificationRun(property, network, options, rule: rule.name)
    for index in property.problems.indices where run.isOpen {
      attack(index, property, &run)
    }
    for index in property.problems.indices where run.isOpen {
      if options.splitting.splitsInputs(network) {
        searchBoxes(index, property, &run, report)
      } else {
        searchSplits(index, property, rule, &run, report)
      }
    }
    return run.outcome()
  }

  private func attack(_ index: Int, _ property: Property, _ run: inout VerificationRun) {
    guard options.attackStarts > 0 else { return }
    let attack = Attack(
      restarts: options.attackStarts, steps: options.attackSteps, seed: options.seed)
    let problem = property.problems[index]
    if let hit = attack.run(problem, clauses: Array(problem.clauses.indices), pool) {
      run.take(hit.point, problem: index, clause: hit.clause)
    }
  }

  private func searchBoxes(
    _ index: Int, _ property: Property, _ run: inout VerificationRun,
    _ report: (SearchProgress) -> Bool
  ) {
    var search = BoxSearch(kernels, pool, property.problems[index], options)
    while run.isOpen {
      switch search.round() {
      case .open: break
      case .proved:
        run.close(branches: search.branches, rounds: search.rounds)
        return
      case .candidate(let clause, let point): run.take(point, problem: index, clause: clause)
      case .stuck(let reason): run.end(reason)
      }
      run.note(search.branches, search.rounds, search.open, report) { search.lowerBound }
    }
  }

  private func searchSplits(
    _ index: Int, _ property: Property, _ rule: any BranchingRule, _ run: inout VerificationRun,
    _ report: (SearchProgress) -> Bool
  ) {
    let problem = property.problems[index]
    let bounder = Bounder(kernels, pool: pool, box: problem.box, options: options.bounds)
    var searches = problem.clauses.map { SplitSearch(bounder, $0, rule: rule, options) }
    // The least bounded clause first: a counterexample is likeliest there.
    let order = searches.indices.sorted {
      (searches[$0].lowerBound, $0) < (searches[$1].lowerBound, $1)
    }
    for clause in order {
      search: while run.isOpen {
        switch searches[clause].round() {
        case .open: break
        case .proved: break search
        case .candidate(let point): run.take(point, problem: index, clause: clause)
        case .stuck(let reason): run.end(reason)
        }
        let branches = searches.reduce(0) { $0 + $1.branches }
        run.note(
          branches, searches.reduce(0) { $0 + $1.rounds },
          searches.reduce(0) { $0 + $1.open }, report
        ) { searches.map(\.lowerBound).min() ?? .infinity }
      }
    }
    if run.isOpen {
      run.close(
        branches: searches.reduce(0) { $0 + $1.branches },
        rounds: searches.reduce(0) { $0 + $1.rounds })
    }
  }
}

/// The books of one run.
struct VerificationRun {
  private let property: Property
  private let network: ReLUNetwork
  private let options: SearchOptions
  private let rule: String
  private let start = ContinuousClock.now
  private let cpuStart = VerificationRun.cpuSeconds
  private var verdict: Verdict?
  private var lowerBound = Double.infinity
  /// Of problems that are done.
  private var doneBranches = 0
  private var doneRounds = 0
  private var branches = 0
  private var rounds = 0
  private var open = 0
  private var progress: [SearchProgress] = []
  private var isContested = false

  init(_ property: Property, _ network: ReLUNetwork, _ options: SearchOptions, rule: String) {
    self.property = property
    self.network = network
    self.options = options
    self.rule = rule
  }

  var isOpen: Bool { verdict == nil }

  /// Processor time of the whole process.
  static var cpuSeconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  private var seconds: Double { Double((ContinuousClock.now - start) / .seconds(1)) }

  /// Replays a point that seems to violate a clause.
  mutating func take(_ point: [Double], problem: Int, clause: Int) {
    switch Witness.replay(point, problem: problem, clause: clause, of: property, network) {
    case .confirmed(let witness): verdict = .sat(witness)
    case .refuted(let value, let single): isContested = isContested || value <= 0 || single <= 0
    }
  }

  mutating func end(_ reason: Incompleteness) {
    guard isOpen else { return }
    verdict = .unknown(reason == .precision && isContested ? .contestedWitness : reason)
  }

  /// A problem is proved.
  mutating func close(branches: Int, rounds: Int) {
    doneBranches += branches
    doneRounds += rounds
    self.branches = 0
    self.rounds = 0
    open = 0
  }

  mutating func note(
    _ branches: Int, _ rounds: Int, _ open: Int, _ report: (SearchProgress) -> Bool,
    lowerBound: () -> Double
  ) {
    self.branches = branches
    self.rounds = rounds
    self.open = open
    self.lowerBound = lowerBound()
    let point = SearchProgress(
      seconds: seconds, branches: doneBranches + branches, open: open,
      lowerBound: self.lowerBound)
    // About a hundred points a factor of ten in rounds.
    if rounds < 100 || rounds % (rounds / 50) == 0 { progress.append(point) }
    if !report(point) { end(.cancelled) }
    if let timeout = options.timeout, !(point.seconds < timeout) { end(.timeout) }
  }

  func outcome() -> VerificationOutcome {
    VerificationOutcome(
      verdict: verdict ?? .unsat, lowerBound: lowerBound, branches: doneBranches + branches,
      rounds: doneRounds + rounds, open: open, wallSeconds: seconds,
      cpuSeconds: VerificationRun.cpuSeconds - cpuStart, progress: progress, rule: rule)
  }
}
