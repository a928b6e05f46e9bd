import Foundation
import FoundationXML

/// Keeps the shapes and texts of an SVG and nothing that could run, load or collide, in as few bytes
/// as draw the same.
///
/// Elements and attributes outside of a list are dropped, scripts and styles with all they hold;
/// identifiers get a prefix, so that several figures can stand in one page.
package struct SVGFilter {
  private static let elements: Set<String> = [
    "svg", "g", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "text", "tspan",
    "defs", "clipPath", "linearGradient", "radialGradient", "stop", "title", "desc", "pattern",
  ]
  /// What places and shapes: its numbers need no more than a hundredth of a pixel.
  private static let geometry: Set<String> = [
    "d", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "rx", "ry", "dx", "dy", "width",
    "height", "points", "transform",
  ]
  /// What a group hands down to its elements.
  private static let inherited: Set<String> = [
    "fill", "stroke", "fill-opacity", "stroke-opacity", "stroke-width", "stroke-dasharray",
    "stroke-dashoffset", "stroke-linecap", "stroke-linejoin", "stroke-miterlimit", "text-anchor",
    "font-size", "font-family", "font-weight", "font-style", "font-variant", "dominant-baseline",
  ]
  // What names single marks is left out: for a screen reader the whole is one image with a label.
  private static let attributes =
    geometry.union(inherited).union([
      "viewBox", "version", "fx", "fy", "opacity", "clip-path", "offset", "stop-color",
      "stop-opacity", "gradientUnits", "gradientTransform", "preserveAspectRatio", "patternUnits",
    ])

  /// The filtered SVG, or nil where the text is no well-formed one.
  package static func filter(_ svg: String, prefix: String, label: String) -> String? {
    let reader = Reader(prefix: prefix)
    let parser = XMLParser(data: Data(svg.utf8))
    parser.delegate = reader
    parser.shouldResolveExternalEntities = false
    guard parser.parse(), reader.open.isEmpty, let root = reader.root else { return nil }
    // Where something is enlarged, a hundredth of a unit is more than that of a pixel.
    let isScaled = svg.contains("scale(") || svg.contains("matrix(")
    root.settle(isScaled: isScaled)
    root.attributes["role"] = "img"
    root.attributes["aria-label"] = label
    var result = ""
    root.write(to: &result)
    return result
  }

  private final class Element {
    let name: String
    var attributes: [String: String]
    var content: [Content] = []

    enum Content {
      case element(Element)
      case text(String)
    }

    init(_ name: String, _ attributes: [String: String]) {
      self.name = name
      self.attributes = attributes
    }

    private var children: [Element] {
      content.compactMap { if case .element(let child) = $0 { child } else { nil } }
    }

    /// Takes out what draws nothing, and says once what all elements of a group say.
    func settle(isScaled: Bool) {
      for child in children { child.settle(isScaled: isScaled) }
      content.removeAll { if case .element(let child) = $0 { child.isBlank } else { false } }
      for (key, value) in attributes {
        if key == "opacity" && value == "1" || key == "transform" && value == "translate(0,0)" {
          attributes[key] = nil
        } else if !isScaled, SVGFilter.geometry.contains(key) {
          attributes[key] = SVGFilter.rounded(value)
        }
      }
      let children = children
      guard name == "g", children.count > 1, let first = children.first else { return }
      for (key, value) in first.attributes
      where SVGFilter.inherited.contains(key) && attributes[key] == nil
        && children.allSatisfy({ $0.attributes[key] == value })
      {
        attributes[key] = value
        for child in children { child.attributes[key] = nil }
      }
    }

    private var isBlank: Bool {
      switch name {
      case "path": attributes["d", default: ""].isEmpty
      case "g": content.isEmpty && attributes["id"] == nil
      default: false
      }
    }

    func write(to text: inout String) {
      text += "<\(name)"
      for (key, value) in attributes.sorted(by: { $0.key < $1.key }) {
        text += " \(key)=\"\(HTML.escape(value))\""
      }
      if content.isEmpty {
        text += "/>"
        return
      }
      text += ">"
      for part in content {
        switch part {
        case .element(let child): child.write(to: &text)
        case .text(let words): text += HTML.escape(words)
        }
      }
      text += "</\(name)>"
    }
  }

  private static func isOfNumber(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: ".")
  }

  /// A number to two decimals, where it has more.
  private static func nearest(_ number: [UInt8]) -> [UInt8] {
    guard let point = number.firstIndex(of: UInt8(ascii: ".")), number.count - point > 3,
      let exact = Double(String(decoding: number, as: UTF8.self)), abs(exact) < 1e9
    else { return number }
    let near = (exact * 100).rounded() / 100
    return Array((near == near.rounded() ? "\(Int(near))" : "\(near)").utf8)
  }

  /// A value with its numbers to two decimals.
  private static func rounded(_ value: String) -> String {
    var result: [UInt8] = []
    var number: [UInt8] = []
    func end() {
      guard !number.isEmpty else { return }
      let text = nearest(number)
      // A sign or a point may have been all that parted it from the one before.
      if let last = result.last, isOfNumber(last), let first = text.first, isOfNumber(first) {
        result.append(UInt8(ascii: " "))
      }
      result += text
      number = []
    }
    let (point, letter) = (UInt8(ascii: "."), UInt8(ascii: "e"))
    for byte in value.utf8 {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): number.append(byte)
      case point:
        // A second point begins the next number.
        if number.contains(point) { end() }
        number.append(byte)
      case letter where !number.isEmpty: number.append(byte)
      case UInt8(ascii: "-"), UInt8(ascii: "+"):
        // After an exponent's letter a sign belongs to the number, else it begins one.
        if number.last != letter { end() }
        number.append(byte)
      default:
        end()
        result.append(byte)
      }
    }
    end()
    return String(decoding: result, as: UTF8.self)
  }

  private final class Reader: NSObject, XMLParserDelegate {
    let prefix: String
    var root: Element?
    var open: [Element] = []
    private var dropped = 0

    init(prefix: String) { self.prefix = prefix }

    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?,
      qualifiedName: String?, attributes: [String: String]
    ) {
      guard dropped == 0, root != nil || name == "svg", root == nil || !open.isEmpty,
        SVGFilter.elements.contains(name) || name == "a"
      else {
        dropped += 1
        return
      }
      // Links of marks go nowhere; their marks stay.
      let element = Element(name == "a" ? "g" : name, kept(attributes))
      if let parent = open.last { parent.content.append(.element(element)) } else { root = element }
      open.append(element)
    }

    private func kept(_ attributes: [String: String]) -> [String: String] {
      var kept: [String: String] = [:]
      for (key, value) in attributes {
        if key == "id" {
          kept[key] = prefix + value
        } else if SVGFilter.attributes.contains(key), !reaches(value) {
          kept[key] = value.replacing("url(#", with: "url(#\(prefix)")
        }
      }
      return kept
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
      if dropped > 0 { dropped -= 1 } else { open.removeLast() }
    }

    func parser(_ parser: XMLParser, foundCharacters string: String) {
      guard dropped == 0, let element = open.last else { return }
      // Space between shapes is nothing to see.
      if !["text", "tspan", "title", "desc"].contains(element.name) { return }
      element.content.append(.text(string))
    }
  }
}
