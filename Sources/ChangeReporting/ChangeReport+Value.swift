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
      members["seeds"] = .list(
        seeds.map { seed in
          func sample(_ sample: SeedComparison.Sample) -> Value {
            [
              "count": .int(sample.count), "mean": .double(sample.mean),
              "deviation": .double(sample.deviation),
            ]
          }
          return [
            "metric": .string(seed.name), "before": sample(seed.before),
            "after": sample(seed.after), "overlaps": .bool(seed.overlaps),
          ]
        })
      return .map(members)
    }
  }
}
