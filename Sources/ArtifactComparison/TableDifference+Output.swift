import StructuredValue

extension TableDifference {
  var lines: [String] {
    var lines: [String] = []
    lines += addedColumns.map { "column '\($0)' added" }
    lines += removedColumns.map { "column '\($0)' removed" }
    lines += retypedColumns.map { "column \($0)" }
    if isColumnOrderChanged { lines.append("columns in another order") }
    var rows = "rows: \(oldRowCount) → \(newRowCount), \(removedRows) removed, \(addedRows) added"
    switch matching {
    case .key(let names):
      rows += ", \(changedRows) changed (by \(names.joined(separator: ", ")))"
    case .multiset: rows += " (without a key)"
    }
    lines.append(rows)
    lines += list(removedKeys, of: removedRows, sign: "-")
    lines += list(addedKeys, of: addedRows, sign: "+")
    for column in columns {
      var line = "column '\(column.name)': mean "
      line += NumberFormat.change(column.oldMean, column.newMean)
      if column.changed > 0 {
        line += "; \(column.changed) cells, largest |Δ| \(NumberFormat.short(column.largestDelta))"
      }
      lines.append(line)
    }
    for cell in cells {
      let delta = cell.delta.map { ", Δ \(NumberFormat.signed($0))" } ?? ""
      let texts = (NumberFormat.clip(cell.old), NumberFormat.clip(cell.new))
      lines.append("  [\(cell.key)] \(cell.column): \(texts.0) → \(texts.1)\(delta)")
    }
    if changedCells > cells.count {
      lines.append("  and \(changedCells - cells.count) more cells")
    }
    return lines
  }

  private func list(_ keys: [String], of count: Int, sign: String) -> [String] {
    keys.map { "  \(sign) \(NumberFormat.clip($0))" }
      + (count > keys.count ? ["  \(sign) and \(count - keys.count) more"] : [])
  }

  var value: Value {
    func texts(_ texts: [String]) -> Value { .list(texts.map { .string($0) }) }
    let key: Value =
      switch matching {
      case .key(let names): texts(names)
      case .multiset: nil
      }
    return [
      "key": key, "addedColumns": texts(addedColumns), "removedColumns": texts(removedColumns),
      "retypedColumns": texts(retypedColumns), "columnOrderChanged": .bool(isColumnOrderChanged),
      "oldRows": .int(oldRowCount), "newRows": .int(newRowCount), "addedRows": .int(addedRows),
      "removedRows": .int(removedRows), "changedRows": .int(changedRows),
      "changedCells": .int(changedCells), "added": texts(addedKeys),
      "removed": texts(removedKeys),
      "columns": .list(
        columns.map {
          [
            "name": .string($0.name), "changed": .int($0.changed),
            "largestDelta": .double($0.largestDelta), "meanDelta": .double($0.meanDelta),
            "oldMean": .double($0.oldMean), "newMean": .double($0.newMean),
          ]
        }),
      "cells": .list(
        cells.map {
          [
            "key": .string($0.key), "row": .int($0.row), "column": .string($0.column),
            "old": .string($0.old), "new": .string($0.new),
            "delta": $0.delta.map { .double($0) } ?? nil,
          ]
        }),
    ]
  }

  var first: FirstDifference? {
    let schema =
      addedColumns.map { ($0, "missing", "present") }
      + removedColumns.map { ($0, "present", "missing") }
    if let (name, old, new) = schema.first {
      return FirstDifference(place: "column '\(name)'", old: old, new: new)
    }
    if let firstCell {
      return FirstDifference(
        place: "row \(firstCell.row), column '\(firstCell.column)'",
        old: NumberFormat.clip(firstCell.old), new: NumberFormat.clip(firstCell.new))
    }
    if let row = removedKeys.first {
      return FirstDifference(
        place: "row '\(NumberFormat.clip(row))'", old: "present", new: "missing")
    }
    if let row = addedKeys.first {
      return FirstDifference(
        place: "row '\(NumberFormat.clip(row))'", old: "missing", new: "present")
    }
    return FirstDifference(
      place: "columns", old: "\(oldRowCount) rows",
      new: retypedColumns.first ?? "columns in another order")
  }
}
