import ContentHashing
import Foundation
import RunRecord
import StructuredValue

/// Writes the body of one page and notes what it will need.
struct PageWriter {
  let record: RunRecord
  let artifacts: any ArtifactReading
  let options: NotebookPage.Options
  let figures: PageFigures
  let anchors: Anchors
  let instances: [String: [InstanceRecord]]
  var identifiers: PageIdentifiers
  var headings: [Markdown.Heading] = []
  var formulas: [MathMarks.Formula] = []
  var languages: Set<String> = []
  var parts: [RenderedPage.Part] = []
  var isInteractive: Bool

  init(_ page: NotebookPage, figures: PageFigures, isInteractive: Bool) {
    record = page.record
    artifacts = page.artifacts
    options = page.options
    self.figures = figures
    self.isInteractive = isInteractive
    identifiers = PageIdentifiers()
    PageWriter.reserve(&identifiers)
    anchors = Anchors(page.record, &identifiers)
    instances = Dictionary(grouping: page.record.instances, by: \.cell)
  }

  /// Takes the anchors of the page's own sections.
  static func reserve(_ identifiers: inout PageIdentifiers) {
    for name in ["content", "claims", "claim-table", "pipeline", "provenance", "page-title"] {
      _ = identifiers.make("", name)
    }
  }

  /// All cells in reading order.
  mutating func cells() -> [String] {
    var cells: [String] = []
    var claims = 0
    var stages: Set<String> = []
    for cell in record.cells {
      switch cell {
      case .text(let text):
        cells.append("<section class=\"prose\">\(prose(options.prose(text)))</section>\n")
      case .stage(let stage):
        // A cell's id is unique in a valid pipeline; a second one would repeat its anchors.
        cells.append(stages.insert(stage.id).inserted ? self.stage(stage) : "")
      case .claim(let claim):
        cells.append(self.claim(claim, anchor: anchors.claims[claims]))
        claims += 1
      }
    }
    return cells
  }

  mutating func prose(_ text: String, levelOffset: Int = 1) -> String {
    let markdown = Markdown(text, levelOffset: levelOffset, identifiers: &identifiers)
    headings += markdown.headings
    formulas += markdown.formulas
    languages.formUnion(markdown.languages)
    return markdown.html
  }

  /// Markdown below the level of the table of contents.
  mutating func note(_ text: String) -> String {
    let known = headings.count
    let html = prose(text, levelOffset: 3)
    headings.removeSubrange(known...)
    return html
  }

  /// A file in the store, or the sentence that says why it isn't here.
  func bytes(of digest: Digest) -> Result<[UInt8], PageGap> {
    do { return .success(try artifacts.bytes(of: digest)) } catch {
      return .failure(PageGap("\(error)"))
    }
  }

  /// The visible place of something that can't be shown.
  ///
  /// - `isToCome`: Whether nothing is wrong but the time.
  func gap(_ what: String, _ reason: String, isToCome: Bool = false) -> String {
    "<div class=\"gap\(isToCome ? " to-come" : "")\" role=\"note\"><strong>\(HTML.escape(what))</strong> "
      + "\(HTML.escape(reason))</div>\n"
  }

  /// Where a value comes from, in words for a tooltip.
  func lineage(_ name: String, _ value: Value, _ instance: InstanceRecord) -> String {
    var text = "\(name) = \(value.text)\nmeasured by \(instance.name)"
    if let plugin = instance.plugin {
      text += " (\(plugin)@\(instance.version ?? "?"))"
    }
    text += "\nrun \(record.id)"
    if let key = instance.key { text += "\nkey \(key.short)" }
    return text
  }
}

/// Why a part of the page is missing.
struct PageGap: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
