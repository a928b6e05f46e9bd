public import Verification

/// What strong branching found out about one subproblem: an example to learn from.
public struct BranchingRecord: Hashable, Sendable {
  /// A ReLU that was tried, and the bounds of its two children.
  public struct Candidate: Hashable, Sendable {
    public var relu: ReLUIndex
    public var children: ChildBounds

    public init(relu: ReLUIndex, children: ChildBounds) {
      self.relu = relu
      self.children = children
    }
  }

  public var features: SubproblemFeatures
  /// The lower bound of the subproblem itself, below 0.
  public var parentBound: Double
  public var candidates: [Candidate]

  public init(features: SubproblemFeatures, parentBound: Double, candidates: [Candidate]) {
    self.features = features
    self.parentBound = parentBound
    self.candidates = candidates
  }

  /// The improvement of each candidate over that of the best one, in [0, 1]; all 0 where none
  /// improves.
  public var qualities: [Double] {
    let gains = candidates.map { max(0, $0.children.improvement(over: parentBound)) }
    guard let best = gains.max(), best > 0, best.isFinite else { return gains.map { _ in 0 } }
    return gains.map { $0 / best }
  }

  /// The class of each candidate: how many of 0.1, …, 0.9 its quality exceeds; nil where it brings
  /// nothing and takes no part.
  public var classes: [Int?] {
    qualities.map { quality in
      quality > 0 ? (1...9).count { quality > 0.1 * Double($0) } : nil
    }
  }

  /// Whether something can be learnt: some candidate improves, and not all are about as good.
  public var isUseful: Bool {
    let qualities = qualities
    return qualities.contains { $0 > 0 } && (qualities.min() ?? 1) <= 0.95
      && Set(classes.compactMap { $0 }).count > 1
  }
}
