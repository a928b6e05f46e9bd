import CCMark
import Foundation

/// Markdown as GitHub reads it, with formulas and without any HTML of its author.
struct Markdown {
  /// A heading of the text, for the table of contents.
  struct Heading: Hashable {
    var level: Int
    var identifier: String
    var text: String
  }

  private(set) var html = ""
  private(set) var headings: [Heading] = []
  private(set) var formulas: [MathMarks.Formula] = []
  /// The languages of its code blocks.
  private(set) var languages: Set<String> = []

  /// - Parameters:
  ///   - source: The Markdown text.
  ///   - levelOffset: How many levels its headings sink, since the page's title is the first.
  ///   - identifiers: Nil leaves headings without anchors, as in notes.
  init(_ source: String, levelOffset: Int = 1, identifiers: inout PageIdentifiers) {
    var marks = MathMarks()
    let text = marks.take(source)
    guard let parser = cmark_parser_new(CMARK_OPT_DEFAULT | CMARK_OPT_VALIDATE_UTF8) else { return }
    defer { cmark_parser_free(parser) }
    cmark_gfm_core_extensions_ensure_registered()
    for name in ["table", "strikethrough", "autolink", "tasklist"] {
      if let found = cmark_find_syntax_extension(name) {
        cmark_parser_attach_syntax_extension(parser, found)
      }
    }
    cmark_parser_feed(parser, text, text.utf8.count)
    guard let document = cmark_parser_finish(parser) else { return }
    defer { cmark_node_free(document) }
    disarm(document, marks)
    sinkHeadings(document, levelOffset, marks, &identifiers)
    // Without CMARK_OPT_UNSAFE the renderer drops `javascript:` and its like.
    guard
      let rendered = cmark_render_html(
        document, CMARK_OPT_DEFAULT, cmark_parser_get_syntax_extensions(parser))
    else { return }
    defer { free(rendered) }
    html = marks.restore(withAnchors(String(cString: rendered)), with: \.html)
    formulas = marks.formulas
  }

  /// Makes text of raw HTML, links of images that would load something, and plain dollars of marks
  /// inside code and addresses.
  private mutating func disarm(_ document: OpaquePointer, _ marks: MathMarks) {
    for node in Markdown.nodes(of: document) {
      let type = cmark_node_get_type(node)
      if type == CMARK_NODE_HTML_INLINE {
        Markdown.replace(node, by: Markdown.text(Markdown.literal(node)))
      } else if type == CMARK_NODE_HTML_BLOCK {
        let paragraph = cmark_node_new(CMARK_NODE_PARAGRAPH)
        cmark_node_append_child(paragraph, Markdown.text(Markdown.literal(node)))
        Markdown.replace(node, by: paragraph)
      } else if type == CMARK_NODE_CODE || type == CMARK_NODE_CODE_BLOCK {
        cmark_node_set_literal(node, marks.restore(Markdown.literal(node), with: \.source))
        if type == CMARK_NODE_CODE_BLOCK, let info = cmark_node_get_fence_info(node) {
          languages.insert(String(String(cString: info).prefix { !$0.isWhitespace }).lowercased())
        }
      } else if type == CMARK_NODE_LINK || type == CMARK_NODE_IMAGE {
        let url = cmark_node_get_url(node).map { String(cString: $0) } ?? ""
        let title = cmark_node_get_title(node).map { String(cString: $0) } ?? ""
        cmark_node_set_url(node, marks.restore(url, with: \.source))
        cmark_node_set_title(node, marks.restore(title, with: \.source))
        if type == CMARK_NODE_IMAGE, !url.hasPrefix("data:image/") { Markdown.unload(node, url) }
      }
    }
  }

  /// Puts a link in the place of an image that isn't in the page itself.
  private static func unload(_ image: OpaquePointer, _ url: String) {
    let link = cmark_node_new(CMARK_NODE_LINK)
    cmark_node_set_url(link, url)
    cmark_node_append_child(link, text("Image: "))
    while let child = cmark_node_first_child(image) { cmark_node_append_child(link, child) }
    replace(image, by: link)
  }

  private mutating func sinkHeadings(
    _ document: OpaquePointer, _ offset: Int, _ marks: MathMarks,
    _ identifiers: inout PageIdentifiers
  ) {
    for node in Markdown.nodes(of: document) where cmark_node_get_type(node) == CMARK_NODE_HEADING {
      let level = min(6, Int(cmark_node_get_heading_level(node)) + offset)
      cmark_node_set_heading_level(node, Int32(level))
      var words = ""
      for child in Markdown.nodes(of: node) {
        let type = cmark_node_get_type(child)
        if type == CMARK_NODE_TEXT || type == CMARK_NODE_CODE { words += Markdown.literal(child) }
        if type == CMARK_NODE_SOFTBREAK { words += " " }
      }
      words = marks.restore(words, with: \.tex)
      headings.append(
        Heading(level: level, identifier: identifiers.make("", words), text: words))
    }
  }

  /// Gives headings their anchors; raw HTML is text by now, so each `<hN>` is one of ours.
  private func withAnchors(_ html: String) -> String {
    var result = ""
    var rest = html[...]
    for heading in headings {
      let tag = "<h\(heading.level)>"
      guard let found = rest.range(of: tag) else { continue }
      result += rest[..<found.lowerBound]
      result += "<h\(heading.level) id=\"\(heading.identifier)\">"
      rest = rest[found.upperBound...]
    }
    return result + rest
  }

  // MARK: - Nodes

  private static func nodes(of root: OpaquePointer) -> [OpaquePointer] {
    var nodes: [OpaquePointer] = []
    guard let iterator = cmark_iter_new(root) else { return nodes }
    defer { cmark_iter_free(iterator) }
    while true {
      let event = cmark_iter_next(iterator)
      if event == CMARK_EVENT_DONE { return nodes }
      if event == CMARK_EVENT_ENTER, let node = cmark_iter_get_node(iterator) { nodes.append(node) }
    }
  }

  private static func literal(_ node: OpaquePointer) -> String {
    cmark_node_get_literal(node).map { String(cString: $0) } ?? ""
  }

  private static func text(_ literal: String) -> OpaquePointer? {
    let node = cmark_node_new(CMARK_NODE_TEXT)
    cmark_node_set_literal(node, literal)
    return node
  }

  private static func replace(_ old: OpaquePointer, by new: OpaquePointer?) {
    cmark_node_replace(old, new)
    cmark_node_free(old)
  }
}
