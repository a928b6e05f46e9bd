import ContentHashing
import Foundation
import Notebook
import RunRecord
import StructuredValue

/// A store in memory.
final class MemoryArtifacts: ArtifactReading {
  struct Missing: Error, CustomStringConvertible {
    let description: String
  }

  private(set) var files: [Digest: [UInt8]] = [:]

  func add(_ text: String) -> Digest {
    let bytes = Array(text.utf8)
    let digest = Digest.of(bytes)
    files[digest] = bytes
    return digest
  }

  func bytes(of digest: Digest) throws -> [UInt8] {
    guard let bytes = files[digest] else {
      throw Missing(description: "The store has no file \(digest.short).")
    }
    return bytes
  }
}

/// A small paper with everything a page can show: chapters, formulas, code, a matrix, figures,
/// tables, a claim of each verdict, a failed stage and one that it blocks.
struct SamplePaper {
  let artifacts = MemoryArtifacts()
  var record: RunRecord

  static let devices = ["pixel3", "raspi4", "fpga", "eyeriss"]

  init() {
    record = RunRecord(
      id: "20261123-163417-3f9a2c", started: "2026-11-23T16:34:17Z",
      finished: "2026-11-23T16:41:03Z", status: .failed, tool: RunRecord.Tool(version: "0.1.0"),
      source: RunRecord.Source(
        commit: "4be1d0c7f2f1a0d94b8c0f3e2a5d6c7b8a9f0e1d", tree: nil, branch: "main",
        remote: "https://example.org/group/paper.git", dirty: true,
        snapshot: "9d1f0c7f2f1a0d94b8c0f3e2a5d6c7b8a9f0e1d2"),
      file: "Pipelines/paper.yaml",
      specification: [
        RunRecord.SpecificationFile(path: "Pipelines/paper.yaml", text: SamplePaper.yaml)
      ],
      name: "edge", title: "One proxy device is enough for hardware-aware architecture search",
      profile: "quick", overrides: ["seed": 7], parameters: ["seed": 7, "samples": 20],
      platform: "x86_64-linux", cells: [], instances: [])
    addChapters()
  }

  private mutating func addChapters() {
    record.cells.append(.text(SamplePaper.introduction))
    addTables()
    record.cells.append(.text(SamplePaper.predictors))
    addPredictor()
    record.cells.append(.text(SamplePaper.correlation))
    addCorrelation()
    addClaims()
    record.cells.append(.text(SamplePaper.search))
    addSearch()
  }

  private mutating func addTables() {
    let folder = artifacts.add("tables")
    let log = artifacts.add("GET pixel3.pickle\r 12 %\r100 %\n\u{1B}[32mok\u{1B}[0m 4 files\n")
    record.cells.append(
      .stage(
        StageCellRecord(
          id: "tables", uses: "fetch@1", description: "Latency tables of four devices.", show: [])))
    record.instances.append(
      InstanceRecord(
        name: "tables", cell: "tables", plugin: "fetch", version: "1.0.2", outcome: .cached,
        why: "An earlier run has this key.", key: Digest.of("tables"),
        keyFields: ["param.files": ["pixel3.pickle", "raspi4.pickle"]],
        outputs: [
          ArtifactRecord(
            slot: "folder", kind: "folder", digest: folder, isTree: true, size: 181_233)
        ],
        metrics: ["bytes": MetricRecord(value: 181_233, unit: "B")], seconds: 2.4, cpuSeconds: 0.2,
        peakMemory: 9_000_000, log: log))
  }

  private mutating func addPredictor() {
    record.cells.append(
      .stage(
        StageCellRecord(
          id: "predictor", uses: "predictor@1",
          description: "Ridge regression from the one-hot encoding of an architecture to latency.",
          show: [.figure(slot: "scatter"), .metrics([]), .table(slot: "ranking", rows: 5)])))
    for (index, device) in SamplePaper.devices.enumerated() {
      let fails = device == "eyeriss"
      let name = "predictor[device=\(device)]"
      var instance = InstanceRecord(
        name: name, cell: "predictor", matrix: ["device": .string(device)], plugin: "predictor",
        version: "1.4.0", outcome: fails ? .failed : index == 1 ? .cached : .executed,
        why: "The parameter samples changed from 10 to 20.", key: Digest.of(name),
        keyFields: [
          "param.model": "ridge", "param.seed": 7, "param.samples": 20,
          "param.device": .string(device), "code": "4be1d0",
        ],
        inputs: [
          InputRecord(
            slot: "table", kind: "folder", digest: artifacts.add("tables"), from: "tables.folder")
        ], attempts: 1, seconds: 1.21 + Double(index), cpuSeconds: 2.2, peakMemory: 61_000_000,
        log: artifacts.add(
          (1...300).map { "epoch \($0) loss \(1.0 / Double($0))" }
            .joined(separator: "\n")), sandbox: "strict")
      if fails {
        instance.error = StageFailure(
          code: "P0301", message: "The stage ended with exit code 1.",
          excerpt: [
            "Traceback (most recent call last):", "  File \"train.py\", line 41, in <module>",
            "ValueError: table 'eyeriss' has 0 rows with a latency",
          ])
      } else {
        addResults(of: index, to: &instance)
      }
      record.instances.append(instance)
    }
  }

  private func addResults(of index: Int, to instance: inout InstanceRecord) {
    let scatter = artifacts.add(SampleFigures.scatter(seed: index, device: instance.matrix))
    let ranking = artifacts.add(SampleFigures.ranking(seed: index))
    instance.outputs = [
      ArtifactRecord(
        slot: "scatter", kind: "figure/vega-lite", digest: scatter, isTree: false, size: 9_000),
      ArtifactRecord(
        slot: "ranking", kind: "table/csv", digest: ranking, isTree: false, size: 2_000,
        published: "results/ranking-\(index).csv"),
    ]
    instance.metrics = [
      "rmse": MetricRecord(
        value: .double(0.4123 + 0.31 * Double(index)), unit: "ms", direction: .lower,
        doc: "Root mean square error on held-out architectures."),
      "tau": MetricRecord(value: .double(0.9123 - 0.0412 * Double(index)), direction: .higher),
      "samples": MetricRecord(value: 15284),
    ]
  }

  private mutating func addCorrelation() {
    record.cells.append(
      .stage(
        StageCellRecord(
          id: "srcc", uses: "srcc-matrix@1", description: nil,
          show: [.figure(slot: "heatmap"), .metrics(["lowest", "share_above_threshold"])])))
    let heatmap = artifacts.add(SampleFigures.heatmap())
    record.instances.append(
      InstanceRecord(
        name: "srcc", cell: "srcc", plugin: "srcc-matrix", version: "1.0.0", outcome: .executed,
        why: "The input models changed.", key: Digest.of("srcc"),
        inputs: [
          InputRecord(
            slot: "models", kind: "folder", digest: Digest.of("gathered"),
            from: "predictor[*].ranking")
        ],
        outputs: [
          ArtifactRecord(
            slot: "heatmap", kind: "figure/vega-lite", digest: heatmap, isTree: false, size: 4_000)
        ],
        metrics: [
          "lowest": MetricRecord(value: 0.7834, direction: .higher),
          "share_above_threshold": MetricRecord(value: 0.8123, direction: .higher),
        ],
        notes: ["Pairs of *equal* devices are left out: $\\rho_{ii} = 1$."], attempts: 1,
        seconds: 0.412, cpuSeconds: 0.4, peakMemory: 30_000_000))
  }

  private mutating func addClaims() {
    record.cells += [
      .claim(
        ClaimRecord(
          claim: "The proxy's ranking carries over to most devices.", published: 0.9,
          source: "Lu et al. 2021, Fig. 5", measured: "srcc.share_above_threshold",
          measuredValue: 0.8123, holds: ">= 0.5", verdict: .holds, note: nil)),
      .claim(
        ClaimRecord(
          claim: "No pair of devices has a rank correlation below 0.85.", published: 0.85,
          source: "Lu et al. 2021, Section 4.2", measured: "srcc.lowest", measuredValue: 0.7834,
          holds: ">= 0.85", verdict: .fails,
          note: "The FPGA and the phone disagree on wide layers.")),
      .claim(
        ClaimRecord(
          claim: "Search on the proxy finds the optimum of each device.", published: nil,
          source: "Lu et al. 2021, Table 2", measured: "search.regret", measuredValue: nil,
          holds: "<= 0.01", verdict: .unmeasured, note: "The stage search was blocked.")),
    ]
  }

  private mutating func addSearch() {
    record.cells += [
      .stage(
        StageCellRecord(
          id: "search", uses: "evolution@2", description: nil, show: [.figure(slot: "front")])),
      .stage(
        StageCellRecord(
          id: "training", uses: "python3 train.py", description: "Loss of the surrogate.",
          show: [.figure(slot: "loss"), .table(slot: "gone", rows: nil)])),
    ]
    record.instances.append(
      InstanceRecord(
        name: "search", cell: "search", plugin: "evolution", version: "2.1.0", outcome: .blocked,
        why: "predictor[device=eyeriss] failed.",
        inputs: [
          InputRecord(
            slot: "model", kind: "table/csv", digest: Digest.of("x"),
            from: "predictor[device=fpga].ranking")
        ]))
    let loss = artifacts.add(SampleFigures.loss())
    record.instances.append(
      InstanceRecord(
        name: "training", cell: "training", outcome: .executed, why: "It never ran before.",
        key: Digest.of("training"),
        inputs: [
          InputRecord(
            slot: "data", kind: "folder", digest: artifacts.add("tables"), from: "tables.folder")
        ],
        outputs: [
          ArtifactRecord(
            slot: "loss", kind: "figure/vega-lite", digest: loss, isTree: false, size: 4_000),
          ArtifactRecord(
            slot: "gone", kind: "table/csv", digest: Digest.of("gone"), isTree: false, size: 512),
        ], attempts: 2, seconds: 93.2, cpuSeconds: 180.1, peakMemory: 700_000_000))
  }

  // MARK: - Texts

  static let introduction = """
    # Monotonicity

    Architectures are compared by latency, and latency is slow to measure. If the *ranking* of
    architectures is the same on every device, **one** device is enough. We measure how well it
    carries over with Spearman's rank correlation,

    $$\\rho = 1 - \\frac{6\\sum_i d_i^2}{n(n^2-1)},$$

    where $d_i$ is the difference between the two ranks of architecture $i$. It costs $5 a device.

    | device | class | cores |
    | --- | --- | ---: |
    | pixel3 | phone | 8 |
    | raspi4 | board | 4 |

    - [x] tables fetched
    - [ ] ~~measured again~~

    ## Data

    The tables come from <https://example.org/data>; `tables.folder` holds them.
    """

  static let predictors = """
    # Predictors

    A predictor per device, trained on few samples:

    ```python
    def predict(table, seed=7):
        # ridge regression in closed form
        return solve(X.T @ X + alpha * eye(n), X.T @ y)
    ```
    """

  static let correlation = """
    # Does the ranking carry over?

    The lowest correlation is {{ srcc.lowest }}, between the FPGA and the phone.
    """

  static let search = """
    # Search

    > A proxy is as good as its worst device.

    ## What failed

    One device has no measurements.
    """

  static let yaml = """
    pipeline: v1
    name: edge
    params: {seed: 7, samples: 20}   # quick: 10
    cells:
      - stage: tables
        uses: fetch@1
    """
}
