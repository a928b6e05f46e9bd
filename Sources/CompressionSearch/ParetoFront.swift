/// What of a set no other beats, all numbers the lower the better.
public enum ParetoFront {
  /// Whether a point is at least as good as another in everything and better in something.
  public static func beats(_ first: [Double], _ second: [Double]) -> Bool {
    zip(first, second).allSatisfy { $0 <= $1 } && zip(first, second).contains { $0 < $1 }
  }

  /// The places of the points that no other beats, in their order; of equal points the first.
  public static func members(_ points: [[Double]]) -> [Int] {
    points.indices.filter { place in
      !points.indices.contains { other in
        beats(points[other], points[place]) || (other < place && points[other] == points[place])
      }
    }
  }
}
