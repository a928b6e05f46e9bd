import Statistics

/// Finds the most accurate design within a latency, in a space too large to enumerate.
///
/// The evolutionary search of Once-for-All (Cai et al. 2020) as HELP runs it: the best quarter are
/// parents, half of the children mutate one parent (each decision with probability 0.1), half take
/// each decision from one of two; children over the limit are drawn again.
public struct EvolutionarySearch: Sendable {
  public var populationSize = 100
  public var parentShare = 0.25
  public var mutationProbability = 0.1
  public var generations = 500
  /// Generations without a better design after which the search ends.
  public var patience = 50

  private let space: SearchSpace

  public init(space: SearchSpace) { self.space = space }

  /// A design and what is predicted of it.
  public struct Found: Hashable, Sendable {
    public var design: [Int]
    public var accuracy: Double
    public var latency: Double
  }

  /// Searches for one limit.
  ///
  /// - `limit`: The largest latency allowed, in the unit of `latency`.
  /// - `start`: Designs to begin with, such as those found for a neighbouring limit.
  /// - Throws: `EdgeError` that names the range of latencies seen, where no design is fast enough.
  public func best(
    within limit: Double, start: [[Int]] = [], seed: UInt64,
    accuracy: ([Int]) -> Double, latency: ([Int]) -> Double
  ) throws(EdgeError) -> Found {
    var generator = SplitMix64(seed: seed)
    var (least, most) = (Double.infinity, -Double.infinity)
    var known: [[Int]: Found] = [:]
    func judge(_ design: [Int]) -> Found {
      if let found = known[design] { return found }
      let found = Found(design: design, accuracy: accuracy(design), latency: latency(design))
      known[design] = found
      (least, most) = (min(least, found.latency), max(most, found.latency))
      return found
    }
    var population: [Found] = []
    for design in start where judge(design).latency <= limit { population.append(judge(design)) }
    for _ in 0..<100 * populationSize where population.count < populationSize {
      let found = judge(randomDesign(&generator))
      if found.latency <= limit { population.append(found) }
    }
    guard !population.isEmpty else {
      throw EdgeError(
        .badParameter,
        "no design is as fast as \(limit); \(known.count) designs tried lie in "
          + "\(least)…\(most), choose a limit of at least \(least)")
    }
    var (best, idle) = (-Double.infinity, 0)
    for _ in 0..<generations where idle < patience {
      population.sort(by: EvolutionarySearch.precedes)
      idle = population[0].accuracy > best ? 0 : idle + 1
      best = max(best, population[0].accuracy)
      let parents = Array(
        population.prefix(max(Int(parentShare * Double(populationSize)), 1)))
      var children: [Found] = []
      for number in 0..<populationSize - parents.count {
        // A hundred tries: at a limit near the fastest design few children are fast enough.
        for _ in 0..<100 {
          let child = judge(
            number % 2 == 0
              ? mutated(pick(parents, &generator), &generator)
              : crossed(pick(parents, &generator), pick(parents, &generator), &generator))
          guard child.latency <= limit else { continue }
          children.append(child)
          break
        }
      }
      population = parents + children
    }
    return population.sorted(by: EvolutionarySearch.precedes)[0]
  }

  /// Searches for a grid of limits: the 5 % to 95 % quantiles of 1000 random designs' latencies.
  ///
  /// - Returns: The designs found, slowest limit first searched, each from the one before.
  /// - Throws: As `best`.
  public func sweep(
    seed: UInt64, accuracy: ([Int]) -> Double, latency: ([Int]) -> Double
  ) throws(EdgeError) -> [(limit: Double, found: Found)] {
    var generator = SplitMix64(seed: seed)
    let latencies = (0..<1000).map { _ in latency(randomDesign(&generator)) }
    var result: [(limit: Double, found: Found)] = []
    var start: [[Int]] = []
    for step in 1...19 {
      let limit = quantile(latencies, Double(step) / 20)
      let found = try best(
        within: limit, start: start, seed: seed &+ UInt64(step), accuracy: accuracy,
        latency: latency)
      result.append((limit, found))
      start = [found.design]
    }
    return result
  }

  private static func precedes(_ left: Found, _ right: Found) -> Bool {
    if left.accuracy != right.accuracy { return left.accuracy > right.accuracy }
    if left.latency != right.latency { return left.latency < right.latency }
    return left.design.lexicographicallyPrecedes(right.design)
  }

  private func randomDesign(_ generator: inout SplitMix64) -> [Int] {
    (0..<space.positionCount).map { _ in below(space.operations.count, &generator) }
  }

  private func mutated(_ parent: Found, _ generator: inout SplitMix64) -> [Int] {
    parent.design.map { operation in
      let draw = Double(generator.next() >> 11) / Double(1 << 53)
      return draw < mutationProbability ? below(space.operations.count, &generator) : operation
    }
  }

  private func crossed(
    _ first: Found, _ second: Found, _ generator: inout SplitMix64
  ) -> [Int] {
    first.design.indices.map {
      generator.next() & 1 == 0 ? first.design[$0] : second.design[$0]
    }
  }

  private func pick(_ parents: [Found], _ generator: inout SplitMix64) -> Found {
    parents[below(parents.count, &generator)]
  }

  private func below(_ count: Int, _ generator: inout SplitMix64) -> Int {
    Int(generator.next().multipliedFullWidth(by: UInt64(count)).high)
  }
}

/// The latencies that a table's designs can keep.
public struct FeasibleRange: Hashable, Sendable {
  /// The fastest and the slowest valid design's latency.
  public let fastest: Double
  public let slowest: Double

  /// What a limit means for the designs.
  public enum Meaning: Hashable, Sendable {
    /// No design keeps the limit.
    case infeasible(String)
    /// Some designs keep it.
    case binding
    /// Every design keeps it, so that the most accurate one of all is the answer.
    case unconstrained(String)
  }

  /// - Returns: nil where no design is valid.
  public init?(latencies: [Double]) {
    let valid = latencies.filter { !$0.isNaN }
    guard let fastest = valid.min(), let slowest = valid.max() else { return nil }
    self.fastest = fastest
    self.slowest = slowest
  }

  /// Says whether a limit can be kept, in words where it needs any.
  public func meaning(of limit: Double) -> Meaning {
    if limit < fastest {
      return .infeasible(
        "no design keeps the limit \(limit); feasible are limits of \(fastest)…\(slowest)")
    }
    if limit >= slowest {
      return .unconstrained(
        "the limit \(limit) excludes no design (latencies are \(fastest)…\(slowest)); the most "
          + "accurate of all is the answer")
    }
    return .binding
  }
}
