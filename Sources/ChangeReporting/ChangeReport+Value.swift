import ArtifactComparison
import Foundation
import Provenance
public import StructuredValue

extension ChangeReport {
  /// The report for programs: the comparison of the records, the comparison of each artifact, and
  /// where the changes began.
  public var value: Value {
    get throws {
      let data = try JSONEncoder().encode(comparison)
      guard case .map(var members) = try Value(json: data) else { return .null }
      members["artifacts"] = .list(
        artifacts.map { artifact in
          [
            "instance": .string(artifact.instance), "slot": .string(artifact.output.slot),
            "comparison": artifact.comparison?.value ?? .null,
          ]
        })
      members["origins"] = .list(
        origins.map { origin in
          [
            "instance": .string(origin.instance), "field": .string(origin.change.name),
            "before": origin.change.before ?? .null, "after": origin.change.after ?? .null,
            "from": origin.from.map { .string($0) } ?? .null,
            "explains": .list(origin.reached.map { .string($0) }),
          ]
        })
      return .map(members)
    }
  }
}
