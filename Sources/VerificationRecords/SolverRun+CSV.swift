public import Formats

extension SolverRun {
  static let columns = [
    "set", "group", "property", "method", "verdict", "branches", "seconds", "limit",
  ]

  /// Reads runs as `csv(_:)` writes them; further columns are passed over.
  ///
  /// - Throws: `FormatError` that names the column or the row.
  public static func read(csv content: FileContent) throws(FormatError) -> [SolverRun] {
    let table = try CSV.read(
      content,
      CSV.Options(types: [
        "set": .string, "group": .string, "property": .string, "method": .string,
        "verdict": .string, "branches": .double, "seconds": .double, "limit": .double,
      ]))
    let (set, group) = (try table.strings("set"), try table.strings("group"))
    let (property, method) = (try table.strings("property"), try table.strings("method"))
    let verdict = try table.strings("verdict")
    let branches = try table.doubles("branches")
    let (seconds, limit) = (try table.doubles("seconds"), try table.doubles("limit"))
    var runs: [SolverRun] = []
    for row in 0..<table.rowCount {
      func failure(_ found: String, _ expected: String) -> FormatError {
        FormatError(file: content.name, found: "row \(row + 1): \(found)", expected: expected)
      }
      guard let end = Verdict(rawValue: verdict[row]) else {
        throw failure(
          "the verdict '\(verdict[row])'",
          "one of \(Verdict.allCases.map(\.rawValue).joined(separator: ", "))")
      }
      guard seconds[row].isFinite, seconds[row] >= 0, limit[row] > 0 else {
        throw failure(
          "\(seconds[row]) seconds of \(limit[row])", "finite seconds and a positive limit")
      }
      let count = branches[row]
      guard count.isNaN || (count >= 0 && Int(exactly: count) != nil) else {
        throw failure("\(count) branches", "a whole number, or nothing")
      }
      runs.append(
        SolverRun(
          set: set[row], group: group[row], property: property[row], method: method[row],
          verdict: end, branches: Int(exactly: count), seconds: seconds[row], limit: limit[row]))
    }
    return runs
  }

  /// A table of runs, a row each.
  public static func csv(_ runs: [SolverRun]) -> String {
    var table = Table(name: "runs")
    table.append(.strings(runs.map(\.set)), named: "set")
    table.append(.strings(runs.map(\.group)), named: "group")
    table.append(.strings(runs.map(\.property)), named: "property")
    table.append(.strings(runs.map(\.method)), named: "method")
    table.append(.strings(runs.map(\.verdict.rawValue)), named: "verdict")
    table.append(.strings(runs.map { $0.branches.map(String.init) ?? "" }), named: "branches")
    table.append(.doubles(runs.map(\.seconds)), named: "seconds")
    table.append(.doubles(runs.map(\.limit)), named: "limit")
    return CSV.text(table)
  }
}
