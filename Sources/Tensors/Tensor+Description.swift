import Foundation

extension Tensor: CustomStringConvertible {
  /// Type, shape and elements; of long dimensions the first and last three.
  public var description: String {
    let head = "\(dtype)\(shape)"
    guard count > 0 else { return head }
    guard let shown = try? Shown(self, shape) else { return head }
    return rank == 0 ? "\(head) \(shown.text)" : "\(head)\n\(shown.text)"
  }
}

/// The elements as nested brackets.
private struct Shown {
  private(set) var text = ""

  private static let edge = 3

  init(_ tensor: Tensor, _ shape: [Int]) throws {
    text = try Shown.nested(tensor, shape, indentation: 1)
  }

  private static func nested(
    _ tensor: Tensor, _ shape: [Int], indentation: Int
  ) throws -> String {
    guard let extent = shape.first else { return try number(tensor) }
    let rest = Array(shape.dropFirst())
    let isLong = extent > 2 * edge
    let indices = isLong ? Array(0..<edge) + Array(extent - edge..<extent) : Array(0..<extent)
    var parts = try indices.map {
      try nested(tensor.selecting($0, along: 0), rest, indentation: indentation + 1)
    }
    if isLong { parts.insert("…", at: edge) }
    let separator = rest.isEmpty ? ", " : ",\n" + String(repeating: " ", count: indentation)
    return "[" + parts.joined(separator: separator) + "]"
  }

  private static func number(_ tensor: Tensor) throws -> String {
    switch tensor.dtype {
    case .bool: return try tensor.boolean() ? "true" : "false"
    case let type where type.isFloatingPoint:
      return String(format: "%.6g", try tensor.double())
    case .complex64, .complex128, .other: return "?"
    default: return String(try tensor.integer())
    }
  }
}
