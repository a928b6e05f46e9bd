import Foundation
import StructuredValue

/// An output of the kind `metrics`: a JSON object whose numbers are metrics of the stage.
enum MetricsFile {
  /// More bytes than this are no list of metrics.
  static let largest = 1 << 20

  struct Problem: Error, CustomStringConvertible {
    let description: String
  }

  /// The numbers of a file by name, those of nested objects by names such as `test.accuracy`.
  ///
  /// Null is a metric that is undefined here; texts and lists are no metrics. Where an object has a
  /// `value`, that is the metric.
  ///
  /// - Throws: `Problem` where the file is no JSON object.
  static func read(_ path: String) throws -> [String: Value] {
    let size = (try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? Int ?? 0
    guard size <= largest else {
      throw Problem(description: "is of kind 'metrics' and has \(size) bytes, more than 1 MiB")
    }
    guard let data = FileManager.default.contents(atPath: path) else {
      throw Problem(description: "is of kind 'metrics', which is a file")
    }
    let value: Value
    do { value = try Value(json: data) } catch {
      throw Problem(description: "is of kind 'metrics', but no JSON: \(error)")
    }
    guard case .map(let members) = value else {
      throw Problem(description: "is of kind 'metrics', but a \(value.typeName), not an object")
    }
    var metrics: [String: Value] = [:]
    collect(members, "", into: &metrics)
    return metrics
  }

  private static func collect(
    _ members: [String: Value], _ prefix: String, into metrics: inout [String: Value]
  ) {
    for (name, member) in members {
      let value = member["value"] ?? member
      switch value {
      case .map(let inner): collect(inner, "\(prefix)\(name).", into: &metrics)
      case _ where value.isNull || value.double != nil: metrics[prefix + name] = value
      default: break
      }
    }
  }
}
