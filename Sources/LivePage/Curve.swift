import StructuredValue

/// The points of a live metric, thinned so that a long training costs no more than a short one.
struct Curve: Sendable {
  /// Points that are kept at most.
  static let limit = 400

  private(set) var points: [(step: Int, value: Double)] = []
  /// Of how many points one is kept; doubled whenever there are too many.
  private var stride = 1
  private var seen = 0
  private var last: (step: Int, value: Double)?

  mutating func append(step: Int, value: Double) {
    last = (step, value)
    if seen % stride == 0 { points.append((step, value)) }
    seen += 1
    guard points.count > Curve.limit else { return }
    points = points.enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
    stride *= 2
  }

  /// `[[step, value], …]`, the latest point always among them.
  var json: Value {
    var shown = points
    if let last, shown.last?.step != last.step { shown.append(last) }
    return .list(shown.map { [.int($0.step), .double($0.value)] })
  }
}
