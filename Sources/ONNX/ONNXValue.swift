public import Formats

/// A value's name, with its type and shape as far as the file states them.
public struct ONNXValue: Hashable, Sendable {
  public var name: String
  /// Nil where the file leaves it open; never for the inputs of a file that was read.
  public var type: ElementType?
  /// Outermost first; nil where not even the rank is stated.
  public var shape: [ONNXDimension]?

  /// The file's own words where they say more than the properties, such as a comment.
  var remark = Aside<Onnx_ValueInfoProto?>(nil)

  public init(name: String, type: ElementType?, shape: [ONNXDimension]?) {
    self.name = name
    self.type = type
    self.shape = shape
  }
}

/// One extent of a value's shape.
public enum ONNXDimension: Hashable, Sendable {
  /// A number from 0. Some exporters write a batch of any size as 0 or 1.
  case fixed(Int)
  /// Known when the network is run; equal names mean equal extents.
  case symbol(String)
  case unknown
}
