import EdgeOptimization
import Foundation
public import StageKit

/// Reads measured tables as they were published, and writes one table for all devices.
public struct EdgeImport: Stage {
  public struct Parameters: Decodable, Sendable {
    var devices: [String]
    var space: String
    var designs: String
    var source: String
    var metric: String
    var unit: String
    var invalid: Double
    var keepInvalid: Bool
  }

  public static var manifest: [UInt8] { PackageResources.stage_yaml }
  public static var code: String { CodeFingerprint.digest }

  public init() {}

  public func run(_ parameters: Parameters, in context: StageContext) async throws {
    let folder = try context.input("folder").path
    guard !parameters.unit.isEmpty else {
      throw StageError(
        code: .badParameter, message: "'unit' is empty; say in what the values are measured (ms, %)"
      )
    }
    var tables: DeviceTables
    do {
      tables =
        parameters.source.isEmpty
        ? try readFiles(parameters, in: folder, context)
        : try readCSV(parameters, path: "\(folder)/\(parameters.source)")
    } catch let error as StageError {
      throw error
    } catch {
      throw StageError(
        code: .badInput,
        message: "\(error)".replacingOccurrences(of: "\(folder)/", with: ""), slot: "folder")
    }
    (tables.metric, tables.unit) = (parameters.metric, parameters.unit)
    let warnings = tables.warnings() + (await nearDuplicates(tables, workers: context.cpus))
    for warning in warnings {
      context.log(.warn, warning)
      context.note("Note: \(warning).")
    }
    try context.write(tables.csv, to: "table")
    context.metric("devices", tables.devices.count)
    context.metric("rows", tables.indices.count)
    context.metric("invalid", tables.values.reduce(0) { $0 + $1.count(where: \.isNaN) })
  }

  private func readCSV(_ parameters: Parameters, path: String) throws -> DeviceTables {
    let tables = try DeviceTables(csv: path, allowsNonPositive: true)
    for (name, found, given) in [
      ("metric", tables.metric, parameters.metric), ("unit", tables.unit, parameters.unit),
    ] where found.map({ $0 != given }) ?? false {
      throw EdgeError(
        .badTable, "\(path): its \(name) is '\(found ?? "")', the parameter says '\(given)'")
    }
    let columns = try parameters.devices.map { device in
      marked(try tables.column(device), parameters)
    }
    return try DeviceTables(
      indices: tables.indices, designs: tables.designs, devices: parameters.devices,
      values: columns, allowsNonPositive: parameters.keepInvalid)
  }

  private func readFiles(
    _ parameters: Parameters, in folder: String, _ context: StageContext
  ) throws -> DeviceTables {
    var designs: [String]?
    if parameters.space == "ofa", !parameters.designs.isEmpty {
      designs = try OnceForAll.designs(path: "\(folder)/\(parameters.designs)").map(\.text)
    } else if !parameters.designs.isEmpty {
      guard let space = SearchSpace(rawValue: parameters.space) else {
        throw StageError(
          code: .badParameter,
          message:
            "'designs' is given, but the space '\(parameters.space)' has no file of them; those "
            + "that have are nasbench201, fbnet, ofa")
      }
      designs = try RawTables.designs(path: "\(folder)/\(parameters.designs)", space: space)
    }
    var columns: [[Double]] = []
    for (position, device) in parameters.devices.enumerated() {
      let isHAT = parameters.space == "hat"
      let path = try file(
        of: device, in: folder, endings: isHAT ? ["csv"] : ["pickle", "pkl", "pt", "pth"])
      let (values, keys) = isHAT ? try transformers(path) : try RawTables.values(path: path)
      if let keys {
        if let designs, designs != keys {
          throw EdgeError(.badTable, "\(path): its designs are not those of the other files")
        }
        designs = keys
      }
      let count = columns.first?.count ?? designs?.count ?? values.count
      guard values.count == count else {
        throw EdgeError(
          .badTable, "\(path): \(values.count) rows, where the other files have \(count)")
      }
      columns.append(marked(values, parameters))
      context.progress(position + 1, of: parameters.devices.count, unit: "devices")
    }
    return try DeviceTables(
      indices: Array(columns[0].indices), designs: designs, devices: parameters.devices,
      values: columns, allowsNonPositive: parameters.keepInvalid)
  }

  private func marked(_ values: [Double], _ parameters: Parameters) -> [Double] {
    if parameters.keepInvalid { return values }
    return values.map { $0 == parameters.invalid ? .nan : $0 }
  }

  private func transformers(_ path: String) throws -> (values: [Double], keys: [String]?) {
    let (designs, values) = try SubTransformer.table(csv: path)
    return (values, designs.map(\.text))
  }

  private func file(
    of device: String, in folder: String, endings: [String]
  ) throws(StageError) -> String {
    for ending in endings {
      let path = "\(folder)/\(device).\(ending)"
      if FileManager.default.fileExists(atPath: path) { return path }
    }
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder).sorted()) ?? []
    throw StageError(
      code: .badInput,
      message:
        "no file for the device '\(device)' (\(endings.map { "\(device).\($0)" }.joined(separator: ", "))); "
        + "the folder has \(files.joined(separator: ", "))", slot: "folder")
  }

  private func nearDuplicates(_ tables: DeviceTables, workers: Int) async -> [String] {
    let agreement = await RankAgreement(tables, workers: workers)
    return agreement.pairs.filter { $0.value > 0.998 }.map { pair in
      "'\(tables.devices[pair.first])' and '\(tables.devices[pair.second])' are near-duplicate "
        + "devices: their rank correlation is \(String(format: "%.4f", pair.value))"
    }
  }
}
