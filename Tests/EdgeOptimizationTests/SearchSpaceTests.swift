import EdgeOptimization
import Foundation
import StructuredValue
import Testing

struct SearchSpaceTests {
  @Test func `a cell's text reads as its digits`() throws {
    let cell =
      "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+"
      + "|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"
    #expect(try NASBench201.design(cell: cell) == [4, 2, 1, 2, 1, 1])
  }

  @Test(arguments: [
    ("421", "design '421' has 3 characters; nasbench201 needs 6 digits"),
    ("421251", "position 4 of a nasbench201 design is 5; allowed are 0…4"),
  ])
  func `digits that are no cell are refused`(text: String, message: String) {
    let error = #expect(throws: EdgeError.self) { try SearchSpace.nasbench201.design(text) }
    #expect(error?.message == message)
  }

  @Test(arguments: [
    ("|none~0|", "has 1 nodes, not 3"),
    ("|none~0|+|none~0|none~0|+|none~0|none~1|none~2|", "it must end in '~1'"),
    ("|none~0|+|none~0|none~1|+|none~0|conv~1|none~2|", "unknown operation 'conv'"),
  ])
  func `cells that are none say which edge is wrong`(cell: String, part: String) {
    let error = #expect(throws: EdgeError.self) { try NASBench201.design(cell: cell) }
    #expect(error?.message.contains(part) == true)
  }

  @Test func `an FBNet operation over 8 is refused`() {
    let design = [Int](repeating: 0, count: 21) + [9]
    let error = #expect(throws: EdgeError.self) { try SearchSpace.fbnet.validate(design) }
    #expect(error?.message == "position 21 of a fbnet design is 9; allowed are 0…8")
  }

  @Test func `cells without a path, distinct cells and costs count as known`() throws {
    let all = (0..<15_625).map { number in
      (0..<6).map { number / [1, 5, 25, 125, 625, 3125][$0] % 5 }
    }
    let facts = try Mirror.expected("nb201_facts")
    #expect(all.count { !NASBench201.isConnected($0) } == facts["disconnected"]?.int)
    let distinct = Set(all.map(NASBench201.effective)).count
    #expect(distinct == facts["distinct_effective_cells_by_edge_pruning"]?.int)
    let costs = all.map(NASBench201.operationsCIFAR10)
    #expect([costs.min(), costs.max()] == facts["flops_cifar10_min_max"]?.list?.map(\.int))
  }
}

struct DeviceTablesTests {
  @Test func `a table reads back as it was written, gaps included`() throws {
    let path = temporaryFile("index,design,phone,gpu\n1,000011,2.5,\n0,000010,1,0.25\n")
    let tables = try DeviceTables(csv: path)
    #expect(tables.indices == [0, 1])
    #expect(tables.csv == "index,design,phone,gpu\n0,000010,1.0,0.25\n1,000011,2.5,\n")
  }

  @Test(arguments: [
    ("index,a\n0,1\n0,2\n", "the index 0 occurs twice"),
    ("index,a\n0,1\n7,-1\n", "'a', index 7: -1.0 is no positive finite value"),
    ("index,a\n0,1\n7,0\n", "'a', index 7: 0.0 is no positive finite value"),
  ])
  func `rows that are no measurements are refused`(text: String, part: String) {
    let error = #expect(throws: EdgeError.self) {
      try DeviceTables(csv: temporaryFile(text))
    }
    #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
  }

  @Test func `a mix of seconds and milliseconds is suspected`() throws {
    let tables = try DeviceTables(
      indices: [0, 1], devices: ["a", "b"], values: [[1, 2], [1000, 2000]])
    #expect(tables.warnings().first?.contains("is one in ms and the other in s?") == true)
  }

  @Test func `clusters hold only devices that all agree`() async throws {
    let tables = try DeviceTables(
      indices: [0, 1, 2, 3], devices: ["a", "b", "c"],
      values: [[1, 2, 3, 4], [1, 2, 3, 5], [4, 3, 2, 1]])
    let agreement = await RankAgreement(tables, workers: 1)
    #expect(agreement.clusters(above: 0.9) == [[0, 1], [2]])
    #expect(agreement.suggestedProxies(above: 0.9).map(\.proxy) == [0, 2])
  }
}

func temporaryFile(_ text: String) -> String {
  let path = NSTemporaryDirectory() + "edge-\(UUID().uuidString).csv"
  FileManager.default.createFile(atPath: path, contents: Data(text.utf8))
  return path
}
