import Foundation
public import StructuredValue

/// Numbers in prose: `{{ srcc.lowest | .2 }}` takes a metric, so that a text cannot go stale.
public enum Prose {
  /// A place that wants a number.
  public struct Reference: Hashable, Sendable {
    public var name: String
    /// Lines from the start of the text, from 0.
    public var line: Int
  }

  public static func references(_ markdown: String) -> [Reference] {
    var found: [Reference] = []
    _ = walk(markdown) { name, _, line in
      found.append(Reference(name: name, line: line))
      return ""
    }
    return found
  }

  /// Fills in the numbers.
  ///
  /// Formats after `|`: `.2` two decimals, `.1%` per cent, `.2e` exponent, `,` thousands. What was
  /// found to be undefined is a dash; a name without a value stays visible as `⟨name?⟩`.
  ///
  /// - `decorate`: Takes the finished text and the name that it stands for, and may make a link of it.
  public static func fill(
    _ markdown: String, decorate: (String, String) -> String = { text, _ in text },
    lookup: (String) -> Value?
  ) -> String {
    walk(markdown) { name, format, _ in
      guard let value = lookup(name) else { return "⟨\(name)?⟩" }
      if value.isNull { return decorate("–", name) }
      return decorate(value.double.map { formatted($0, format) } ?? value.text, name)
    }
  }

  package static func formatted(_ number: Double, _ format: String) -> String {
    guard number.isFinite else { return number.isNaN ? "NaN" : number < 0 ? "−∞" : "∞" }
    if format == "," {
      guard abs(number) < 1e15 else { return String(format: "%.4g", number) }
      let digits = String(Int(number.rounded()).magnitude)
      var grouped = ""
      for (index, digit) in digits.enumerated() {
        if index > 0 && (digits.count - index) % 3 == 0 { grouped += "," }
        grouped.append(digit)
      }
      return (number < 0 ? "-" : "") + grouped
    }
    if format.hasPrefix(".") {
      // A double has no more than 17 digits to show.
      let digits = min(Int(format.dropFirst().prefix { $0.isNumber }) ?? 2, 17)
      if format.hasSuffix("%") { return String(format: "%.\(digits)f %%", number * 100) }
      return String(format: "%.\(digits)\(format.hasSuffix("e") ? "e" : "f")", number)
    }
    if number == number.rounded(), abs(number) < 1e15 { return String(Int(number)) }
    return String(format: "%.4g", number)
  }

  /// Replaces every `{{ … }}` outside of code.
  private static func walk(
    _ markdown: String, replace: (_ name: String, _ format: String, _ line: Int) -> String
  ) -> String {
    var isFenced = false
    let lines = markdown.split(separator: "\n", omittingEmptySubsequences: false)
    return lines.enumerated().map { index, line in
      if line.drop(while: { $0 == " " }).hasPrefix("```") { isFenced.toggle() }
      guard !isFenced, line.contains("{{") else { return String(line) }
      var result = ""
      // Every second piece between back-ticks is code.
      for (piece, text) in line.split(separator: "`", omittingEmptySubsequences: false).enumerated()
      {
        if piece > 0 { result += "`" }
        result += piece % 2 == 0 ? fill(text, index, replace) : String(text)
      }
      return result
    }.joined(separator: "\n")
  }

  private static func fill(
    _ text: Substring, _ line: Int, _ replace: (String, String, Int) -> String
  ) -> String {
    var result = ""
    var rest = text
    while let start = rest.firstRange(of: "{{"),
      let end = rest[start.upperBound...].firstRange(of: "}}")
    {
      let parts = rest[start.upperBound..<end.lowerBound].split(separator: "|", maxSplits: 1)
        .map { $0.trimmingCharacters(in: .whitespaces) }
      result += rest[..<start.lowerBound]
      result += replace(parts.first ?? "", parts.count > 1 ? parts[1] : "", line)
      rest = rest[end.upperBound...]
    }
    return result + rest
  }
}
