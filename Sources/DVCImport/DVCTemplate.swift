import Foundation
import SpecSyntax
import StructuredValue

/// The `${…}` of a dvc.yaml.
///
/// They are written over into ours, or filled in where a path must be compared.
struct DVCTemplate {
  /// Parameters by name, as DVC sees them.
  let parameters: Value
  /// The members of one combination of `foreach` or `matrix`, by our axis; none outside of one.
  let axes: [String: Value]
  /// DVC's name for each axis: `item`, `item.depth`, `key`.
  let axisNames: [String: String]

  /// What a name stands for in our file, and its value; nil where nothing is known by that name.
  func find(_ name: String) -> (ours: String, value: Value)? {
    let plain = name.trimmingCharacters(in: .whitespaces)
    if let axis = axisNames[plain], let value = axes[axis] { return ("matrix.\(axis)", value) }
    if let value = parameters.value(at: plain) { return ("params.\(plain)", value) }
    return nil
  }

  /// The text with every `${…}` as ours, and the names that nothing is known by.
  ///
  /// - `isShell`: Whether a `${` that DVC leaves to the shell must be kept from us.
  func ours(_ text: String) -> (text: String, unknown: [String]) {
    var unknown: [String] = []
    let result = replace(text) { name in
      guard let found = find(name) else {
        unknown.append(name)
        return "$${\(name)}"
      }
      return "${\(found.ours)}"
    } literal: {
      "$${\($0)}"
    }
    return (result, unknown)
  }

  /// The text with every `${…}` filled in.
  func filled(_ text: String) -> String {
    replace(text) {
      find($0)?.value.text ?? "${\($0)}"
    } literal: {
      "${\($0)}"
    }
  }

  private func replace(
    _ text: String, _ replacement: (String) -> String, literal: (String) -> String
  ) -> String {
    var result = ""
    var rest = text[...]
    while let start = rest.firstRange(of: "${"),
      let end = rest[start.upperBound...].firstIndex(of: "}")
    {
      let name = String(rest[start.upperBound..<end])
      if rest[..<start.lowerBound].hasSuffix("\\") {
        result += rest[..<start.lowerBound].dropLast() + literal(name)
      } else {
        result += rest[..<start.lowerBound] + replacement(name)
      }
      rest = rest[rest.index(after: end)...]
    }
    return result + rest
  }
}
