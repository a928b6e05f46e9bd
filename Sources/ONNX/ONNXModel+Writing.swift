public import Formats
internal import Foundation
internal import SwiftProtobuf

extension ONNXModel {
  /// The file's bytes; equal models give equal bytes, and reading them gives an equal model.
  ///
  /// - Throws: `FormatError` where the graph is not as `ONNXGraph` promises, for an IR version
  ///   below 1, and for more than 2 GiB, which protobuf can't hold.
  public func bytes() throws(FormatError) -> [UInt8] {
    try check()
    var message = Onnx_ModelProto()
    message.unknownFields = unread.content
    message.irVersion = Int64(irVersion)
    message.producerName = producer
    message.producerVersion = producerVersion
    message.opsetImport = opsets.sorted { $0.key < $1.key }.map { domain, version in
      var set = Onnx_OperatorSetIdProto()
      set.domain = domain
      set.version = Int64(version)
      return set
    }
    message.graph = Onnx_GraphProto(graph, irVersion: irVersion)
    do {
      return try message.serializedBytes()
    } catch {
      throw graph.failure(
        "a model that can't be written (\(error))", expected: "less than 2 GiB", .limit)
    }
  }

  /// Writes a file, under another name until it is whole.
  ///
  /// - Throws: `FormatError` as `bytes()` does, or when the file can't be written.
  public func write(to path: String) throws(FormatError) {
    try Formats.write(bytes(), to: path)
  }
}

extension Onnx_GraphProto {
  fileprivate init(_ graph: ONNXGraph, irVersion: Int) {
    self.init()
    unknownFields = graph.unread.content
    name = graph.name
    node = graph.nodes.map { Onnx_NodeProto($0) }
    initializer = graph.initializers.map { tensor in
      var message = Onnx_TensorProto(tensor.data, name: tensor.name)
      if let remark = graph.remarks.content[tensor.name] { message.unknownFields = remark }
      return message
    }
    let listed = graph.initializers.filter {
      irVersion <= 3 || graph.replaceable.contains($0.name)
    }
    input = (graph.inputs + listed.map(ONNXValue.init)).map { $0.message }
    output = graph.outputs.map(\.message)
    valueInfo = graph.values.map(\.message)
  }
}

extension ONNXValue {
  fileprivate init(_ tensor: NamedTensor) {
    self.init(
      name: tensor.name, type: tensor.data.type, shape: tensor.data.shape.map { .fixed($0) })
  }

  /// The file's own words as long as they say what the properties do.
  fileprivate var message: Onnx_ValueInfoProto {
    if let remark = remark.content {
      let stated = ONNXValue(remark)
      if stated.type == type && stated.shape == shape {
        var message = remark
        message.name = name
        return message
      }
    }
    return Onnx_ValueInfoProto(self)
  }
}

extension Onnx_ValueInfoProto {
  /// A message that says what the properties do, without the remark.
  init(_ value: ONNXValue) {
    self.init()
    name = value.name
    if value.type == nil && value.shape == nil { return }
    var tensor = Onnx_TypeProto.Tensor()
    if let element = value.type { tensor.elemType = element.onnxCode }
    if let shape = value.shape {
      tensor.shape.dim = shape.map { extent in
        var dimension = Onnx_TensorShapeProto.Dimension()
        switch extent {
        case .fixed(let number): dimension.dimValue = Int64(number)
        case .symbol(let name): dimension.dimParam = name
        case .unknown: break
        }
        return dimension
      }
      if shape.isEmpty { tensor.shape = Onnx_TensorShapeProto() }
    }
    type.tensorType = tensor
  }
}

extension Onnx_NodeProto {
  fileprivate init(_ node: ONNXNode) {
    self.init()
    unknownFields = node.unread.content
    input = node.inputs
    output = node.outputs
    if !node.name.isEmpty { name = node.name }
    opType = node.operator
    if !node.domain.isEmpty { domain = node.domain }
    attribute = node.attributes.sorted { $0.key < $1.key }.map { name, value in
      Onnx_AttributeProto(name, value, remark: node.remarks.content[name])
    }
  }
}

extension Onnx_AttributeProto {
  fileprivate init(_ name: String, _ value: ONNXAttribute, remark: Onnx_AttributeProto?) {
    self.init()
    self.name = name
    if let remark { unknownFields = remark.unknownFields }
    switch value {
    case .float(let number):
      type = 1
      f = number
    case .int(let number):
      type = 2
      i = Int64(number)
    case .string(let text):
      type = 3
      s = Data(text.utf8)
    case .tensor(let tensor):
      type = 4
      t = Onnx_TensorProto(tensor)
      if let remark {
        t.unknownFields = remark.t.unknownFields
        if remark.t.hasName { t.name = remark.t.name }
      }
    case .floats(let numbers):
      type = 6
      floats = numbers
    case .ints(let numbers):
      type = 7
      ints = numbers.map(Int64.init)
    case .strings(let texts):
      type = 8
      strings = texts.map { Data($0.utf8) }
    }
  }
}
