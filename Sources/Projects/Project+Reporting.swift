import ArtifactStore
import ContentHashing
public import Exports
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
    notebook(of: record, python: python).render()
  }

  /// The notebook of a record, to be written as a page or in parts.
  ///
  /// - `python`: The interpreter that has vl-convert.
  /// - `options`: Its `prose` is set here.
  public func notebook(
    of record: RunRecord, python: String, options: NotebookPage.Options = NotebookPage.Options()
  ) -> NotebookPage {
    var options = options
    let measurements = Measurements(record.instances, parameters: record.parameters)
    options.prose = { text in
      Prose.fill(text) { shown, name in
        NotebookPage.lineageLink(shown, metric: name, in: record)
      } lookup: {
        measurements.value($0)
      }
    }
    return NotebookPage(
      record: record, artifacts: StoreReader(store: store), figures: drawer(python: python),
      options: options)
  }

  /// What draws figures, and keeps the drawings in the store.
  public func drawer(python: String) -> VegaLiteDrawer {
    VegaLiteDrawer(python: python, cache: drawingCache)
  }

  /// A run with what an export shows of it.
  ///
  /// - `python`: The interpreter that has vl-convert; nil for exports without figures.
  public func exported(_ record: RunRecord, python: String?) -> ExportedRun {
    let measurements = Measurements(record.instances, parameters: record.parameters)
    let drawer = python.map { VegaLiteDrawer(python: $0, cache: drawingCache, ground: .paper) }
    return ExportedRun(
      record, artifacts: StoreReader(store: store), figures: drawer,
      formatting: ExportedRun.Formatting(
        prose: { Prose.fill($0) { measurements.value($0) } }, number: Prose.formatted))
  }

  /// Drawings are kept in the store's folder.
  var drawingCache: VegaLiteDrawer.Cache {
    let folder = "\(store.path)/drawings"
    return VegaLiteDrawer.Cache(
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
  }

  /// The Python of the project's own environment, or the first one in the path.
  public var python: String {
    let own = "\(root)/.venv/bin/python3"
    let inPath = (environment["PATH"] ?? "").split(separator: ":").map { "\($0)/python3" }
    return ([own] + inPath).first { FileManager.default.isExecutableFile(atPath: $0) } ?? "python3"
  }
}

/// The store as pages read it.
struct StoreReader: ArtifactReading {
  let store: ArtifactStore
  func bytes(of digest: Digest) throws -> [UInt8] { try store.bytes(of: digest) }
}
