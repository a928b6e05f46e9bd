/// What somebody else needs to check a verdict without searching.
///
/// For a proof: a binary tree of splits for each box, whose leaves have slopes and multipliers with
/// which a bound is above 0. Any slopes in [0, 1] and multipliers from 0 give a valid bound, so an
/// auditor believes none of these numbers; it computes the bounds anew.
public struct Certificate: Hashable, Sendable {
  /// How a box of the property was dealt with.
  public enum Proof: Hashable, Sendable {
    case splits(SplitProof)
    case boxes(BoxProof)
  }

  /// Halved inputs, and closed clauses, of one box.
  public struct BoxProof: Hashable, Sendable {
    /// The parts in preorder, the lower half first: the halved input, or -1 at a leaf.
    public var tree: [Int]
    public var closures: [Closure]
  }

  /// A clause that is proved on a part of a `BoxProof`, and with it on the parts below.
  public struct Closure: Hashable, Sendable {
    /// The part's place in the tree.
    public var part: Int
    public var clause: Int
    public var row: Int
    /// A lower slope for each ReLU, layer by layer; empty stands for 1 where `u > -l` and else 0.
    public var alpha: [Float]
  }

  /// Split ReLUs of one box, a tree for each clause.
  public struct SplitProof: Hashable, Sendable {
    /// Slopes for bounding each layer's ReLUs.
    public var layers: [LayerSlopes]
    public var clauses: [ClauseTree]
    /// Whether later layers were bounded anew after a split.
    public var tightens: Bool
  }

  /// The slopes with which the ReLUs of one layer are bounded, on all parts.
  public struct LayerSlopes: Hashable, Sendable {
    /// By twice the ReLU's place, and one more for its upper bound.
    public var queries: [Int: [Slope]]

    /// An earlier ReLU's lower slope; those not listed are 1 where `u > -l` and else 0.
    public struct Slope: Hashable, Sendable {
      public var layer: Int32
      public var neuron: Int32
      public var value: Float
    }
  }

  /// One clause's parts.
  public struct ClauseTree: Hashable, Sendable {
    /// The parts in preorder, `zhat <= 0` first: the split ReLU's place among all ReLUs, or -1.
    public var tree: [Int]
    /// In preorder.
    public var leaves: [Leaf]
  }

  /// A proved part.
  public struct Leaf: Hashable, Sendable {
    /// Of the clause's rows, at least 0; the weighted sum of the rows is bounded.
    public var weights: [Double]
    /// A lower slope for each ReLU, layer by layer.
    public var alpha: [Float]
    /// A multiplier for each split on the way to the leaf, from the root on.
    public var beta: [Double]
  }

  /// One for each box of the property; empty where a witness says all.
  public var proofs: [Proof]
  /// A counterexample, in the order of the network's first layer.
  public var witness: (problem: Int, clause: Int, input: [Double])?

  public init(proofs: [Proof], witness: (problem: Int, clause: Int, input: [Double])?) {
    self.proofs = proofs
    self.witness = witness
  }

  public static func == (first: Certificate, second: Certificate) -> Bool {
    first.proofs == second.proofs && first.witness?.input == second.witness?.input
      && first.witness?.problem == second.witness?.problem
      && first.witness?.clause == second.witness?.clause
  }

  public func hash(into hasher: inout Hasher) { hasher.combine(proofs) }
}

/// Builds a tree in preorder from its leaves' paths.
enum PathTree {
  /// A step of a path: what was split, and whether the second side was taken.
  typealias Step = (what: Int, isSecond: Bool)

  /// The tree, or nil where the paths do not form a full binary one; visits leaves in preorder.
  static func preorder(
    _ leaves: [[Step]], visit: (_ leaf: Int, _ place: Int) -> Void
  ) -> [Int]? {
    var tree: [Int] = []
    func build(_ part: [Int], _ depth: Int) -> Bool {
      if part.count == 1, leaves[part[0]].count == depth {
        visit(part[0], tree.count)
        tree.append(-1)
        return true
      }
      guard let first = part.first, depth < leaves[first].count else { return false }
      let what = leaves[first][depth].what
      guard part.allSatisfy({ leaves[$0].count > depth && leaves[$0][depth].what == what }) else {
        return false
      }
      tree.append(what)
      return build(part.filter { !leaves[$0][depth].isSecond }, depth + 1)
        && build(part.filter { leaves[$0][depth].isSecond }, depth + 1)
    }
    return build(Array(leaves.indices), 0) ? tree : nil
  }
}

extension Certificate.Proof {
  /// Parts that are proved by a bound of their own.
  public var leafCount: Int {
    switch self {
    case .splits(let proof): proof.clauses.reduce(0) { $0 + $1.leaves.count }
    case .boxes(let proof): proof.closures.count
    }
  }
}
