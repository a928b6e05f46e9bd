import ArtifactStore
import ContentHashing
import Foundation
public import Notebook
import PipelineSpec
public import RunRecord
import StructuredValue

extension Project {
  /// The notebook of a run as one page.
  ///
  /// - `python`: The interpreter that has vl-convert.
  public func page(of record: RunRecord, python: String) -> RenderedPage {
    var options = NotebookPage.Options()
    let measurements = Measurements(record.instances, parameters: record.parameters)
    options.prose = { text in
      Prose.fill(text) { shown, name in
        NotebookPage.lineageLink(shown, metric: name, in: record)
      } lookup: {
        measurements.value($0)
      }
    }
    let folder = "\(store.path)/drawings"
    let cache = VegaLiteDrawer.Cache(
      load: { digest in
        FileManager.default.contents(atPath: "\(folder)/\(digest.hex)").map { Array($0) }
      },
      store: { digest, bytes in
        // Only a cache: a drawing that cannot be kept is drawn again.
        try? FileManager.default.createDirectory(
          atPath: folder, withIntermediateDirectories: true)
        try? Data(bytes).write(
          to: URL(fileURLWithPath: "\(folder)/\(digest.hex)"), options: .atomic)
      })
    let page = NotebookPage(
      record: record, artifacts: StoreReader(store: store),
      figures: VegaLiteDrawer(python: python, cache: cache), options: options)
    return page.render()
  }

  /// The Python of the project's own environment, or the one in the path.
  public var python: String {
    let own = "\(root)/.venv/bin/python3"
    return FileManager.default.isExecutableFile(atPath: own) ? own : "python3"
  }
}

private struct StoreReader: ArtifactReading {
  let store: ArtifactStore
  func bytes(of digest: Digest) throws -> [UInt8] { try store.bytes(of: digest) }
}
