public import StructuredValue

/// Changes single values in a YAML text and leaves all else as it stands: comments, order, layout.
///
/// Every change is read back: when anything but the value has changed with it, as happens where an
/// anchor shares it with other places, the change is refused.
public struct YAMLEditor {
  public private(set) var text: String
  private let file: String

  /// A step from a node to one inside.
  public enum Step: Hashable, Sendable {
    case key(String)
    case index(Int)
  }

  /// - Parameters:
  ///   - text: Of the whole file.
  ///   - file: Its name, for messages.
  public init(_ text: String, file: String) {
    self.text = text
    self.file = file
  }

  /// Sets a value, or adds it where the map at the end of the path has no such key.
  ///
  /// - Parameters:
  ///   - path: Through keys and indices; all but the last step must exist, save that a missing map on
  ///     the way is made.
  ///   - value: The new value.
  ///   - spelling: How its author writes it, such as `1e-3`; used where it reads as the value.
  ///   - neighbours: Keys after which a new one, or the map that is made for it, is put, the best
  ///     first; else it comes last.
  /// - Throws: `YAMLEditError`, with nothing changed.
  public mutating func set(
    _ path: [Step], to value: Value, spelling: String? = nil, after neighbours: [String] = []
  ) throws(YAMLEditError) {
    let before = try read(text)
    guard let wanted = YAMLEditor.setting(before, path[...], to: value) else {
      throw YAMLEditError("\(file): there is no place '\(YAMLEditor.words(path))'")
    }
    if wanted == before { return }
    var surface = try YAMLSurface(text, file: file)
    try surface.set(path, to: value, spelling: spelling, after: neighbours)
    try take(surface, wanted, path)
  }

  /// Takes a key out of its map.
  ///
  /// - Parameters:
  ///   - path: Through keys and indices to the key.
  ///   - withEmptyMap: Whether the map goes as well where nothing else is in it.
  /// - Throws: `YAMLEditError`, with nothing changed.
  public mutating func remove(_ path: [Step], withEmptyMap: Bool = true) throws(YAMLEditError) {
    let before = try read(text)
    guard case .key(let key)? = path.last, let map = YAMLEditor.value(before, path.dropLast())?.map,
      map[key] != nil
    else { throw YAMLEditError("\(file): there is no place '\(YAMLEditor.words(path))'") }
    if map.count == 1, !withEmptyMap { return try set(Array(path.dropLast()), to: [:]) }
    if map.count == 1, path.count > 1, case .key = path[path.count - 2] {
      return try remove(Array(path.dropLast()))
    }
    var rest = map
    rest[key] = nil
    guard let wanted = YAMLEditor.setting(before, path.dropLast(), to: .map(rest)) else { return }
    var surface = try YAMLSurface(text, file: file)
    try surface.remove(path)
    try take(surface, wanted, path)
  }

  private mutating func take(_ surface: YAMLSurface, _ wanted: Value, _ path: [Step])
    throws(YAMLEditError)
  {
    // What can't even be read any more has lost an anchor that others name.
    guard let after = try? read(surface.text), after == wanted else {
      throw YAMLEditError(
        "\(file): '\(YAMLEditor.words(path))' cannot be changed without changing more, as where "
          + "anchors share a value; edit the file by hand")
    }
    text = surface.text
  }

  /// What a path leads to.
  private static func value(_ value: Value, _ path: ArraySlice<Step>) -> Value? {
    var value = value
    for step in path {
      switch step {
      case .key(let key):
        guard let inner = value[key] else { return nil }
        value = inner
      case .index(let index):
        guard let list = value.list, list.indices.contains(index) else { return nil }
        value = list[index]
      }
    }
    return value
  }

  private func read(_ text: String) throws(YAMLEditError) -> Value {
    let (node, problems) = YAMLReader.read(text, file: file)
    guard let node, !problems.contains(where: { $0.severity == .error }) else {
      let words = problems.first.map { $0.rendered { _ in nil } } ?? "it is no YAML"
      throw YAMLEditError(words)
    }
    return node.value
  }

  /// The value with another one inside; nil where the path leads nowhere.
  static func setting(_ value: Value, _ path: ArraySlice<Step>, to new: Value) -> Value? {
    guard let step = path.first else { return new }
    switch step {
    case .key(let key):
      guard var map = value.isNull ? [:] : value.map else { return nil }
      guard let inner = setting(map[key] ?? .null, path.dropFirst(), to: new) else { return nil }
      map[key] = inner
      return .map(map)
    case .index(let index):
      guard var list = value.list, list.indices.contains(index),
        let inner = setting(list[index], path.dropFirst(), to: new)
      else { return nil }
      list[index] = inner
      return .list(list)
    }
  }

  static func words(_ path: [Step]) -> String {
    path.map { step in
      switch step {
      case .key(let key): key
      case .index(let index): String(index)
      }
    }.joined(separator: ".")
  }
}

/// Why a value cannot be changed in its file.
public struct YAMLEditError: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String

  public init(_ description: String) { self.description = description }
}
