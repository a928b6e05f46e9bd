import ContentHashing
public import RunRecord

/// The notebook of one run as a single HTML file that loads nothing from anywhere.
///
/// Equal records, artifacts and figures give equal bytes.
public struct NotebookPage {
  let record: RunRecord
  let artifacts: any ArtifactReading
  let figures: any FigureDrawing
  let options: Options

  /// What a page may be told beyond its record.
  public struct Options {
    public var authors: [String] = []
    /// Fills in the values of a text cell and gives Markdown.
    ///
    /// `NotebookPage.lineageLink` makes the links for them.
    public var prose: (String) -> String = { $0 }
    /// Where KaTeX lies (`katex.min.js`, `katex.min.css`, `fonts/`): Debian's `libjs-katex`.
    public var katex = "/usr/share/javascript/katex"
    /// Where highlight.js lies (`highlight.min.js`): Debian's `libjs-highlight.js`.
    public var highlight = "/usr/share/javascript/highlight.js"
    /// Whether figures react to the mouse, for about 1 MB a page.
    public var interactive = true
    /// Rows that a table shows at first where its cell doesn't say.
    public var tableRows = 12
    /// Lines of log a succeeded stage shows; a failed one shows five times as many.
    public var logLines = 40
    /// Instances that have no result yet; the page says so instead of calling them skipped.
    public var pending: Set<String> = []
    /// Which instance feeds which, where the record's inputs don't tell, as before a first run.
    public var edges: [Edge] = []
    /// Whether figures are only places, to be filled by `figure(_:name:identifier:)` when they come
    /// into view.
    public var defersFigures = false

    /// An arrow of the graph, between instances by name.
    public struct Edge: Hashable, Sendable {
      public var from: String
      public var to: String

      public init(from: String, to: String) {
        self.from = from
        self.to = to
      }
    }

    public init() {}
  }

  public init(
    record: RunRecord, artifacts: any ArtifactReading, figures: any FigureDrawing,
    options: Options = Options()
  ) {
    self.record = record
    self.artifacts = artifacts
    self.figures = figures
    self.options = options
  }

  /// The page as HTML text.
  public func html() -> String { render().html }

  /// The page with an account of its size.
  public func render() -> RenderedPage {
    let drawn = PageFigures(record, artifacts, figures)
    let bundle =
      options.interactive && !drawn.byDigest.isEmpty ? figures.interactiveBundle() : nil
    var writer = PageWriter(self, figures: drawn, isInteractive: bundle != nil)
    let cells = writer.cells()
    let summary = writer.claimSummary()
    let provenance = writer.provenance()
    let body =
      writer.masthead() + summary + writer.contents()
      + "<main id=\"content\">\n\(cells.joined())</main>\n" + writer.pipeline() + provenance
    return PageFrame(writer: writer, bundle: bundle).page(body)
  }

  /// A Markdown link from a value in the prose to the stage that measured it.
  ///
  /// - Parameters:
  ///   - text: The value as the reader sees it.
  ///   - metric: The metric's full name, such as `srcc.lowest`.
  ///   - record: The record that the page shows.
  /// - Returns: Markdown; the text alone where no stage measured such a metric.
  public static func lineageLink(_ text: String, metric: String, in record: RunRecord) -> String {
    var identifiers = PageIdentifiers()
    PageWriter.reserve(&identifiers)
    guard let (instance, _) = record.metric(named: metric),
      let anchor = Anchors(record, &identifiers).instances[instance.name]
    else { return text }
    var title = "\(metric), run \(record.id)"
    if let key = instance.key { title += ", key \(key.short)" }
    let label = text.replacing("\\", with: "\\\\").replacing("[", with: "\\[")
      .replacing("]", with: "\\]")
    return "[\(label)](#\(anchor) \"\(title.replacing("\"", with: "'"))\")"
  }
}
