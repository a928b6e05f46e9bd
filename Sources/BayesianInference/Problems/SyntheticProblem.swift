import Foundation
public import Tensors

/// Small problems whose truth is known, drawn anew for each seed.
///
/// The curves and point sets that papers on Bayesian neural networks show: Hernández-Lobato and Adams
/// (ICML 2015) for the cubic, Blundell et al. (ICML 2015) for the wave, Yao et al. (2019) for the gap.
public struct SyntheticProblem: Hashable, Sendable {
  public enum Kind: String, Hashable, Sendable, CaseIterable {
    /// y = x³ + noise on −4 … 4; deviation 3.
    case cubic
    /// y = sin 3x + noise on −1.5 … −0.6 and 0.6 … 1.5; deviation 0.1.
    case gap
    /// y = x + 0.3 sin 2π(x + ε) + 0.3 sin 4π(x + ε) + ε on 0 … 0.5; deviation 0.02 of ε.
    case wave
    /// y = sin x + noise on −3 … 3 whose deviation grows with the distance from 0: (½ + |x|) times 0.1.
    case heteroscedastic
    /// y = 1.5 x − 0.5 + noise on −1 … 1; deviation 0.3.
    case linear
    /// Two half circles that reach into each other; deviation 0.2 in both directions.
    case moons
    /// A ring a class, of the radii 1, 2, …; deviation 0.15 of the radius.
    case rings
    /// Four clouds around (±1, ±1), the opposite ones of one class; deviation 0.3.
    case xor
  }

  public let kind: Kind
  /// The noise's deviation, or its factor where it varies.
  public let noise: Double
  /// 2 but for rings; nil where numbers are predicted.
  public let classes: Int?

  /// - Parameters:
  ///   - kind: Which problem.
  ///   - noise: Its deviation; nil is the problem's own.
  ///   - classes: Of rings; nil is 2.
  /// - Throws: ``InferenceError`` for a noise that is no deviation, or classes that the problem hasn't.
  public init(_ kind: Kind, noise: Double? = nil, classes: Int? = nil) throws {
    if let noise, !(noise >= 0 && noise.isFinite) {
      throw InferenceError(
        .badOption, "\(kind.rawValue): a noise deviation of \(noise); 0 or more is possible")
    }
    if let classes, !(classes == 2 || kind == .rings && (2...100).contains(classes)) {
      throw InferenceError(
        .badOption, "\(kind.rawValue): \(classes) classes; only rings have other than 2, up to 100")
    }
    self.kind = kind
    switch kind {
    case .cubic: self.noise = noise ?? 3
    case .gap, .heteroscedastic: self.noise = noise ?? 0.1
    case .wave: self.noise = noise ?? 0.02
    case .linear, .xor: self.noise = noise ?? 0.3
    case .moons: self.noise = noise ?? 0.2
    case .rings: self.noise = noise ?? 0.15
    }
    switch kind {
    case .moons, .xor: self.classes = 2
    case .rings: self.classes = classes ?? 2
    default: self.classes = nil
    }
  }

  /// Rows as the problem distributes them.
  ///
  /// - Parameters:
  ///   - count: How many; classes take turns, and so do the gap's sides.
  ///   - random: A row's numbers depend on its index only.
  /// - Returns: The rows.
  /// - Throws: ``InferenceError`` for no rows.
  public func rows(_ count: Int, random: RandomStream) throws -> LabelledRows {
    var (inputs, targets): ([[Double]], [Double]) = ([], [])
    for index in 0..<max(count, 0) {
      var random = random.child(index)
      let (x, y) = classes == nil ? curve(index, &random) : point(index, &random)
      inputs.append(x)
      targets.append(y)
    }
    return try LabelledRows(Rows(inputs), targets)
  }

  private func curve(_ index: Int, _ random: inout RandomStream) -> ([Double], Double) {
    let (low, high) = support
    let x = low + (high - low) * random.uniform()
    let xi = random.normal()
    switch kind {
    case .gap:
      let side = index % 2 == 0 ? -x : x
      return ([side], value(side) + noise * xi)
    case .wave: return ([x], value(x + noise * xi))
    case .heteroscedastic: return ([x], value(x) + noise * (0.5 + abs(x)) * xi)
    default: return ([x], value(x) + noise * xi)
    }
  }

  /// The function without noise.
  private func value(_ x: Double) -> Double {
    switch kind {
    case .cubic: x * x * x
    case .gap: sin(3 * x)
    case .wave: x + 0.3 * sin(2 * Double.pi * x) + 0.3 * sin(4 * Double.pi * x)
    case .heteroscedastic: sin(x)
    default: 1.5 * x - 0.5
    }
  }

  private func point(_ index: Int, _ random: inout RandomStream) -> ([Double], Double) {
    let classes = classes ?? 2
    let label = index % classes
    let turn = random.uniform()
    let (a, b) = (random.normal(), random.normal())
    switch kind {
    case .moons:
      let angle = Double.pi * turn
      let centre =
        label == 0 ? (cos(angle), sin(angle)) : (1 - cos(angle), 0.5 - sin(angle))
      return ([centre.0 + noise * a, centre.1 + noise * b], Double(label))
    case .rings:
      let (angle, radius) = (2 * Double.pi * turn, Double(label + 1) + noise * a)
      return ([radius * cos(angle), radius * sin(angle)], Double(label))
    default:
      let side: Double = turn < 0.5 ? -1 : 1
      return ([side + noise * a, side * (label == 0 ? 1 : -1) + noise * b], Double(label))
    }
  }

  /// Where inputs of curves lie, of the gap on its right side.
  private var support: (Double, Double) {
    switch kind {
    case .cubic: (-4, 4)
    case .gap: (0.6, 1.5)
    case .wave: (0, 0.5)
    case .heteroscedastic: (-3, 3)
    default: (-1, 1)
    }
  }

  /// Inputs that reach beyond the data on all sides: 200 on a line, or 21 × 21.
  public var grid: Rows {
    let line = { (low: Double, high: Double, count: Int) in
      (0..<count).map { low + (high - low) * Double($0) / Double(count - 1) }
    }
    guard let classes else {
      let (low, high): (Double, Double) =
        switch kind {
        case .cubic: (-6, 6)
        case .gap: (-2.5, 2.5)
        case .wave: (-0.2, 1.2)
        case .heteroscedastic: (-5, 5)
        default: (-2, 2)
        }
      return Rows(line(low, high, 200).map { [$0] })
    }
    let reach = kind == .rings ? Double(classes) + 2 : 3
    let (across, up) =
      kind == .moons
      ? (line(-2.5, 3.5, 21), line(-2.5, 3, 21))
      : (line(-reach, reach, 21), line(-reach, reach, 21))
    return Rows(across.flatMap { x in up.map { [x, $0] } })
  }
}

extension Rows {
  /// The rows as text: x0, x1, …, in digits that read back to the same bits.
  public var csv: String {
    var text = (0..<width).map { "x\($0)" }.joined(separator: ",") + "\n"
    for row in 0..<count { text += self[row].map { "\($0)" }.joined(separator: ",") + "\n" }
    return text
  }
}
