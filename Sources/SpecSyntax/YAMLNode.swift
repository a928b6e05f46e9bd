public import StructuredValue

/// A node of a YAML file with the place where it stands.
public struct YAMLNode: Sendable {
  public var content: Content
  public var location: SourceLocation
  var style = Style.plain

  /// How a scalar is written.
  enum Style: Sendable {
    /// Not at all: a value that is null since nothing stands there.
    case absent
    case plain, singleQuoted, doubleQuoted
    /// Lines after `|` or `>`.
    case block
  }

  public enum Content: Sendable {
    case scalar(Value)
    case list([YAMLNode])
    case map([Member])
  }

  public struct Member: Sendable {
    public var key: String
    public var keyLocation: SourceLocation
    public var value: YAMLNode
    /// Whether it stands in a map that `<<` names.
    var isMerged = false
  }

  /// The node without places.
  public var value: Value {
    switch content {
    case .scalar(let value): value
    case .list(let nodes): .list(nodes.map(\.value))
    case .map(let members):
      .map(Dictionary(members.map { ($0.key, $0.value.value) }) { first, _ in first })
    }
  }

  public var located: Located<Value> { Located(value, at: location) }

  public var list: [YAMLNode]? { if case .list(let nodes) = content { nodes } else { nil } }
  public var map: [Member]? { if case .map(let members) = content { members } else { nil } }
  public var scalar: Value? { if case .scalar(let value) = content { value } else { nil } }
  public var string: String? { scalar?.string }
  /// Whether a scalar stands in quotes, and so is a text whatever it looks like.
  public var isQuoted: Bool { style == .singleQuoted || style == .doubleQuoted }
}
