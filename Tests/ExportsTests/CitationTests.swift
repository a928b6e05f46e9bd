import ContentHashing
import Exports
import RunRecord
import StructuredValue
import Testing

struct CitationTests {
  @Test func `a citation names commit, record and claims`() {
    let citation = Citation(SampleRun(text: "50% & more_or_less").exported, recordDigest: .of("r"))
    #expect(
      citation.bibTeX == """
        @software{pipeline-20261123-163417-3f9a2c,
          title   = {{Paper 50\\% \\& more\\_or\\_less}},
          date    = {2026-11-23},
          year    = {2026},
          version = {commit 4be1d0c7f2f1a0d94b8c0f3e2a5d6c7b8a9f0e1d},
          url     = {https://example.org/group/paper.git},
          note    = {Run 20261123-163417-3f9a2c of paper.yaml; profile quick; seed=7; status failed; 1 of 2 claims held; record SHA-256 \(Digest.of("r").hex)},
        }

        """)
  }

  @Test func `a run outside of git with changes says what is known`() {
    var run = SampleRun()
    run.record.source = nil
    #expect(!Citation(run.exported, recordDigest: .of("r")).bibTeX.contains("version"))
    run.record.source = .init(
      commit: nil, tree: nil, branch: nil, remote: nil, dirty: true, snapshot: "9d1f")
    #expect(
      Citation(run.exported, recordDigest: .of("r")).bibTeX
        .contains("with uncommitted changes, tree 9d1f"))
  }
}

struct TeXMetricsTests {
  @Test func `each metric stands in every format, and unmeasured names stop TeX`() {
    let text = TeXMetrics(SampleRun().exported).text
    for line in [
      "\\pipeline@set{}{data.rows}{2.0}", "\\pipeline@set{.2}{fit[device=fpga].rmse}{0.5|.2}",
      "\\pipeline@set{.1\\%}{fit[device=pixel3].rmse}{0.25|.1\\%}",
      "\\pipeline@set{}{data.rate}{\\ensuremath{-0.4567}}",
      "\\renewcommand{\\claimsheld}{1}", "\\renewcommand{\\claimsmade}{2}",
      "\\renewcommand{\\pipelinecommit}{4be1d0c7f2f1}",
    ] {
      #expect(text.contains(line + "\n") || text.contains(line), "\(line)")
    }
    #expect(text.contains("run 20261123-163417-3f9a2c has no metric"))
  }

  @Test func `a name that TeX would misread is left out`() {
    var run = SampleRun()
    run.record.instances[0].metrics = [
      "a}b": MetricRecord(value: 1), "c": MetricRecord(value: nil),
    ]
    let text = TeXMetrics(run.exported).text
    #expect(!text.contains("a}b"))
    #expect(!text.contains("{data.c}"))
  }
}
