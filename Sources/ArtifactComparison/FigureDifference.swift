public import StructuredValue

/// How two Vega-Lite figures differ: in the data they show and in how they show them.
public struct FigureDifference: Hashable, Sendable {
  /// A list of data rows.
  public struct Data: Hashable, Sendable {
    /// Where in the figure, such as `data` or `layer[1].data`.
    public var path: String
    public var oldRows: Int
    public var newRows: Int
    /// Rows that the other figure doesn't have, whatever their order.
    public var removed: Int
    public var added: Int
    /// Cell by cell, where both have as many rows.
    public var cells: JSONDifference?

    var lines: [String] {
      let head =
        "\(path): \(oldRows) → \(newRows) rows, \(removed) removed, \(added) added"
        + (removed + added == 0 ? ", order changed" : "")
      return [head] + (cells?.lines.map { "  " + $0 } ?? [])
    }

    var value: Value {
      [
        "path": .string(path), "oldRows": .int(oldRows), "newRows": .int(newRows),
        "removed": .int(removed), "added": .int(added), "cells": cells?.value ?? nil,
      ]
    }
  }

  public var data: [Data]
  /// Marks, encodings, titles: everything but data rows.
  public var drawing: JSONDifference?

  /// Compares two figures; nil where they are equal within the tolerance.
  public init?(old: Value, new: Value, options: ComparisonOptions = ComparisonOptions()) {
    var oldRows: [String: [Value]] = [:]
    var newRows: [String: [Value]] = [:]
    let oldDrawing = FigureDifference.split(old, path: "", &oldRows)
    let newDrawing = FigureDifference.split(new, path: "", &newRows)
    drawing = JSONDifference(old: oldDrawing, new: newDrawing, options: options)
    data = Set(oldRows.keys).union(newRows.keys).sorted().compactMap { path in
      FigureDifference.data(path, oldRows[path] ?? [], newRows[path] ?? [], options)
    }
    if data.isEmpty && drawing == nil { return nil }
  }

  private static func data(
    _ path: String, _ old: [Value], _ new: [Value], _ options: ComparisonOptions
  ) -> Data? {
    let cells = JSONDifference(old: .list(old), new: .list(new), options: options)
    guard let cells else { return nil }
    var balance: [Value: Int] = [:]
    for row in old { balance[row, default: 0] -= 1 }
    for row in new { balance[row, default: 0] += 1 }
    return Data(
      path: path, oldRows: old.count, newRows: new.count,
      removed: -balance.values.reduce(0) { $0 + min($1, 0) },
      added: balance.values.reduce(0) { $0 + max($1, 0) },
      cells: old.count == new.count ? cells : nil)
  }

  /// The figure without its data rows, which go to `rows` by path.
  private static func split(
    _ value: Value, path: String, _ rows: inout [String: [Value]]
  ) -> Value {
    switch value {
    case .map(let members):
      var rest: [String: Value] = [:]
      // A figure has one table per name, so that the order in which they are found is irrelevant.
      for (name, member) in members {
        let place = path.isEmpty ? name : "\(path).\(name)"
        if name == "data", case .map(var source) = member, case .list(let list)? = source["values"]
        {
          rows[place] = list
          source["values"] = nil
          rest[name] = .map(source)
        } else if name == "datasets", path.isEmpty, case .map(let sets) = member {
          for (set, list) in sets { rows["datasets.\(set)"] = list.list ?? [list] }
        } else {
          rest[name] = split(member, path: place, &rows)
        }
      }
      return .map(rest)
    case .list(let elements):
      return .list(
        elements.enumerated().map { split($1, path: "\(path)[\($0)]", &rows) })
    default: return value
    }
  }

  var lines: [String] {
    data.flatMap(\.lines) + (drawing?.lines.map { "drawing: " + $0 } ?? [])
  }

  var value: Value { ["data": .list(data.map(\.value)), "drawing": drawing?.value ?? nil] }

  var first: FirstDifference? {
    if let change = data.first {
      guard let cell = change.cells?.first else {
        return FirstDifference(
          place: change.path, old: "\(change.oldRows) rows", new: "\(change.newRows) rows")
      }
      return FirstDifference(place: change.path + cell.place, old: cell.old, new: cell.new)
    }
    return drawing?.first
  }
}
