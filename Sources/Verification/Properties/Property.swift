/// A box of inputs, closed on all sides.
public struct Box: Hashable, Sendable {
  public var lower: [Double]
  public var upper: [Double]

  public init(lower: [Double], upper: [Double]) {
    precondition(lower.count == upper.count, "ends of different counts")
    self.lower = lower
    self.upper = upper
  }

  /// All points at most `radius` away from the centre in every coordinate.
  public init(around centre: [Double], radius: Double) {
    self.init(lower: centre.map { $0 - radius }, upper: centre.map { $0 + radius })
  }

  public var centre: [Double] { zip(lower, upper).map { ($0 + $1) / 2 } }

  /// Each side moved in by one unit in the last place, where it is longer than that.
  var inside: Box {
    var box = self
    for index in lower.indices where lower[index].nextUp <= upper[index].nextDown {
      box.lower[index] = lower[index].nextUp
      box.upper[index] = upper[index].nextDown
    }
    return box
  }

  /// The nearest point of the box.
  public func clamp(_ point: [Double]) -> [Double] {
    point.indices.map { min(max(point[$0], lower[$0]), upper[$0]) }
  }

  public func contains(_ point: [Double]) -> Bool {
    point.count == lower.count
      && point.indices.allSatisfy { point[$0] >= lower[$0] && point[$0] <= upper[$0] }
  }
}

/// A linear form of a network's outputs, `a · y + offset`.
public struct OutputRow: Hashable, Sendable {
  public var coefficients: [Double]
  public var offset: Double

  public init(coefficients: [Double], offset: Double = 0) {
    self.coefficients = coefficients
    self.offset = offset
  }

  /// `y[higher] - y[lower]`, which is positive where the class `higher` beats the class `lower`.
  public init(_ higher: Int, beats lower: Int, of outputs: Int) {
    coefficients = [Double](repeating: 0, count: outputs)
    coefficients[higher] += 1
    coefficients[lower] -= 1
    offset = 0
  }

  public func value<Number: BinaryFloatingPoint>(_ outputs: [Number]) -> Number {
    var sum = Number(offset)
    for (coefficient, output) in zip(coefficients, outputs) where coefficient != 0 {
      sum += Number(coefficient) * output
    }
    return sum
  }
}

/// One way to violate a property: a point where all rows are at most 0.
///
/// A part of the box is free of such points as soon as one row has a lower bound above 0 on it.
public struct Clause: Hashable, Sendable {
  public var rows: [OutputRow]

  public init(rows: [OutputRow]) { self.rows = rows }

  /// The largest row: the clause is violated where it is at most 0.
  public func value<Number: BinaryFloatingPoint>(_ outputs: [Number]) -> Number {
    rows.map { $0.value(outputs) }.max() ?? .infinity
  }
}

/// A box, and all the ways in which a point of it may violate the property.
public struct Problem: Hashable, Sendable {
  public var box: Box
  public var clauses: [Clause]

  public init(box: Box, clauses: [Clause]) {
    self.box = box
    self.clauses = clauses
  }
}

/// What has to be shown of a network: that no point of any problem's box satisfies any of that
/// problem's clauses.
public struct Property: Hashable, Sendable {
  public var problems: [Problem]

  public init(problems: [Problem]) { self.problems = problems }

  /// That within `radius` of `centre` the class `label` is never beaten by `other`.
  public init(centre: [Double], radius: Double, label: Int, other: Int, outputs: Int) {
    problems = [
      Problem(
        box: Box(around: centre, radius: radius),
        clauses: [Clause(rows: [OutputRow(label, beats: other, of: outputs)])])
    ]
  }

  /// Checks that the property's variables are those of the network.
  ///
  /// - Throws: `VerificationError` with both counts.
  public func check(against network: ReLUNetwork) throws(VerificationError) {
    for problem in problems {
      guard problem.box.lower.count == network.inputCount else {
        throw VerificationError(
          .badProperty,
          "the property bounds \(problem.box.lower.count) inputs, the network has "
            + "\(network.inputCount)")
      }
      for row in problem.clauses.flatMap(\.rows)
      where row.coefficients.count != network.outputCount {
        throw VerificationError(
          .badProperty,
          "the property speaks of \(row.coefficients.count) outputs, the network has "
            + "\(network.outputCount)")
      }
    }
  }

  /// The property with its inputs in the order of the network's first layer.
  public func reordered(for network: ReLUNetwork) -> Property {
    Property(
      problems: problems.map {
        Problem(
          box: Box(
            lower: network.reordered($0.box.lower), upper: network.reordered($0.box.upper)),
          clauses: $0.clauses)
      })
  }
}
