import Foundation
public import RunRecord
import StructuredValue

/// A metric over several seeds, before and after: a change that is larger than what the seeds make
/// is worth more than a changed number.
public struct SeedComparison: Hashable, Sendable {
  /// `train.accuracy`, or `train[model=cnn].accuracy` where there are further axes.
  public var name: String
  public var before: Sample
  public var after: Sample
  public var direction: MetricRecord.Direction?

  /// Values of one metric, one for each seed.
  public struct Sample: Hashable, Sendable {
    public var count: Int
    public var mean: Double
    /// The standard deviation with n − 1.
    public var deviation: Double

    init(_ values: [Double]) {
      count = values.count
      let mean = values.reduce(0, +) / Double(values.count)
      self.mean = mean
      let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
      deviation = values.count > 1 ? (squares / Double(values.count - 1)).squareRoot() : .nan
    }
  }

  /// Whether the intervals of one standard deviation around the means have a point in common.
  public var overlaps: Bool {
    abs(after.mean - before.mean) <= before.deviation + after.deviation
  }

  /// All metrics that changed and that both runs measured with at least two seeds.
  static func all(from old: RunRecord, to new: RunRecord) -> [SeedComparison] {
    let (before, after) = (samples(old), samples(new))
    return after.keys.sorted().compactMap { name in
      guard let values = after[name], let former = before[name], values.values.count > 1,
        former.values.count > 1, values.values != former.values
      else { return nil }
      return SeedComparison(
        name: name, before: Sample(former.values), after: Sample(values.values),
        direction: values.direction)
    }
  }

  /// The values of each metric of the stages that have an axis `seed`, by a name without it.
  private static func samples(
    _ record: RunRecord
  ) -> [String: (values: [Double], direction: MetricRecord.Direction?)] {
    var samples: [String: (values: [Double], direction: MetricRecord.Direction?)] = [:]
    for instance in record.instances where instance.matrix["seed"] != nil {
      let others = instance.matrix.filter { $0.key != "seed" }.sorted { $0.key < $1.key }
        .map { "\($0.key)=\($0.value.text)" }.joined(separator: ",")
      let owner = others.isEmpty ? instance.cell : "\(instance.cell)[\(others)]"
      for (metric, measured) in instance.metrics {
        guard let value = measured.value.double, value.isFinite else { continue }
        samples["\(owner).\(metric)", default: ([], measured.direction)].values.append(value)
      }
    }
    return samples
  }

  /// `train.accuracy 0.91 ± 0.01 → 0.95 ± 0.02 over 5 seeds, apart`.
  var sentence: String {
    func text(_ sample: Sample) -> String {
      String(format: "%.4g ± %.2g", sample.mean, sample.deviation)
    }
    let counts =
      before.count == after.count ? "\(after.count)" : "\(before.count) and \(after.count)"
    return "\(name) \(text(before)) → \(text(after)) over \(counts) seeds, "
      + (overlaps ? "within the seeds' spread" : "beyond the seeds' spread")
  }
}
