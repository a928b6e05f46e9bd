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
  /// What an auditor needs; nil for an unknown verdict, or where it was not asked for.
  public var certificate: Certificate?
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
  ///   - resume: A search of the same network, property and options to go on from.
  ///   - save: Given the search every `saveInterval` seconds, and where it ends unknown.
  ///   - report: Told how far the search is, after each round; false stops it.
  /// - Returns: The verdict with its evidence.
  /// - Throws: `VerificationError` where the property does not fit the network.
  public func verify(
    _ property: Property, rule: any BranchingRule = BaBSR(), resume: SavedTree? = nil,
    save: ((SavedTree) -> Void)? = nil, report: @escaping (SearchProgress) -> Bool = { _ in true }
  ) throws(VerificationError) -> VerificationOutcome {
    try property.check(against: network)
    var run = VerificationRun(property, network, options, rule: rule.name)
    let hooks = Hooks(save: save, report: report)
    var resume = resume
    if let saved = resume, saved.problem < property.problems.count {
      // Proved before; a certificate would need their trees, which are not kept.
      for _ in 0..<saved.problem { run.close(branches: 0, rounds: 0, nil) }
      run.spend(saved.branches, saved.rounds)
    } else {
      resume = nil
      for index in property.problems.indices where run.isOpen {
        attack(index, property, &run)
      }
    }
    for index in property.problems.indices where run.isOpen && index >= resume?.problem ?? 0 {
      let saved = resume?.problem == index ? resume?.searches : nil
      if options.splitting.splitsInputs(network) {
        searchBoxes(index, property, &run, hooks, saved)
      } else {
        searchSplits(index, property, rule, &run, hooks, saved)
      }
    }
    return run.outcome()
  }

  /// Whom a search tells.
  private struct Hooks {
    var save: ((SavedTree) -> Void)?
    var report: (SearchProgress) -> Bool
  }

  private func attack(_ index: Int, _ property: Property, _ run: inout VerificationRun) {
    guard options.attackStarts > 0 else { return }
    let problem = property.problems[index]
    let hit = Attack(seed: options.seed).run(
      problem, clauses: Array(problem.clauses.indices), restarts: options.attackStarts,
      steps: options.attackSteps, pool)
    if let hit {
      run.take(hit.point, problem: index, clause: hit.clause)
    }
  }

  private static let roundsBeforeSampling = 16

  private func searchBoxes(
    _ index: Int, _ property: Property, _ run: inout VerificationRun, _ hooks: Hooks,
    _ saved: [SavedTree.Parts]?
  ) {
    var search =
      saved?.first.flatMap {
        BoxSearch(kernels, pool, property.problems[index], options, from: $0)
      } ?? BoxSearch(kernels, pool, property.problems[index], options)
    let isSampled = options.attackStarts > 0 && Splitting.hasFewInputs(network)
    while run.isOpen {
      // What was not proved by then may have a counterexample in a gap that is hard to hit.
      if isSampled, search.rounds == Self.roundsBeforeSampling,
        let hit = Attack(seed: options.seed).sample(property.problems[index], pool)
      {
        run.take(hit.point, problem: index, clause: hit.clause)
        guard run.isOpen else { return }
      }
      switch search.round() {
      case .open: break
      case .proved:
        run.close(
          branches: search.branches, rounds: search.rounds, search.proof().map { .boxes($0) })
        return
      case .candidate(let clause, let point): run.take(point, problem: index, clause: clause)
      case .stuck(let reason): run.end(reason)
      }
      run.note(search.branches, search.rounds, search.open, hooks.report) { search.lowerBound }
      if let save = hooks.save, run.isSaveDue {
        save(run.tree(index, [search.saved()]))
      }
    }
  }

  private func proof(_ searches: [SplitSearch], _ bounder: Bounder) -> Certificate.Proof? {
    let trees = searches.compactMap { $0.clauseTree() }
    guard trees.count == searches.count else { return nil }
    return .splits(
      Certificate.SplitProof(
        layers: bounder.intermediate.certified(kernels), clauses: trees,
        tightens: options.bounds.tightensChildren))
  }

  private func searchSplits(
    _ index: Int, _ property: Property, _ rule: any BranchingRule, _ run: inout VerificationRun,
    _ hooks: Hooks, _ saved: [SavedTree.Parts]?
  ) {
    let problem = property.problems[index]
    let bounder = Bounder(kernels, pool: pool, box: problem.box, options: options.bounds)
    var searches: [SplitSearch] = []
    if let saved, saved.count == problem.clauses.count {
      searches = zip(problem.clauses, saved).compactMap { clause, parts in
        SplitSearch(bounder, clause, rule: rule, options, from: parts)
      }
    }
    if searches.count != problem.clauses.count {
      searches = problem.clauses.map { SplitSearch(bounder, $0, rule: rule, options) }
    }
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
          searches.reduce(0) { $0 + $1.open }, hooks.report
        ) { searches.map(\.lowerBound).min() ?? .infinity }
        if let save = hooks.save, run.isSaveDue {
          save(run.tree(index, searches.map { $0.saved() }))
        }
      }
    }
    if run.isOpen {
      run.close(
        branches: searches.reduce(0) { $0 + $1.branches },
        rounds: searches.reduce(0) { $0 + $1.rounds }, proof(searches, bounder))
    }
  }
}

/// The books of one run.
struct VerificationRun {
  private let property: Property
  private let network: ReLUNetwork
  private let options: SearchOptions
  private let rule: String
  private let clock = ProcessorClock()
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
  private var lastSave = 0.0
  private var proofs: [Certificate.Proof?] = []

  init(_ property: Property, _ network: ReLUNetwork, _ options: SearchOptions, rule: String) {
    self.property = property
    self.network = network
    self.options = options
    self.rule = rule
  }

  var isOpen: Bool { verdict == nil }

  private var seconds: Double { clock.wallSeconds }

  /// Replays a point that seems to violate a clause.
  mutating func take(_ point: [Double], problem: Int, clause: Int) {
    switch Witness.replay(point, problem: problem, clause: clause, of: property, network) {
    case .confirmed(let witness): verdict = .sat(witness)
    case .refuted(let value, let single): isContested = isContested || value <= 0 || single <= 0
    }
  }

  /// Takes over what a saved search had spent.
  mutating func spend(_ branches: Int, _ rounds: Int) {
    doneBranches = branches
    doneRounds = rounds
  }

  /// Whether the last saving is long enough ago.
  ///
  /// A search that ends unknown is saved too, so that it can go on with more time or memory.
  var isSaveDue: Bool {
    switch verdict {
    case nil: seconds - lastSave >= options.saveInterval
    case .unknown: true
    case .sat, .unsat: false
    }
  }

  mutating func tree(_ problem: Int, _ searches: [SavedTree.Parts]) -> SavedTree {
    lastSave = seconds
    return SavedTree(
      key: "", problem: problem, branches: doneBranches, rounds: doneRounds, searches: searches)
  }

  mutating func end(_ reason: Incompleteness) {
    guard isOpen else { return }
    verdict = .unknown(reason == .precision && isContested ? .contestedWitness : reason)
  }

  /// A problem is proved.
  mutating func close(branches: Int, rounds: Int, _ proof: Certificate.Proof?) {
    proofs.append(proof)
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
    if let limit = options.branchLimit, point.branches >= limit { end(.branches) }
    if let timeout = options.timeout, !(point.seconds < timeout) { end(.timeout) }
  }

  private var certificate: Certificate? {
    guard options.keepsCertificate else { return nil }
    switch verdict ?? .unsat {
    case .unsat:
      let found = proofs.compactMap { $0 }
      return found.count == property.problems.count
        ? Certificate(proofs: found, witness: nil) : nil
    case .sat(let witness):
      return Certificate(
        proofs: [], witness: (witness.problem, witness.clause, witness.input))
    case .unknown: return nil
    }
  }

  func outcome() -> VerificationOutcome {
    VerificationOutcome(
      verdict: verdict ?? .unsat, lowerBound: lowerBound, branches: doneBranches + branches,
      rounds: doneRounds + rounds, open: open, wallSeconds: seconds,
      cpuSeconds: clock.seconds, progress: progress, rule: rule,
      certificate: certificate)
  }
}
