public import Formats
internal import SwiftProtobuf

/// A network as an ONNX file holds it.
///
/// Reading checks all that an evaluation relies on, so that the names in a graph lead somewhere:
/// see `ONNXGraph`. What the types here don't show, such as comments, is kept and written again,
/// but doesn't count when models are compared.
public struct ONNXModel: Hashable, Sendable {
  /// The version of the file format, from 1.
  ///
  /// Files up to version 3 list all initializers among the inputs too, which reading undoes and
  /// writing does again.
  public var irVersion: Int
  /// The version of each set of operators in use, by domain; the standard's domain is empty.
  public var opsets: [String: Int]
  /// The program that wrote the file, and its version; empty where the file doesn't say.
  public var producer: String
  public var producerVersion: String
  public var graph: ONNXGraph

  var unread = Aside(UnknownStorage())

  /// The latest IR version that released tools of 2021 read, with operators of the same year.
  public init(
    irVersion: Int = 7, opsets: [String: Int] = ["": 13], producer: String = "pipeline",
    producerVersion: String = "", graph: ONNXGraph
  ) {
    self.irVersion = irVersion
    self.opsets = opsets
    self.producer = producer
    self.producerVersion = producerVersion
    self.graph = graph
  }
}

/// The nodes of a network and the values between them, each known by its name.
///
/// After reading, and before writing, these hold: each name is given by one input, initializer or
/// output of a node; nodes and outputs read only such names; there is no cycle, and an output.
public struct ONNXGraph: Hashable, Sendable {
  public var name: String
  /// What an evaluation must be given; initializers are not among them.
  public var inputs: [ONNXValue]
  public var outputs: [ONNXValue]
  /// Constant tensors, mostly weights, in the file's order.
  public var initializers: [NamedTensor]
  /// In the file's order; see `topologicalOrder()`.
  public var nodes: [ONNXNode]
  /// Types that the file states for values between nodes; to be cleared when shapes change.
  public var values: [ONNXValue] = []
  /// Names of initializers that are default values, for which an evaluation may be given others.
  ///
  /// Always empty up to IR version 3, where listing initializers among the inputs means nothing.
  public var replaceable: Set<String> = []

  var file = Aside("ONNX model")
  var unread = Aside(UnknownStorage())
  /// What came with an initializer, such as a comment.
  var remarks = Aside<[String: UnknownStorage]>([:])

  public init(
    name: String = "graph", inputs: [ONNXValue], outputs: [ONNXValue],
    initializers: [NamedTensor] = [], nodes: [ONNXNode]
  ) {
    self.name = name
    self.inputs = inputs
    self.outputs = outputs
    self.initializers = initializers
    self.nodes = nodes
  }

  func failure(
    _ found: String, expected: String = "", _ code: FormatError.Code = .malformed
  ) -> FormatError {
    FormatError(code, file: file.content, found: found, expected: expected)
  }
}
