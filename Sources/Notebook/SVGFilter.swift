import Foundation
import FoundationXML

/// Keeps the shapes and texts of an SVG and nothing that could run, load or collide.
///
/// Elements and attributes outside of a list are dropped, scripts and styles with all they hold;
/// identifiers get a prefix, so that several figures can stand in one page.
package struct SVGFilter {
  private static let elements: Set<String> = [
    "svg", "g", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "text", "tspan",
    "defs", "clipPath", "linearGradient", "radialGradient", "stop", "title", "desc", "pattern",
  ]
  private static let attributes: Set<String> = [
    "d", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "rx", "ry", "fx", "fy", "dx", "dy",
    "width", "height", "viewBox", "version", "points", "transform", "class", "fill", "stroke",
    "opacity", "fill-opacity", "stroke-opacity", "stroke-width", "stroke-dasharray",
    "stroke-dashoffset", "stroke-linecap", "stroke-linejoin", "stroke-miterlimit",
    "stroke-dashoffset",
    "text-anchor", "font-size", "font-family", "font-weight", "font-style", "font-variant",
    "dominant-baseline", "clip-path", "offset", "stop-color", "stop-opacity", "gradientUnits",
    "gradientTransform", "role", "aria-label", "aria-roledescription", "aria-hidden",
    "preserveAspectRatio", "patternUnits",
  ]

  /// The filtered SVG, or nil where the text is no well-formed one.
  package static func filter(_ svg: String, prefix: String, label: String) -> String? {
    let reader = Reader(prefix: prefix, label: label)
    let parser = XMLParser(data: Data(svg.utf8))
    parser.delegate = reader
    parser.shouldResolveExternalEntities = false
    guard parser.parse(), reader.depth == 0, !reader.result.isEmpty else { return nil }
    return reader.result
  }

  private final class Reader: NSObject, XMLParserDelegate {
    let prefix: String
    let label: String
    var result = ""
    var depth = 0
    private var dropped = 0

    init(prefix: String, label: String) {
      self.prefix = prefix
      self.label = label
    }

    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?,
      qualifiedName: String?, attributes: [String: String]
    ) {
      depth += 1
      guard dropped == 0, depth > 1 || name == "svg",
        SVGFilter.elements.contains(name) || name == "a"
      else {
        dropped += 1
        return
      }
      // Links of marks go nowhere; their marks stay.
      result += "<\(name == "a" ? "g" : name)"
      if depth == 1 { result += " role=\"img\" aria-label=\"\(HTML.escape(label))\"" }
      for (key, value) in attributes.sorted(by: { $0.key < $1.key }) { add(key, value) }
      result += ">"
    }

    private func add(_ key: String, _ value: String) {
      if depth == 1, key == "role" || key == "aria-label" { return }
      if key == "id" {
        result += " id=\"\(prefix)\(HTML.escape(value))\""
      } else if SVGFilter.attributes.contains(key), !reaches(value) {
        let own = value.replacing("url(#", with: "url(#\(prefix)")
        result += " \(key)=\"\(HTML.escape(own))\""
      }
    }

    /// Whether a value could load something: the only `url(` allowed is one to this very drawing.
    private func reaches(_ value: String) -> Bool {
      let plain = value.lowercased()
      return plain.contains("\\")
        || plain.components(separatedBy: "url(").dropFirst().contains { !$0.hasPrefix("#") }
    }

    func parser(
      _ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?
    ) {
      depth -= 1
      if dropped > 0 { dropped -= 1 } else { result += "</\(name == "a" ? "g" : name)>" }
    }

    func parser(_ parser: XMLParser, foundCharacters string: String) {
      if dropped == 0, depth > 0 { result += HTML.escape(string) }
    }
  }
}
