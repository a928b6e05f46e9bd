public import ContentHashing
import RunRecord
import StructuredValue

/// The parts of a notebook for a page that changes while it is read.
///
/// The same writer makes them that writes the page of a report.
public struct LiveNotebook: Sendable {
  /// A piece of the page that is replaced as a whole.
  public struct Part: Sendable {
    /// Stable while the pipeline's file keeps its cells: `stage:predictor`, `text:3`, `claim:1`, and
    /// `head`, `claims`, `contents`, `pipeline`, `provenance` for what the page says of itself.
    public var key: String
    public var html: String
    /// A digest of the HTML, for whoever has it already.
    public var version: String

    init(_ key: String, _ html: String) {
      self.key = key
      self.html = html
      version = Digest.of(html).short
    }
  }

  public var title: String
  /// In reading order.
  public var parts: [Part]
  /// Where stages are found on the page, by instance and by cell.
  public var anchors: [String: String]
  /// What highlight.js has to know.
  public var languages: Set<String>
}

extension NotebookPage {
  /// The page in parts.
  public func live() -> LiveNotebook {
    let drawn =
      options.defersFigures
      ? PageFigures([], artifacts, figures)
      : PageFigures(record, artifacts, figures)
    var writer = PageWriter(self, figures: drawn, isInteractive: options.interactive)
    var cells: [LiveNotebook.Part] = []
    var counts: [String: Int] = [:]
    for (cell, html) in zip(record.cells, writer.cells()) where !html.isEmpty {
      switch cell {
      case .stage(let stage): cells.append(LiveNotebook.Part("stage:\(stage.id)", html))
      case .text, .claim:
        let kind = if case .text = cell { "text" } else { "claim" }
        counts[kind, default: 0] += 1
        cells.append(LiveNotebook.Part("\(kind):\(counts[kind] ?? 0)", html))
      }
    }
    let claims = writer.claimSummary()
    let provenance = writer.provenance()
    let around = [
      ("head", writer.masthead()), ("claims", claims), ("contents", writer.contents()),
      ("pipeline", writer.pipeline()),
    ]
    let parts =
      around.filter { !$0.1.isEmpty }.map { LiveNotebook.Part($0.0, $0.1) } + cells
      + [LiveNotebook.Part("provenance", provenance)]
    return LiveNotebook(
      title: writer.title, parts: parts,
      anchors: writer.anchors.cells.merging(writer.anchors.instances) { cell, _ in cell },
      languages: writer.languages)
  }

  /// A deferred figure, drawn.
  ///
  /// - Parameters:
  ///   - digest: Its specification in the store.
  ///   - name: `stage.slot`, for its caption.
  ///   - identifier: The `id` of the place that it fills.
  /// - Returns: A `figure` element, or the sentence that says why there is none.
  public func figure(_ digest: Digest, name: String, identifier: String) -> String {
    let drawn = PageFigures([digest], artifacts, figures)
    var writer = PageWriter(self, figures: drawn, isInteractive: options.interactive)
    guard let figure = drawn.byDigest[digest] else {
      return writer.gap("Figure \(name) is missing.", drawn.missing[digest] ?? "It was not drawn.")
    }
    return writer.drawn(figure, digest, name, identifier: identifier)
  }
}

/// The libraries and styles of a live page, each as a file of its own.
public struct LiveAssets: Sendable {
  private let assets: PageAssets

  public init(options: NotebookPage.Options = NotebookPage.Options()) {
    assets = PageAssets(katex: options.katex, highlight: options.highlight)
  }

  public static var style: String { String(decoding: PackageResources.page_css, as: UTF8.self) }

  /// What every notebook does, with the themes of its figures.
  public static var script: String {
    "window.figureThemes={page:\(FigureTheme.page.json()),paper:\(FigureTheme.paper.json())};\n"
      + String(decoding: PackageResources.page_js, as: UTF8.self)
  }

  /// KaTeX with all its fonts; nil where it isn't installed.
  public var mathematics: (script: String, style: String)? {
    assets.mathematics(for: [], withAllFaces: true)
  }

  /// highlight.js for these languages; nil where it isn't installed.
  public func highlighter(for languages: Set<String>) -> String? {
    assets.highlighter(for: languages)
  }
}
