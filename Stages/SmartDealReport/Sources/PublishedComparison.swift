import StageKit

/// A figure of a point from elsewhere, as the parameters give it.
public struct PublishedFigure: Decodable, Sendable {
  var point: String
  var figure: String
  var value: Double
  var within: Double
  var relative: Bool?
  var mark: String?

  var tolerance: Double { relative == true ? within * value.magnitude : within }
}

/// Figures from elsewhere beside what was measured.
struct PublishedComparison {
  private let rows: [(figure: PublishedFigure, measured: Double)]

  /// Looks the figures up.
  ///
  /// - Throws: `StageError` for a point or a figure that there is not.
  init(_ figures: [PublishedFigure], _ points: [SweepPoint]) throws {
    rows = try figures.map { figure in
      guard let point = points.first(where: { $0.name == figure.point }) else {
        throw StageError(
          code: .badParameter,
          message: "'published' names the point '\(figure.point)'; the points are "
            + points.map(\.name).joined(separator: "; "))
      }
      guard let measured = point.figure(figure.figure) else {
        throw StageError(
          code: .badParameter,
          message: "'published' names the figure '\(figure.figure)', which '\(figure.point)' does "
            + "not have")
      }
      return (figure, measured)
    }
  }

  var count: Int { rows.count }

  var deviating: Int {
    rows.count { ($0.measured - $0.figure.value).magnitude > $0.figure.tolerance }
  }

  /// In units of tolerances; one that is zero counts only where it is missed.
  var largest: Double? {
    rows.map { row in
      let distance = (row.measured - row.figure.value).magnitude
      return row.figure.tolerance > 0
        ? distance / row.figure.tolerance : distance == 0 ? 0 : .infinity
    }.max()
  }

  var table: String {
    var text = "point,figure,published,measured,difference,tolerance,holds,mark\n"
    for (figure, measured) in rows {
      let difference = measured - figure.value
      let cells = [
        "\"\(figure.point)\"", figure.figure, "\(figure.value)", rounded(measured),
        rounded(difference), rounded(figure.tolerance),
        difference.magnitude <= figure.tolerance ? "yes" : "no", figure.mark ?? "",
      ]
      text += cells.joined(separator: ",") + "\n"
    }
    return text
  }

  private func rounded(_ number: Double) -> String {
    if let whole = Int(exactly: number) { return "\(whole)" }
    return "\((number * 1e8).rounded() / 1e8)"
  }
}
