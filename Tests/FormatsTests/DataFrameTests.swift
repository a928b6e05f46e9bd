import Formats
import Testing

struct DataFrameTests {
  private func frame(
    titles: [String], blocks: [(values: PickledValue, places: PickledValue)]
  ) -> PickledValue {
    func dict(_ pairs: [(String, PickledValue)]) -> PickledValue {
      .dict(pairs.map { PickledPair(.string($0.0), $0.1) })
    }
    let names = PickledValue.objectArray(
      shape: [titles.count], elements: titles.map { .string($0) })
    let header = PickledValue.object(
      PickledObject(
        type: "pandas.core.indexes.base _new_Index",
        arguments: [.global("pandas.core.indexes.base Index"), dict([("data", names)])]))
    let content = dict([
      ("axes", .list([header])),
      ("blocks", .list(blocks.map { dict([("values", $0.values), ("mgr_locs", $0.places)]) })),
    ])
    let manager = PickledObject(
      type: "pandas.core.internals.managers BlockManager",
      state: .tuple([.list([]), .list([]), .list([]), dict([("0.14.1", content)])]))
    return .object(
      PickledObject(
        type: "pandas.core.frame DataFrame", state: dict([("_data", .object(manager))])))
  }

  private func slice(_ start: Int, _ stop: Int, _ step: Int) -> PickledValue {
    .object(
      PickledObject(type: "builtins slice", arguments: [.int(start), .int(stop), .int(step)]))
  }

  @Test func `blocks are put back into columns, typed by their cells`() throws {
    let numbers = PickledValue.array(TensorData([1.5, 2, 3, 4], shape: [2, 2]))
    let objects = PickledValue.objectArray(
      shape: [3, 2],
      elements: [.int(1), .none, .bool(true), .string("timeout"), .bool(true), .bool(false)])
    let table = try Table(
      dataFrame: frame(
        titles: ["a", "b", "c", "d", "e"],
        blocks: [(numbers, slice(0, 4, 2)), (objects, .array(TensorData([1, 3, 4], shape: [3])))]),
      name: "t")
    #expect(table.columnNames == ["a", "b", "c", "d", "e"])
    #expect(table["a"] == .doubles([1.5, 2]) && table["c"] == .doubles([3, 4]))
    let mixed = try table.doubles("b")
    #expect(mixed[0] == 1 && mixed[1].isNaN)
    #expect(table["d"] == .strings(["True", "timeout"]))
    #expect(table["e"] == .bools([true, false]))
  }

  @Test func `frames that lie about their columns are refused`() {
    let numbers = PickledValue.array(TensorData([1.5, 2], shape: [1, 2]))
    let longer = PickledValue.array(TensorData([1.5, 2, 3], shape: [1, 3]))
    let cases: [PickledValue] = [
      .none, .object(PickledObject(type: "pandas.core.frame DataFrame")),
      frame(titles: ["a"], blocks: [(numbers, slice(1, 2, 1))]),
      frame(titles: ["a"], blocks: [(numbers, slice(0, 2, 1))]),
      frame(titles: ["a"], blocks: [(numbers, slice(0, 1, 0))]),
      frame(titles: ["a"], blocks: [(numbers, slice(0, 1, 1)), (numbers, slice(0, 1, 1))]),
      frame(titles: ["a", "b"], blocks: [(numbers, slice(0, 1, 1))]),
      frame(titles: ["a", "a"], blocks: [(numbers, slice(0, 1, 1)), (numbers, slice(1, 2, 1))]),
      frame(titles: ["a", "b"], blocks: [(numbers, slice(0, 1, 1)), (longer, slice(1, 2, 1))]),
    ]
    for value in cases {
      #expect(throws: FormatError.self) { try Table(dataFrame: value, name: "t") }
    }
  }

  @Test(
    .enabled(if: Mirror.isPresent, "\(Mirror.isMissing)"),
    arguments: [
      ("cifar_exp/base_easy", 641, 17), ("cifar_exp/base_med", 525, 17),
      ("cifar_exp/base_hard", 500, 17), ("cifar_exp/wide", 306, 17), ("cifar_exp/deep", 250, 17),
      ("verification_100/base_100", 100, 3), ("verification_100/wide_100", 100, 3),
      ("verification_100/deep_100", 100, 3), ("verification_20/base_20", 20, 3),
      ("verification_20/wide_20", 20, 3), ("verification_20/deep_20", 20, 3),
    ])
  func `a property table has the published size`(name: String, rows: Int, width: Int) throws {
    let path = Mirror.path(.branching, "\(name).pkl")
    let table = try Table(dataFrame: Pickle.read(path: path), name: path)
    #expect(table.rowCount == rows && table.columns.count == width)
    #expect(try table.ints("Idx").allSatisfy { (0..<10000).contains($0) })
    #expect(try table.doubles("Eps").allSatisfy { $0 > 0.06 && $0 < 0.26 })
    #expect(try table.ints("prop").allSatisfy { (0..<10).contains($0) })
  }

  @Test(.enabled(if: Mirror.isPresent, "\(Mirror.isMissing)"))
  func `the easy properties have the sums that Python finds`() throws {
    let path = Mirror.path(.branching, "cifar_exp/base_easy.pkl")
    let table = try Table(dataFrame: Pickle.read(path: path), name: path)
    #expect(try table.ints("Idx").reduce(0, +) == 2_901_360)
    #expect(try table.doubles("Eps").reduce(0, +) == 105.29000000000006)
    #expect(try table.strings("BSAT_KW").prefix(1) == ["False"])
    #expect(try table.doubles("BTime_gnnkwTO").last == 49.34378385543823)
  }
}
