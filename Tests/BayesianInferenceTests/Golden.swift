import Foundation
import StructuredValue

/// Values computed independently (NumPy, SciPy, ArviZ), and data with long-run references.
enum Golden {
  static func section(_ name: String) throws -> [String: Value] {
    let value = try Value(json: try Data(contentsOf: fixture("golden.json")))
    return value.map?[name]?.map ?? [:]
  }

  static func list(_ name: String) throws -> [Value] {
    let value = try Value(json: try Data(contentsOf: fixture("golden.json")))
    return value.map?[name]?.list ?? []
  }

  /// Rows of numbers of a file without header.
  static func rows(_ name: String) throws -> [[Double]] {
    try String(contentsOf: fixture(name), encoding: .utf8).split(separator: "\n").map { line in
      line.split(separator: ",").map { Double($0) ?? .nan }
    }
  }

  /// Rows of numbers of a problem's file, below its header.
  static func problem(_ name: String) throws -> [[Double]] {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    return try String(
      contentsOf: root.appendingPathComponent(
        "\(name.hasSuffix("reference") ? "Tests/BayesianInferenceTests/Fixtures" : "Pipelines/bnn")/\(name).csv"
      ), encoding: .utf8
    ).split(separator: "\n").dropFirst().map { line in
      line.split(separator: ",").map { Double($0) ?? .nan }
    }
  }

  private static func fixture(_ name: String) -> URL {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Fixtures/\(name)")
  }
}

extension Value {
  var number: Double { double ?? int.map(Double.init) ?? .nan }
  var numbers: [Double] { (list ?? []).map(\.number) }
  var matrix: [[Double]] { (list ?? []).map(\.numbers) }
}

extension [String: Value] {
  func number(_ key: String) -> Double { self[key]?.number ?? .nan }
  func numbers(_ key: String) -> [Double] { self[key]?.numbers ?? [] }
}

/// Whether all numbers agree to an absolute distance.
func agree(_ first: [Double], _ second: [Double], _ tolerance: Double = 1e-9) -> Bool {
  first.count == second.count && zip(first, second).allSatisfy { abs($0 - $1) <= tolerance }
}
