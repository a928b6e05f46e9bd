public import ArtifactComparison
public import Provenance
public import RunRecord
import StructuredValue

/// What changed between two runs, why, and what that did to their artifacts.
///
/// One model for the terminal, for programs, for Markdown and for the page.
public struct ChangeReport {
  public let before: RunRecord
  public let after: RunRecord
  public let comparison: RunComparison
  /// The outputs that differ, in the order of the later run.
  public let artifacts: [ArtifactChange]
  /// Where the changes began, in the order of the later run.
  public let origins: [Origin]
  /// Metrics that were measured with several seeds.
  public let seeds: [SeedComparison]

  /// An output that one run has and the other has not, or has otherwise.
  public struct ArtifactChange {
    public var instance: String
    public var output: RunComparison.OutputChange
    /// What differs inside; nil where the artifacts were not opened.
    public var comparison: Comparison?

    /// `predictor[device=fpga].scatter`.
    public var name: String { "\(instance).\(output.slot)" }
    public var kind: String { output.after?.kind ?? output.before?.kind ?? "file" }
  }

  /// A change that no change before it explains.
  public struct Origin: Hashable, Sendable {
    /// The instance whose key it entered.
    public var instance: String
    public var change: RunComparison.ValueChange
    /// The path that the input was read from, where the change is one of an input.
    public var from: String?
    /// The instances that were executed anew because of it, `instance` first.
    public var reached: [String]
  }

  /// - `compare`: Opens two artifacts and says what differs; nil leaves them closed.
  public init(
    from before: RunRecord, to after: RunRecord,
    compare: ((ArtifactRecord?, ArtifactRecord?) -> Comparison)? = nil
  ) {
    self.before = before
    self.after = after
    let comparison = RunComparison(from: before, to: after)
    self.comparison = comparison
    artifacts = comparison.instances.flatMap { instance in
      instance.outputs.map { output in
        ArtifactChange(
          instance: instance.name, output: output,
          comparison: compare.map { $0(output.before, output.after) })
      }
    }
    origins = ChangeReport.origins(comparison)
    seeds = SeedComparison.all(from: before, to: after)
  }

  /// Whether the runs differ in what they did or found.
  public var isEmpty: Bool { comparison.isEmpty }

  /// The instances that differ, in the order of the later run.
  var changed: [RunComparison.InstanceChange] {
    comparison.instances.filter { $0.kind != .unchanged }
  }

  /// All metrics that differ, with their instances.
  var metrics: [(instance: String, change: RunComparison.MetricChange)] {
    comparison.instances.flatMap { instance in instance.metrics.map { (instance.name, $0) } }
  }

  private static func origins(_ comparison: RunComparison) -> [Origin] {
    let byName = Dictionary(comparison.instances.map { ($0.name, $0) }) { first, _ in first }
    var origins: [Origin] = []
    var places: [[String]: Int] = [:]
    for instance in comparison.instances {
      for cause in instance.causes where cause.upstream == nil {
        let place = [cause.instance, cause.field]
        if let index = places[place] {
          if !origins[index].reached.contains(instance.name) {
            origins[index].reached.append(instance.name)
          }
          continue
        }
        let change =
          byName[cause.instance]?.fields.first { $0.name == cause.field }
          ?? RunComparison.ValueChange(name: cause.field, before: nil, after: nil)
        places[place] = origins.count
        origins.append(
          Origin(
            instance: cause.instance, change: change, from: cause.from, reached: [instance.name]))
      }
    }
    // Seen from downstream first, the origin itself still leads its list.
    for index in origins.indices {
      let own = origins[index].instance
      origins[index].reached = [own] + origins[index].reached.filter { $0 != own }
    }
    return origins
  }
}
