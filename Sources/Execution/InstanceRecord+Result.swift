public import ArtifactStore
public import Planning
public import RunRecord
import StageManifest

extension InstanceRecord {
  /// An instance's record before anything is known of its result.
  public init(of instance: Instance, _ outcome: Outcome, why: String, key: ActionKey? = nil) {
    self.init(
      name: instance.name, cell: instance.cell, matrix: instance.matrix, outcome: outcome,
      why: why, key: key?.digest, keyFields: key?.fields ?? [:])
    if case .plugin(let plugin) = instance.work {
      self.plugin = plugin.manifest.name
      version = plugin.manifest.version.description
    }
    for input in instance.inputs {
      guard let digest = key?.content(ofInput: input.name) else { continue }
      // A path as it is called in the project: two chapters may both write `./data.csv`.
      let from = if case .path(let path) = input.source { path } else { input.reference }
      inputs.append(InputRecord(slot: input.name, kind: input.kind, digest: digest, from: from))
    }
  }

  /// Takes over what an action gave.
  public mutating func take(_ result: ActionResult, of instance: Instance) {
    outputs = result.outputs.sorted { $0.key < $1.key }.map { slot, output in
      ArtifactRecord(
        slot: slot, kind: output.kind, digest: output.digest, isTree: output.isTree,
        size: output.size)
    }
    var declared: [String: ManifestMetric] = [:]
    if case .plugin(let plugin) = instance.work { declared = plugin.manifest.metrics }
    metrics = Dictionary(
      uniqueKeysWithValues: result.metrics.map { name, value in
        (
          name,
          MetricRecord(
            value: value, unit: declared[name]?.unit,
            direction: declared[name]?.direction.flatMap(MetricRecord.Direction.init),
            doc: declared[name].flatMap { $0.doc.isEmpty ? nil : $0.doc })
        )
      })
    notes = result.notes
    log = result.log
    seconds = result.seconds
    cpuSeconds = result.cpuSeconds
    peakMemory = result.peakMemory
  }
}
