import StructuredValue

/// Two figures in one, on common axes: the earlier one pale, the later one over it.
enum FigureOverlay {
  /// Vega-Lite of both figures as layers.
  ///
  /// - Returns: Nil where one is no single or layered view, or where they show different fields, so
  ///   that common axes would mean nothing.
  static func specification(_ before: String, _ after: String) -> String? {
    guard let old = try? Value(json: before), let new = try? Value(json: after),
      isLayerable(old), isLayerable(new), axes(old) == axes(new)
    else { return nil }
    var whole: [String: Value] = ["layer": [layer(old, isPale: true), layer(new, isPale: false)]]
    for name in ["$schema", "title", "width", "height", "config", "background"] {
      whole[name] = new[name]
    }
    return Value.map(whole).json()
  }

  private static func isLayerable(_ figure: Value) -> Bool {
    // Named data would collide, and composed views have no common axes.
    let composing = ["datasets", "facet", "hconcat", "vconcat", "concat", "repeat", "spec"]
    guard composing.allSatisfy({ figure[$0] == nil }) else { return false }
    let channels = figure["encoding"]?.map ?? [:]
    guard ["row", "column", "facet"].allSatisfy({ channels[$0] == nil }) else { return false }
    return figure["mark"] != nil || figure["layer"]?.list?.allSatisfy(isLayerable) == true
  }

  /// The fields and types on the axes of the figure's views, in their order.
  private static func axes(_ figure: Value) -> [Value] {
    let own = ["x", "y"].map { axis -> Value in
      let channel = figure["encoding"]?[axis]
      return [channel?["field"] ?? .null, channel?["type"] ?? .null]
    }
    return own + (figure["layer"]?.list ?? []).flatMap(axes)
  }

  private static func layer(_ figure: Value, isPale: Bool) -> Value {
    guard case .map(var members) = figure else { return figure }
    for name in [
      "$schema", "title", "width", "height", "config", "background", "params", "usermeta",
    ] { members[name] = nil }
    if let layers = members["layer"]?.list {
      members["layer"] = .list(layers.map { layer($0, isPale: isPale) })
    }
    if isPale, let mark = members["mark"] {
      var pale = mark.map ?? ["type": mark]
      pale["opacity"] = 0.3
      members["mark"] = .map(pale)
    }
    return .map(members)
  }
}
