public import Formats
internal import SwiftProtobuf

/// One application of an operator.
public struct ONNXNode: Hashable, Sendable {
  /// Often empty, and not always unique.
  public var name: String
  /// Such as `Conv`; its meaning depends on the version of its set, see `ONNXModel.opsets`.
  public var `operator`: String
  /// Empty for the standard's operators.
  public var domain: String
  /// Names of values; an empty one is an optional input that is left out.
  public var inputs: [String]
  /// Names of values; an empty one is an output that nothing reads.
  public var outputs: [String]
  public var attributes: [String: ONNXAttribute]

  var file = Aside("ONNX model")
  var unread = Aside(UnknownStorage())
  /// What came with an attribute besides its value, such as a comment.
  var remarks = Aside<[String: Onnx_AttributeProto]>([:])

  public init(
    name: String = "", operator: String, domain: String = "", inputs: [String],
    outputs: [String], attributes: [String: ONNXAttribute] = [:]
  ) {
    self.name = name
    self.operator = `operator`
    self.domain = domain
    self.inputs = inputs
    self.outputs = outputs
    self.attributes = attributes
  }

  /// What error messages call the node, with its operator: `node 'Conv_3' (Conv)`.
  public var label: String {
    let kind = domain.isEmpty ? `operator` : "\(domain).\(`operator`)"
    if !name.isEmpty { return "node '\(name)' (\(kind))" }
    let output = outputs.first { !$0.isEmpty } ?? ""
    return "the node of '\(output)' (\(kind))"
  }

  /// An error that names the file, the node and its operator.
  public func error(
    _ code: FormatError.Code = .malformed, found: String, expected: String = ""
  ) -> FormatError {
    FormatError(code, file: file.content, found: "\(label): \(found)", expected: expected)
  }
}

/// A value that is part of a node, not computed by another.
public enum ONNXAttribute: Hashable, Sendable {
  case int(Int)
  case float(Float)
  case string(String)
  case ints([Int])
  case floats([Float])
  case strings([String])
  case tensor(TensorData)

  /// What error messages call the case.
  var kind: String {
    switch self {
    case .int: "an int"
    case .float: "a float"
    case .string: "a string"
    case .ints: "ints"
    case .floats: "floats"
    case .strings: "strings"
    case .tensor: "a tensor"
    }
  }
}

// MARK: - Attributes by type

extension ONNXNode {
  /// The integer under a name.
  ///
  /// - Throws: `FormatError` that names the node, where there is none and no default, or where
  ///   the attribute is of another type.
  public func int(_ name: String, default: Int? = nil) throws(FormatError) -> Int {
    try attribute(name, `default`, "an int") { if case .int(let value) = $0 { value } else { nil } }
  }

  /// The number under a name.
  ///
  /// - Throws: `FormatError` that names the node, where there is none and no default, or where
  ///   the attribute is of another type.
  public func float(_ name: String, default: Float? = nil) throws(FormatError) -> Float {
    try attribute(name, `default`, "a float") {
      if case .float(let value) = $0 { value } else { nil }
    }
  }

  /// The text under a name.
  ///
  /// - Throws: `FormatError` that names the node, where there is none and no default, or where
  ///   the attribute is of another type.
  public func string(_ name: String, default: String? = nil) throws(FormatError) -> String {
    try attribute(name, `default`, "a string") {
      if case .string(let value) = $0 { value } else { nil }
    }
  }

  /// The integers under a name.
  ///
  /// - Throws: `FormatError` that names the node, where there is none and no default, or where
  ///   the attribute is of another type.
  public func ints(_ name: String, default: [Int]? = nil) throws(FormatError) -> [Int] {
    try attribute(name, `default`, "ints") { if case .ints(let value) = $0 { value } else { nil } }
  }

  /// The numbers under a name.
  ///
  /// - Throws: `FormatError` that names the node, where there is none and no default, or where
  ///   the attribute is of another type.
  public func floats(_ name: String, default: [Float]? = nil) throws(FormatError) -> [Float] {
    try attribute(name, `default`, "floats") {
      if case .floats(let value) = $0 { value } else { nil }
    }
  }

  /// The texts under a name.
  ///
  /// - Throws: `FormatError` that names the node, where there is none and no default, or where
  ///   the attribute is of another type.
  public func strings(_ name: String, default: [String]? = nil) throws(FormatError) -> [String] {
    try attribute(name, `default`, "strings") {
      if case .strings(let value) = $0 { value } else { nil }
    }
  }

  /// The tensor under a name.
  ///
  /// - Throws: `FormatError` that names the node, where there is none and no default, or where
  ///   the attribute is of another type.
  public func tensor(
    _ name: String, default: TensorData? = nil
  ) throws(FormatError) -> TensorData {
    try attribute(name, `default`, "a tensor") {
      if case .tensor(let value) = $0 { value } else { nil }
    }
  }

  /// Refuses attributes beyond those that the caller knows, since each may change the result.
  ///
  /// - Throws: `FormatError` with the code `unsupported` that names the node and the attribute.
  public func refuseAttributes(except known: Set<String>) throws(FormatError) {
    guard let name = attributes.keys.filter({ !known.contains($0) }).min() else { return }
    throw error(
      .unsupported, found: "attribute '\(name)'",
      expected: known.isEmpty ? "none" : "only \(known.sorted().joined(separator: ", "))")
  }

  private func attribute<Wanted>(
    _ name: String, _ fallback: Wanted?, _ kind: String, _ extract: (ONNXAttribute) -> Wanted?
  ) throws(FormatError) -> Wanted {
    guard let found = attributes[name] else {
      if let fallback { return fallback }
      throw error(found: "no attribute '\(name)'", expected: kind)
    }
    guard let value = extract(found) else {
      throw error(found: "attribute '\(name)' is \(found.kind)", expected: kind)
    }
    return value
  }
}
