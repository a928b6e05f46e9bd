import Formats
public import StageKit
import VerificationRecords

/// Reads the property tables of "Neural Network Branching for Neural Network Verification".
public struct BranchingImport: Stage {
  public struct Parameters: Decodable, Sendable { var files: [String] }

  public static var manifest: [UInt8] { PackageResources.stage_yaml }
  public static var code: String { CodeFingerprint.digest }

  public init() {}

  public func run(_ parameters: Parameters, in context: StageContext) async throws {
    let folder = try context.input("folder").path
    var runs: [SolverRun] = []
    for file in PublishedRuns.files where parameters.files.contains(file.name) {
      let name = "\(file.name).pkl"
      do {
        let content = try FileContent(path: "\(folder)/\(name)")
        let table = try Table(dataFrame: Pickle.read(content), name: name)
        runs += try PublishedRuns.runs(table, of: file)
      } catch {
        throw StageError(
          code: .badInput,
          message: "\(error)".replacing("\(folder)/", with: ""), slot: "folder")
      }
    }
    // The paper's order, which the tables and figures made of it keep.
    let sorted = PublishedRuns.groups.flatMap { group in runs.filter { $0.group == group } }
    try context.write(SolverRun.csv(sorted), to: "runs")
    context.metric("properties", Set(runs.map(\.property)).count)
    context.metric("runs", runs.count)
    context.metric("solved", runs.count(where: \.verdict.isSolved))
    context.metric("counterexamples", runs.count { $0.verdict == .sat })
  }
}
