/// A counterexample, computed again from the file's weights.
public struct Witness: Hashable, Sendable {
  /// In the order of the network's first layer.
  public var input: [Double]
  public var problem: Int
  public var clause: Int
  /// In float64.
  public var outputs: [Double]
  /// The largest of the clause's rows in float64, and in float32; both are at most 0.
  public var value: Double
  public var singleValue: Float

  /// What a replay says.
  public enum Replay: Hashable, Sendable {
    case confirmed(Witness)
    /// The point violates in one precision only, or in none.
    case refuted(value: Double, singleValue: Float)
  }

  /// Clamps a point into the box and evaluates it in both precisions, in plain loops.
  ///
  /// The input is first rounded to float32 where that stays in the box, so that other tools read
  /// the same point. A box may have been rounded outward from decimal numbers by one unit in the last
  /// place, so that the point stays away from its ends by as much.
  public static func replay(
    _ point: [Double], problem: Int, clause: Int, of property: Property, _ network: ReLUNetwork
  ) -> Replay {
    let box = property.problems[problem].box.inside
    let condition = property.problems[problem].clauses[clause]
    let clamped = box.clamp(point)
    let rounded = clamped.indices.map { index in
      let near = Double(Float(clamped[index]))
      return near >= box.lower[index] && near <= box.upper[index] ? near : clamped[index]
    }
    var replay = Replay.refuted(value: .nan, singleValue: .nan)
    for candidate in [rounded, clamped] {
      let outputs = network.evaluate(candidate)
      let value = condition.value(outputs)
      let singleValue = condition.value(network.evaluate(candidate.map { Float($0) }))
      if value <= 0 && singleValue <= 0 {
        return .confirmed(
          Witness(
            input: candidate, problem: problem, clause: clause, outputs: outputs, value: value,
            singleValue: singleValue))
      }
      replay = .refuted(value: value, singleValue: singleValue)
    }
    return replay
  }
}
