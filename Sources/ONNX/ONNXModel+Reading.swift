public import Formats
internal import Foundation
internal import SwiftProtobuf

extension ONNXModel {
  /// Reads a file.
  ///
  /// - Throws: `FormatError` that names the tensor, or the node with its operator and attribute;
  ///   with the code `unsupported` for subgraphs, sparse or external tensors and odd types.
  public init(path: String) throws(FormatError) { try self.init(FileContent(path: path)) }

  /// Reads a file's content.
  ///
  /// - Throws: `FormatError` that names the tensor, or the node with its operator and attribute;
  ///   with the code `unsupported` for subgraphs, sparse or external tensors and odd types.
  public init(_ content: FileContent) throws(FormatError) {
    let message = try content.withBytes { (bytes) throws(FormatError) in
      try WireBudget.check(bytes, file: content.name)
      return try ONNXModel.decode(bytes, file: content.name)
    }
    try self.init(message, file: content.name)
  }

  /// Reads a file whose initializers' numbers stay in it: they are read when they are asked for.
  ///
  /// So a network larger than the memory can be worked on, tensor by tensor; see `TensorData.release()` and
  /// ``ONNXPatch``. Numbers that the file has as a list of its own kind instead of bytes are in memory.
  ///
  /// - Parameter content: The file; it must not change meanwhile.
  /// - Throws: `FormatError` as ``init(_:)`` does.
  public init(mapping content: FileContent) throws(FormatError) {
    let cut = try content.withBytes { (bytes) throws(FormatError) in
      try WireBudget.check(bytes, file: content.name)
      return WireCut(bytes)
    }
    let message = try FileContent(cut.skeleton, name: content.name).withBytes {
      (bytes) throws(FormatError) in try ONNXModel.decode(bytes, file: content.name)
    }
    try self.init(message, file: content.name, in: content, cut.payloads)
  }

  private static func decode(
    _ bytes: UnsafeRawBufferPointer, file: String
  ) throws(FormatError) -> Onnx_ModelProto {
    guard let start = UnsafeMutableRawPointer(mutating: bytes.baseAddress), !bytes.isEmpty else {
      throw FormatError(file: file, found: "an empty file", expected: "an ONNX model")
    }
    // Lent for this call only: decoding copies what it keeps.
    let data = Data(bytesNoCopy: start, count: bytes.count, deallocator: .none)
    do {
      return try Onnx_ModelProto(serializedBytes: data)
    } catch BinaryDecodingError.invalidUTF8 {
      throw FormatError(file: file, found: "a name that is not UTF-8", expected: "an ONNX model")
    } catch {
      throw FormatError(
        file: file, found: "bytes that protobuf can't decode (\(error))", expected: "an ONNX model")
    }
  }

  private init(
    _ message: Onnx_ModelProto, file: String, in content: FileContent? = nil,
    _ payloads: [Int: Range<Int>] = [:]
  ) throws(FormatError) {
    guard message.irVersion > 0, message.hasGraph else {
      throw FormatError(
        file: file, found: message.hasGraph ? "no IR version" : "no graph",
        expected: "an ONNX model")
    }
    irVersion = Int(message.irVersion)
    opsets = [:]
    for set in message.opsetImport {
      let domain = ONNXModel.domain(set.domain)
      guard opsets.updateValue(Int(set.version), forKey: domain) == nil else {
        throw FormatError(
          file: file, found: "two versions of the operators of domain '\(domain)'",
          expected: "one")
      }
    }
    producer = message.producerName
    producerVersion = message.producerVersion
    unread.content = message.unknownFields
    graph = try ONNXGraph(
      message.graph, irVersion: irVersion, file: file, in: content, payloads)
    try check()
  }

  /// The standard's own domain has two names.
  fileprivate static func domain(_ name: String) -> String { name == "ai.onnx" ? "" : name }
}

extension ONNXGraph {
  fileprivate init(
    _ message: Onnx_GraphProto, irVersion: Int, file: String, in content: FileContent?,
    _ payloads: [Int: Range<Int>]
  ) throws(FormatError) {
    name = message.name
    self.file.content = file
    unread.content = message.unknownFields
    guard message.sparseInitializer.isEmpty else {
      throw FormatError(
        .unsupported, file: file, found: "a sparse initializer", expected: "only dense ones")
    }
    initializers = []
    var known: Set<String> = []
    for (place, proto) in message.initializer.enumerated() {
      let payload = payloads[place].flatMap { range in content.map { ($0, range) } }
      let data = try proto.tensor(
        "initializer '\(proto.name)'", file: file, payload: payload)
      initializers.append(NamedTensor(name: proto.name, data: data))
      known.insert(proto.name)
      if !proto.unknownFields.data.isEmpty { remarks.content[proto.name] = proto.unknownFields }
    }
    inputs = []
    for proto in message.input {
      if known.contains(proto.name) {
        if irVersion > 3 { replaceable.insert(proto.name) }
        continue
      }
      let value = try ONNXValue(tensor: proto, "input '\(proto.name)'", file: file)
      inputs.append(value)
    }
    outputs = []
    for proto in message.output {
      outputs.append(try ONNXValue(tensor: proto, "output '\(proto.name)'", file: file))
    }
    values = message.valueInfo.map { ONNXValue($0) }
    nodes = []
    nodes.reserveCapacity(message.node.count)
    for proto in message.node { nodes.append(try ONNXNode(proto, file: file)) }
  }
}

extension ONNXValue {
  /// The type of a value that must be a tensor, if its type is stated.
  fileprivate init(
    tensor message: Onnx_ValueInfoProto, _ label: @autoclosure () -> String, file: String
  ) throws(FormatError) {
    self.init(message)
    let code = message.type.tensorType.elemType
    let isTensor = !message.hasType || message.type.hasTensorType
    guard isTensor, type != nil || code == 0 else {
      throw FormatError(
        .unsupported, file: file,
        found: "\(label()): " + (isTensor ? ElementType.onnxName(code) : "no tensor"),
        expected: "a tensor of numbers")
    }
  }

  /// Whatever the message says of a tensor; the rest goes into the remark.
  init(_ message: Onnx_ValueInfoProto) {
    let tensor = message.type.tensorType
    self.init(
      name: message.name, type: ElementType(onnxCode: tensor.elemType),
      shape: tensor.hasShape
        ? tensor.shape.dim.map { dimension in
          switch dimension.value {
          case .dimValue(let extent): .fixed(Int(extent))
          case .dimParam(let name): name.isEmpty ? .unknown : .symbol(name)
          case nil: .unknown
          }
        } : nil)
    if message != Onnx_ValueInfoProto(self) { remark.content = message }
  }
}

extension ONNXNode {
  fileprivate init(_ message: Onnx_NodeProto, file: String) throws(FormatError) {
    self.init(
      name: message.name, operator: message.opType, domain: ONNXModel.domain(message.domain),
      inputs: message.input, outputs: message.output)
    self.file.content = file
    unread.content = message.unknownFields
    for proto in message.attribute {
      guard !proto.name.isEmpty else { throw error(found: "an attribute without a name") }
      let value = try value(of: proto)
      guard attributes.updateValue(value, forKey: proto.name) == nil else {
        throw error(found: "a second attribute '\(proto.name)'", expected: "different names")
      }
      remarks.content[proto.name] = proto.remark
    }
  }

  private func value(of proto: Onnx_AttributeProto) throws(FormatError) -> ONNXAttribute {
    func failure(
      _ found: String, expected: String = "", _ code: FormatError.Code = .malformed
    ) -> FormatError {
      error(code, found: "attribute '\(proto.name)' \(found)", expected: expected)
    }
    func text(_ bytes: Data) throws(FormatError) -> String {
      guard let text = String(validating: bytes, as: UTF8.self) else {
        throw failure("has a text that is not UTF-8", expected: "UTF-8", .unsupported)
      }
      return text
    }
    guard proto.refAttrName.isEmpty else {
      throw failure(
        "stands for parameter '\(proto.refAttrName)' of a function",
        expected: "a value: only functions have parameters")
    }
    let present = proto.present
    // Early exporters left the type out.
    let code = proto.type == 0 && present.count == 1 ? present[0] : proto.type
    if let other = present.first(where: { $0 != code }) {
      throw failure(
        "is of type \(code) but holds a value of type \(other)", expected: "a value of its type")
    }
    switch code {
    case 1: return .float(proto.f)
    case 2: return .int(Int(proto.i))
    case 3: return .string(try text(proto.s))
    case 4:
      let label = "\(label): attribute '\(proto.name)'"
      return .tensor(try proto.t.tensor(label, file: file.content))
    case 6: return .floats(proto.floats)
    case 7: return .ints(proto.ints.map { Int($0) })
    case 8:
      var texts: [String] = []
      for bytes in proto.strings { texts.append(try text(bytes)) }
      return .strings(texts)
    case 0: throw failure("has no type", expected: "a float, int, string, tensor or list of those")
    case 5, 10:
      throw failure(
        "is a subgraph", expected: "a network without branches and loops, exported by tracing",
        .unsupported)
    default:
      throw failure(
        "is of type \(code)", expected: "a float, int, string, tensor or list of those",
        .unsupported)
    }
  }
}

extension Onnx_AttributeProto {
  /// The types of the values that the message holds.
  fileprivate var present: [Int32] {
    let fields: [(Int32, Bool)] = [
      (1, hasF), (2, hasI), (3, hasS), (4, hasT), (6, !floats.isEmpty), (7, !ints.isEmpty),
      (8, !strings.isEmpty),
    ]
    return fields.filter(\.1).map(\.0)
  }

  /// The message without its value where it says more than name and value do.
  fileprivate var remark: Onnx_AttributeProto? {
    guard t.hasName || !t.unknownFields.data.isEmpty || !unknownFields.data.isEmpty else {
      return nil
    }
    var rest = Onnx_AttributeProto()
    rest.unknownFields = unknownFields
    rest.t.unknownFields = t.unknownFields
    if t.hasName { rest.t.name = t.name }
    return rest
  }
}
