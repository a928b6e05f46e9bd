import StructuredValue

// Maps of parameters, read and changed by dotted paths.

func merged(_ old: Value, _ new: Value) -> Value {
  guard case .map(let first) = old, case .map(let second) = new else { return new }
  return .map(first.merging(second) { merged($0, $1) })
}

/// The dotted paths of all values that are no maps.
func leaves(_ value: Value, _ prefix: String = "") -> [String] {
  (value.map ?? [:]).sorted { $0.key < $1.key }.flatMap { key, member in
    let path = prefix.isEmpty ? key : "\(prefix).\(key)"
    return member.map?.isEmpty ?? true ? [path] : leaves(member, path)
  }
}

/// Whether a value can stand for a parameter that has another one: a mistyped number would reach
/// a command as a text, and few commands complain.
func isAlike(_ old: Value, _ new: Value) -> Bool {
  switch (old, new) {
  case (.null, _), (_, .null), (.string, _), (.bool, .bool), (.list, .list), (.map, .map): true
  case (.int, .int), (.int, .double), (.double, .int), (.double, .double): true
  default: false
  }
}

func setting(_ value: Value, _ path: ArraySlice<String>, _ new: Value) -> Value {
  guard let first = path.first, case .map(var map) = value else { return new }
  map[first] = setting(map[first] ?? .null, path.dropFirst(), new)
  return .map(map)
}
