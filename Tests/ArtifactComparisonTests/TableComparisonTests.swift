import ArtifactComparison
import Testing

struct TableComparisonTests {
  @Test func `rows are matched by a unique first column`() throws {
    let comparison = try compareTexts(
      "table/csv", "k,v,s\na,1,x\nb,2,y\nc,3,z\n", "k,v,s\nd,9,n\nc,3.5,z\na,1,w\n")
    #expect(
      comparison.lines == [
        "column v: int → double", "rows: 3 → 3, 1 removed, 1 added, 2 changed (by k)", "  - b",
        "  + d", "column 'v': mean 2 → 4.5, Δ +2.5 (+125 %); 1 cells, largest |Δ| 0.5",
        "  [c] v: 3 → 3.5, Δ +0.5", "  [a] s: x → w",
      ])
    #expect(comparison.first?.description == "row 2, column 'v': 3 → 3.5")
  }

  @Test func `another order of rows is no difference between tables`() throws {
    let comparison = try compareTexts("table/csv", "k,v\na,1\nb,2\n", "k,v\nb,2\na,1\n")
    #expect(comparison.fallbackReason?.hasPrefix("the content is equal") == true)
  }

  @Test func `key columns can be given, and serve only where they are unique`() throws {
    let old = "k,i,v\na,1,1\na,2,2\n"
    let new = "k,i,v\na,1,1\na,2,5\n"
    let keyed = try compareTexts("table/csv", old, new, .init(keyColumns: ["k", "i"]))
    #expect(keyed.lines.first == "rows: 2 → 2, 0 removed, 0 added, 1 changed (by k, i)")
    #expect(keyed.lines.last == "  [a, 2] v: 2 → 5, Δ +3")
    let unkeyed = try compareTexts("table/csv", old, new)
    #expect(
      unkeyed.lines == [
        "rows: 2 → 2, 1 removed, 1 added (without a key)", "  - a, 2, 2", "  + a, 2, 5",
        "column 'v': mean 1.5 → 3, Δ +1.5 (+100 %)",
      ])
    #expect(unkeyed.first?.description == "row 'a, 2, 2': present → missing")
  }

  @Test func `a comma in a cell does not make two keys one`() throws {
    let comparison = try compareTexts(
      "table/csv", "a,b,v\n\"x, y\",z,1\nx,\"y, z\",2\n", "a,b,v\n\"x, y\",z,1\nx,\"y, z\",3\n",
      .init(keyColumns: ["a", "b"]))
    #expect(comparison.lines.last == "  [x, y, z] v: 2 → 3, Δ +1")
  }

  @Test func `columns that come, go or move are named`() throws {
    let comparison = try compareTexts("table/csv", "k,a,b\n1,2,3\n", "k,b,c\n1,3,4\n")
    #expect(
      comparison.lines == [
        "column 'c' added", "column 'a' removed",
        "rows: 1 → 1, 0 removed, 0 added, 0 changed (by k)",
      ])
    let moved = try compareTexts("table/csv", "k,a,b\n1,2,3\n", "k,b,a\n1,3,2\n")
    #expect(moved.lines.first == "columns in another order")
  }

  @Test func `of many changes the largest are listed and all are counted`() throws {
    var (old, new) = ("k,v\n", "k,v\n")
    for row in 0..<5000 {
      old += "\(row),0.0\n"
      // 7919 and 5000 have no common factor: every size from 0 to 4999 occurs once.
      new += "\(row),\(Double(row * 7919 % 5000))\n"
    }
    let comparison = try compareTexts("table/csv", old, new, .init(limit: 3))
    guard case .table(let table) = comparison.difference else {
      Issue.record("no table")
      return
    }
    #expect(table.cells.map(\.delta) == [4999, 4998, 4997])
    #expect(table.changedCells == 4999 && table.changedRows == 4999)
    #expect(table.columns.first?.meanDelta == 2499.5)
    #expect(comparison.lines.last == "  and 4996 more cells")
    #expect(comparison.first?.place == "row 2, column 'v'")
  }

  @Test func `a tolerance hides noise and NaN equals NaN`() throws {
    let comparison = try compareTexts(
      "table/csv", "k,v\na,100.0\nb,nan\nc,1\n", "k,v\na,100.5\nb,nan\nc,2\n",
      .init(tolerance: 0.01))
    #expect(comparison.lines.last == "  [c] v: 1.0 → 2.0, Δ +1")
    #expect(comparison.lines.count == 3)
  }
}
