import Foundation
import Formats
import Testing

private func table(_ text: String, _ options: CSV.Options = .init()) throws -> Table {
  try CSV.read(FileContent(text.utf8, name: "t.csv"), options)
}

struct CSVTests {
  @Test func `types follow from the cells`() throws {
    let table = try table("a,b,c,d,e\n1,2,true,x,000123\n-5,2.5,False,y,000444\n")
    #expect(table.columnNames == ["a", "b", "c", "d", "e"])
    #expect(table["a"] == .ints([1, -5]))
    #expect(table["b"] == .doubles([2, 2.5]))
    #expect(table["c"] == .bools([true, false]))
    #expect(table["d"] == .strings(["x", "y"]))
    #expect(table["e"] == .strings(["000123", "000444"]))
    #expect(table["f"] == nil)
    #expect(table.rowCount == 2)
  }

  @Test func `quotes, CRLF, embedded line ends and a byte-order mark are understood`() throws {
    let table = try table("\u{FEFF}name,note\r\n\"a,b\",\"say \"\"hi\"\"\"\r\n\"x\r\ny\",\"\"\r\n")
    #expect(table["name"] == .strings(["a,b", "x\r\ny"]))
    #expect(table["note"] == .strings(["say \"hi\"", ""]))
  }

  @Test func `empty cells are NaN among numbers and empty lines are skipped`() throws {
    let table = try table("a,b\n\n1,\n,2\n\n")
    let first = try table.doubles("a")
    #expect(first[0] == 1 && first[1].isNaN)
    #expect(try table.doubles("b")[1] == 2)
  }

  @Test func `types and names can be given`() throws {
    let options = CSV.Options(
      separator: ";", columnNames: ["k", "v"], types: ["k": .string, "v": .double])
    let table = try table("1;2\n3;4", options)
    #expect(table["k"] == .strings(["1", "3"]))
    #expect(table["v"] == .doubles([2, 4]))
  }

  @Test(arguments: [
    ("a,b\n1,2\n3\n", "row 3: 1 cells on line 3; expected 2, as in the first row"),
    ("a,b\n\"1\n1\",2\n3,4,5\n", "row 3: 3 cells on line 4; expected 2, as in the first row"),
    ("a,b\n1,\"2\n", "row 2, column 2: a quoted cell that never ends; expected a closing quote"),
    (
      "a,b\n1,x\"y\n",
      "row 2, column 2: a quote inside a cell that does not start with one; "
        + "expected the whole cell in quotes, and quotes in it doubled"
    ),
    (
      "a,b\n\"1\"x,2\n",
      "row 2, column 1: text after a closing quote; expected a separator or the line's end"
    ),
    ("a,b\nx\ry,2\n", "row 2, column 1: a carriage return inside a cell; expected quotes"),
    ("a,b,a\n1,2,3\n", "row 1, column 3: a second column 'a'; expected another name"),
    ("", "no rows; expected at least a header"),
  ])
  func `a malformed file is refused with its place`(text: String, message: String) throws {
    let error = #expect(throws: FormatError.self) { try table(text) }
    #expect(error?.description == "t.csv: " + message)
  }

  @Test func `text that is not UTF-8 is refused`() throws {
    let content = FileContent([0x61, 0x0A, 0xFF, 0x0A], name: "t.csv")
    let error = #expect(throws: FormatError.self) { try CSV.read(content) }
    #expect(error?.place == .row(2, column: 1))
  }

  @Test func `a cell that is not of the given type is named`() throws {
    let error = #expect(throws: FormatError.self) {
      try table("a\n1\nx\n", .init(types: ["a": .double]))
    }
    #expect(error?.description == "t.csv: row 3, column 1: 'x'; expected a number")
  }

  @Test func `a missing or mistyped column is named`() throws {
    let table = try table("a,b\nx,1\n")
    #expect(throws: FormatError.self) { try table.column("c") }
    let error = #expect(throws: FormatError.self) { try table.doubles("a") }
    #expect(error?.description == "t.csv: column 'a' of type string; expected numbers")
    #expect(try table.ints("b") == [1])
    #expect(try table.strings("b") == ["1"])
  }

  @Test func `numbers read back to the same bits`() throws {
    var state: UInt64 = 7
    var numbers: [Double] = [
      0.1, -0.0, .leastNonzeroMagnitude, 1.7976931348623157e308, .infinity, 1e22, 1e23,
    ]
    for _ in 0..<5000 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let number = Double(bitPattern: state ^ state >> 29)
      if number.isFinite { numbers.append(number) }
    }
    var table = Table()
    table.append(.doubles(numbers), named: "x")
    table.append(.ints(numbers.indices.map { $0 - 3 }), named: "i, \"quoted\"")
    let back = try CSV.read(FileContent(CSV.text(table).utf8, name: "back.csv"))
    #expect(try back.doubles("x").map(\.bitPattern) == numbers.map(\.bitPattern))
    #expect(back["i, \"quoted\""] == table["i, \"quoted\""])
  }

  @Test func `text is quoted only where it must be`() throws {
    var table = Table()
    table.append(.strings(["", "a,b", "\"q\"", "x\ny", " "]), named: "only")
    #expect(CSV.text(table) == "only\n\"\"\n\"a,b\"\n\"\"\"q\"\"\"\n\"x\ny\"\n \n")
    #expect(try CSV.read(FileContent(CSV.text(table).utf8, name: "t"))["only"] == table["only"])
  }

  @Test(arguments: [
    ("9223372036854775807", Int.max), ("-9223372036854775808", Int.min), ("0", 0), ("-1", -1),
  ])
  func `an integer of any size is exact`(text: String, number: Int) throws {
    #expect(try table("a\n\(text)\n")["a"] == .ints([number]))
  }

  @Test(arguments: ["9223372036854775808", "-0", "1.", ".5", "1e3", "+2", "nan", "-inf"])
  func `other numbers are doubles`(text: String) throws {
    guard case .doubles(let cells) = try table("a\n\(text)\n")["a"] else {
      Issue.record("no doubles")
      return
    }
    #expect(cells[0].bitPattern == (Double(text) ?? .nan).bitPattern || cells[0].isNaN)
  }

  @Test(arguments: ["1e", "e5", ".", "-", "0x10", "1_000", "1e400", "infinite", "1 "])
  func `what only looks like a number stays text`(text: String) throws {
    #expect(try table("a\n\(text)\n")["a"] == .strings([text]))
  }

  @Test func `tables without separators but spaces are read`() throws {
    let content = FileContent("  1.5\t2\r\n\n 3 4 \n".utf8, name: "d.txt")
    let table = try CSV.readWhitespaceSeparated(content)
    #expect(table["column1"] == .doubles([1.5, 3]))
    #expect(table["column2"] == .ints([2, 4]))
    let ragged = FileContent("1 2\n3\n".utf8, name: "d.txt")
    #expect(throws: FormatError.self) { try CSV.readWhitespaceSeparated(ragged) }
  }

  // Looking each name up among all before it took minutes.
  @Test(.timeLimit(.minutes(1)))
  func `very many columns are read in linear time`() throws {
    let names = (0..<300_000).map { String($0, radix: 36) }
    let content = FileContent(names.joined(separator: ",").utf8, name: "wide.csv")
    let table = try CSV.read(content)
    #expect(table.columnNames == names)
    #expect(names.allSatisfy { table[$0] == .strings([]) })
  }

  @Test func `a missing file is an error with its path`() {
    let error = #expect(throws: FormatError.self) { try CSV.read(path: "no/such.csv") }
    #expect(error?.description == "no/such.csv: No such file or directory")
    #expect(throws: FormatError.self) { try CSV.read(path: "/") }
  }

  @Test(.enabled(if: Mirror.isPresent, "\(Mirror.isMissing)"))
  func `the transformer latencies have 2000 rows`() throws {
    let path = Mirror.path(.transformers, "latency_dataset/wmt14ende_cpu_xeon_all.csv")
    let table = try CSV.read(path: path)
    #expect(table.rowCount == 2000)
    #expect(table.columns.allSatisfy { $0.doubles != nil })
  }

  @Test(.enabled(if: Mirror.isPresent, "\(Mirror.isMissing)"))
  func `the Boston housing data has 506 rows of 14 numbers`() throws {
    let path = Mirror.path(.dropout, "UCI_Datasets/bostonHousing/data/data.txt")
    let table = try CSV.readWhitespaceSeparated(FileContent(path: path))
    #expect(table.rowCount == 506 && table.columns.count == 14)
    let prices = try table.doubles("column14")
    #expect(abs(prices.reduce(0, +) / 506 - 22.532806324) < 1e-6)
  }
}
