public import Formats

/// The runs that Lu and Kumar published with "Neural Network Branching for Neural Network
/// Verification" (ICLR 2020): one pickled table a file, a property a row, four verifiers.
///
/// Times are of one CPU core, with a GPU for the learned methods and LPs by Gurobi.
public enum PublishedRuns {
  /// A table file of the repository's folder `cifar_exp`.
  public struct File: Hashable, Sendable {
    /// The file's name without its ending.
    public var name: String
    /// The network that its properties are about.
    public var set: String
    /// Seconds after which its runs were given up.
    public var limit: Double
  }

  /// All files, in the order in which the paper lists them.
  public static let files = [
    File(name: "base_easy", set: "base", limit: 3600),
    File(name: "base_med", set: "base", limit: 3600),
    File(name: "base_hard", set: "base", limit: 3600),
    File(name: "wide", set: "wide", limit: 7200),
    File(name: "deep", set: "deep", limit: 7200),
  ]

  /// A verifier and its columns.
  private static let methods:
    [(name: String, verdict: String, branches: String?, seconds: String)] = [
      ("mip", "GSAT", nil, "GTime"),
      ("babsr", "BSAT_KW", "BBran_KW", "BTime_KW"),
      ("gnn", "BSAT_gnnkwT", "BBran_gnnkwT", "BTime_gnnkwT"),
      ("gnn-online", "BSAT_gnnkwTO", "BBran_gnnkwTO", "BTime_gnnkwTO"),
    ]

  /// The names of the verifiers, in the order of the paper's tables.
  public static var methodNames: [String] { methods.map(\.name) }

  /// The groups in the order of the paper's tables.
  public static let groups = ["easy", "medium", "hard", "wide", "deep"]

  /// The paper's grouping of the base network's properties: by BaBSR's own seconds, whatever file
  /// they are in.
  static func group(set: String, babsrSeconds: Double) -> String {
    guard set == "base" else { return set }
    return babsrSeconds < 800 ? "easy" : babsrSeconds < 2400 ? "medium" : "hard"
  }

  /// Takes a table apart.
  ///
  /// A property is named by file and row, as in `base_easy/565`.
  ///
  /// - Throws: `FormatError` that names the column, and the row from 0.
  public static func runs(_ table: Table, of file: File) throws(FormatError) -> [SolverRun] {
    let grouping = try table.doubles("BTime_KW")
    var runs: [SolverRun] = []
    for method in methods {
      let verdicts = try table.strings(method.verdict)
      let seconds = try table.doubles(method.seconds)
      let branches = try method.branches.map { (name) throws(FormatError) in
        try table.doubles(name)
      }
      for row in 0..<table.rowCount {
        func failure(_ column: String, _ found: String, _ expected: String) -> FormatError {
          FormatError(
            file: table.name, found: "row \(row), column '\(column)': \(found)",
            expected: expected)
        }
        guard let verdict = verdict(verdicts[row]) else {
          throw failure(
            method.verdict, "'\(verdicts[row])'", "False, True, timeout or grbError")
        }
        guard seconds[row].isFinite, seconds[row] >= 0, grouping[row].isFinite else {
          throw failure(method.seconds, "\(seconds[row])", "finite seconds")
        }
        let count = branches.flatMap { Int(exactly: $0[row]) }
        if verdict.isSolved, let column = method.branches, count == nil || (count ?? 0) < 0 {
          throw failure(
            column, "\(branches?[row] ?? .nan)", "a number of branches, as the row is solved")
        }
        runs.append(
          SolverRun(
            set: file.set, group: group(set: file.set, babsrSeconds: grouping[row]),
            property: "\(file.name)/\(row)", method: method.name, verdict: verdict,
            branches: verdict.isSolved ? count : nil, seconds: seconds[row], limit: file.limit))
      }
    }
    return runs
  }

  /// "True" means there that a counterexample exists.
  private static func verdict(_ text: String) -> SolverRun.Verdict? {
    switch text.lowercased() {
    case "false": .unsat
    case "true": .sat
    case "timeout": .timeout
    case "grberror": .error
    default: nil
    }
  }
}
