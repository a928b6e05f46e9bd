import Foundation
import SmartDeal
import StructuredValue

/// Figures and files that were computed independently of this code.
enum Reference {
  static func file(_ name: String) throws -> Value {
    let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Fixtures/\(name)")
    return try Value(json: try Data(contentsOf: path))
  }

  /// The figures of published networks, which many cases look at.
  static let golden = Result { try file("golden.json") }
}
