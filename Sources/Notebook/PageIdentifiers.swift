import RunRecord

/// The anchors of a page: unique, stable between runs, made of letters that no browser escapes.
package struct PageIdentifiers {
  private var taken: Set<String> = []

  package init() {}

  /// A new identifier from a prefix and any text.
  package mutating func make(_ prefix: String, _ text: String) -> String {
    let base = prefix + PageIdentifiers.slug(text)
    var candidate = base
    var number = 2
    while !taken.insert(candidate).inserted {
      candidate = "\(base)-\(number)"
      number += 1
    }
    return candidate
  }

  /// Lower-case letters, digits and hyphens.
  package static func slug(_ text: String) -> String {
    var slug = ""
    for scalar in text.lowercased().unicodeScalars {
      let isPlain = scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)
      if isPlain {
        slug.unicodeScalars.append(scalar)
      } else if !slug.isEmpty, !slug.hasSuffix("-") {
        slug += "-"
      }
    }
    while slug.hasSuffix("-") { slug.removeLast() }
    return slug.isEmpty ? "x" : slug
  }
}

/// Where the page's links go to, settled before anything is written.
struct Anchors {
  /// By stage cell id.
  private(set) var cells: [String: String] = [:]
  /// By instance name.
  private(set) var instances: [String: String] = [:]
  /// One per claim, in order.
  private(set) var claims: [String] = []

  init(_ record: RunRecord, _ identifiers: inout PageIdentifiers) {
    for case .stage(let cell) in record.cells where cells[cell.id] == nil {
      cells[cell.id] = identifiers.make("stage-", cell.id)
    }
    for instance in record.instances {
      if instances[instance.name] != nil { continue }
      // Without a matrix the cell itself is the place; its details open from there.
      instances[instance.name] =
        instance.matrix.isEmpty && cells[instance.cell] != nil
        ? cells[instance.cell] : identifiers.make("run-", instance.name)
    }
    for case .claim(let claim) in record.cells {
      claims.append(identifiers.make("claim-", String(claim.measured.prefix(60))))
    }
  }
}
