import Formats
import Foundation
import StructuredValue
import Testing

/// Values of an independent reference program (float64, HiGHS).
enum Reference {
  static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("Fixtures")

  static func vectors() throws -> Value { try read("vectors.json") }
  static func tinyNetworks() throws -> Value { try read("tiny-nets.json") }

  private static func read(_ name: String) throws -> Value {
    try JSONText.read(FileContent(path: fixtures.appendingPathComponent(name).path))
  }
}

extension Value {
  /// A number, or NaN, which no comparison accepts.
  var number: Double { double ?? .nan }
  var numbers: [Double] { list?.map(\.number) ?? [] }
}
