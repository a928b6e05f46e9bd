import RunRecord
import StructuredValue

/// What an input's `from` names: `tables.folder`, `predictor[*].model`,
/// `predictor[device=pixel3].model`.
struct Reference {
  let cell: String
  /// The matrix values asked for; an axis that isn't named, or is `*`, may have any.
  let selector: [String: String]
  let slot: String

  /// Nil for paths, data sets and names that are no cell.
  init?(_ text: String, cells: Set<String>) {
    let name = text.prefix { $0 != "[" && $0 != "." }
    guard cells.contains(String(name)) else { return nil }
    cell = String(name)
    var rest = text[name.endIndex...]
    var selector: [String: String] = [:]
    if rest.first == "[", let end = rest.lastIndex(of: "]") {
      for part in rest[rest.index(after: rest.startIndex)..<end].split(separator: ",") {
        let sides = part.split(separator: "=", maxSplits: 1)
        if sides.count == 2, sides[1] != "*" { selector[String(sides[0])] = String(sides[1]) }
      }
      rest = rest[rest.index(after: end)...]
    }
    self.selector = selector
    slot = String(rest.drop { $0 == "." })
  }

  func matches(_ instance: InstanceRecord) -> Bool {
    instance.cell == cell && selector.allSatisfy { instance.matrix[$0]?.text == $1 }
  }
}
