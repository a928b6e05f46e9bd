public import SpecSyntax

/// Which instances of a stage are meant: `[device=pixel3,target=*]`.
public struct Selector: Hashable, Sendable {
  /// The axes with one value; axes left out or given `*` may have any.
  public var pins: [String: String]

  public init(pins: [String: String]) { self.pins = pins }

  /// Reads what stands between the brackets.
  static func parse(_ text: some StringProtocol) -> Selector? {
    if text.isEmpty || text == "*" { return Selector(pins: [:]) }
    var pins: [String: String] = [:]
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let sides = part.split(separator: "=", maxSplits: 1).map { Substring($0).trimmed }
      guard sides.count == 2, !sides[0].isEmpty else { return nil }
      if sides[1] != "*" { pins[String(sides[0])] = String(sides[1]) }
    }
    return Selector(pins: pins)
  }
}

/// What an input is given.
public enum InputReference: Hashable, Sendable {
  /// `predictor.model`, `predictor[*].model`, `predictor[device=pixel3].model`
  case artifact(stage: String, Selector?, slot: String)
  /// A file or folder.
  case path(String)

  /// Reads a reference.
  ///
  /// - Throws: `Diagnostic` with what would be right.
  public static func parse(_ text: String, at location: SourceLocation) throws(Diagnostic)
    -> InputReference
  {
    if text.hasPrefix("file:") { return .path(text) }
    if text.hasPrefix("dataset:") {
      return .artifact(stage: text, nil, slot: "folder")
    }
    if let (stage, selector, slot) = dotted(text) {
      return .artifact(stage: stage, selector, slot: slot)
    }
    if text.contains("/") { return .path(text) }
    throw Diagnostic(
      code: "P0123", message: "'\(text)' is neither 'stage.slot' nor a path", location: location,
      help: "a file of this folder is './\(text)'")
  }
}

/// A metric of a stage: `srcc.lowest`, `predictor[device=fpga].rmse`.
public struct MetricReference: Hashable, Sendable {
  public var stage: String
  public var selector: Selector?
  public var metric: String

  public static func parse(_ text: some StringProtocol) -> MetricReference? {
    dotted(String(text)).map { MetricReference(stage: $0.0, selector: $0.1, metric: $0.2) }
  }
}

/// Cuts `stage[selector].name`.
private func dotted(_ text: String) -> (String, Selector?, String)? {
  func isName(_ name: some StringProtocol, _ extra: String) -> Bool {
    guard let first = name.unicodeScalars.first, first.properties.isAlphabetic || first == "_"
    else { return false }
    // Nearly every name, without a look into Unicode's tables.
    let isPlain = name.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
        true
      default: false
      }
    }
    if isPlain { return true }
    return name.unicodeScalars.allSatisfy {
      $0.properties.isAlphabetic || $0.properties.numericType != nil
        || "_-".unicodeScalars.contains($0)
        || extra.unicodeScalars.contains($0)
    }
  }
  let bytes = text.utf8
  if let open = bytes.firstIndex(of: UInt8(ascii: "[")),
    let close = bytes.lastIndex(of: UInt8(ascii: "]")), open < close
  {
    let rest = text[text.index(after: close)...]
    guard rest.hasPrefix("."), isName(text[..<open], ""), isName(rest.dropFirst(), "."),
      let selector = Selector.parse(text[text.index(after: open)..<close])
    else { return nil }
    return (String(text[..<open]), selector, String(rest.dropFirst()))
  }
  guard let dot = bytes.firstIndex(of: UInt8(ascii: ".")), isName(text[..<dot], ""),
    isName(text[text.index(after: dot)...], ".")
  else { return nil }
  return (String(text[..<dot]), nil, String(text[text.index(after: dot)...]))
}

extension Substring {
  /// Without spaces at its ends.
  fileprivate var trimmed: Substring {
    var rest = drop { $0 == " " }
    while rest.last == " " { rest.removeLast() }
    return rest
  }
}
