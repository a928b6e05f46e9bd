import Formats
import Foundation
import StageKit

/// One row of a list of instances, and what is known of it.
struct Instance {
  var network: String
  var property: String
  var limit: Double
  /// `sat` or `unsat`, or nil where nothing is known.
  var known: String?

  /// The network's file without its ending: what tables group by.
  var group: String { Instance.stem(network) }
  var name: String { "\(Instance.stem(network)) \(Instance.stem(property))" }

  private static func stem(_ path: String) -> String {
    (URL(fileURLWithPath: path).lastPathComponent as NSString).deletingPathExtension
  }
}

/// A folder with a list of instances: `network,property,seconds` without header.
struct InstanceList {
  private let folder: String
  private(set) var instances: [Instance] = []

  /// Reads the list.
  ///
  /// - Throws: `StageError` where there is no list, or not exactly one and none is named.
  init(folder: String, list: String, only: [String]) throws {
    self.folder = folder
    let name = list.isEmpty ? try InstanceList.onlyList(in: folder) : list
    let table: Table
    do {
      table = try CSV.read(
        path: "\(folder)/\(name)",
        CSV.Options(
          columnNames: ["network", "property", "seconds"],
          types: ["network": .string, "property": .string, "seconds": .double]))
      let (networks, properties) = (try table.strings("network"), try table.strings("property"))
      for (row, limit) in try table.doubles("seconds").enumerated() {
        guard limit > 0 else {
          throw StageError(
            code: .badInput,
            message: "\(name): row \(row + 1): \(limit) seconds; expected a number above 0",
            slot: "set", line: row + 1)
        }
        let instance = Instance(
          network: networks[row], property: properties[row], limit: limit, known: nil)
        if only.isEmpty
          || only.contains(where: { "\(instance.network) \(instance.property)".contains($0) })
        {
          instances.append(instance)
        }
      }
    } catch let error as FormatError {
      throw StageError(code: .badInput, message: "\(error)", slot: "set")
    }
    guard !instances.isEmpty else {
      throw StageError(
        code: .badParameter, message: "no instance of '\(name)' contains one of \(only)")
    }
  }

  private static func onlyList(in folder: String) throws -> String {
    let files = try FileManager.default.contentsOfDirectory(atPath: folder)
      .filter { $0.hasSuffix("instances.csv") }.sorted()
    guard files.count == 1 else {
      throw StageError(
        code: .badInput,
        message: "the folder has \(files.count) files *instances.csv"
          + (files.isEmpty ? "" : " (\(files.joined(separator: ", ")))")
          + "; name one with the parameter 'list'", slot: "set")
    }
    return files[0]
  }

  /// The file of a path in the list, which is relative to it; where files were put side by side,
  /// the one of its name.
  func file(_ path: String) -> String {
    let given = "\(folder)/\(path)"
    if FileManager.default.fileExists(atPath: given) { return given }
    return "\(folder)/\(URL(fileURLWithPath: path).lastPathComponent)"
  }

  /// Takes over known verdicts from a table with the columns onnx, vnnlib and status.
  mutating func know(_ table: Table) throws(FormatError) {
    let (networks, properties) = (try table.strings("onnx"), try table.strings("vnnlib"))
    let statuses = try table.strings("status")
    var known: [String: String] = [:]
    for row in statuses.indices where statuses[row] == "sat" || statuses[row] == "unsat" {
      known["\(networks[row]) \(properties[row])"] = statuses[row]
    }
    for index in instances.indices {
      instances[index].known = known["\(instances[index].network) \(instances[index].property)"]
    }
  }
}
