import Formats
import ONNX
import Tensors

/// What a node computes: results from inputs, an optional one of which may be absent.
typealias ONNXOperation = @Sendable ([Tensor?]) throws -> [Tensor]

/// The operators that are known here, by name; each reads its node's attributes once, and refuses
/// those that it does not know, since each may change the result.
///
/// Source: the ONNX operator specification, versions 1 to 22 of the standard's set.
package enum ONNXOperators {
  /// Reads a node's attributes; the version is that of the operators' set.
  typealias Builder = @Sendable (_ node: ONNXNode, _ version: Int) throws -> ONNXOperation

  static func operation(of node: ONNXNode, version: Int) throws -> ONNXOperation {
    guard node.domain.isEmpty || node.domain == "ai.onnx", let builder = all[node.operator] else {
      throw node.error(
        .unsupported, found: "an operator that is not known here",
        expected: "one of " + all.keys.sorted().joined(separator: ", "))
    }
    return try builder(node, version)
  }

  /// The names of all that are known.
  package static var names: [String] { all.keys.sorted() }

  private static let all = elementwise.merging(shapes) { $1 }.merging(layers) { $1 }
    .merging(reductions) { $1 }

  // MARK: Help for builders

  /// An operator of one input without attributes.
  static func unary(_ function: @escaping @Sendable (Tensor) throws -> Tensor) -> Builder {
    { node, _ in
      try node.refuseAttributes(except: [])
      return { [try function(try input($0, 0, node))] }
    }
  }

  /// An operator of two inputs without attributes.
  static func binary(
    _ function: @escaping @Sendable (Tensor, Tensor) throws -> Tensor
  ) -> Builder {
    { node, version in
      // Version 1 to 6 aligned the second operand by an axis.
      try node.refuseAttributes(except: version < 7 ? ["consumed_inputs"] : [])
      return { [try function(try input($0, 0, node), try input($0, 1, node))] }
    }
  }

  /// An input that must be there.
  static func input(_ inputs: [Tensor?], _ index: Int, _ node: ONNXNode) throws -> Tensor {
    guard index < inputs.count, let value = inputs[index] else {
      throw node.error(found: "no input \(index + 1)", expected: "one")
    }
    return value
  }

  /// An input that may be left out.
  static func optional(_ inputs: [Tensor?], _ index: Int) -> Tensor? {
    index < inputs.count ? inputs[index] : nil
  }

  /// A dimension counted from the front.
  static func dimension(_ axis: Int, of rank: Int, _ node: ONNXNode) throws -> Int {
    guard (-rank..<rank).contains(axis) else {
      throw node.error(found: "axis \(axis) of \(rank) dimensions")
    }
    return axis < 0 ? axis + rank : axis
  }
}
