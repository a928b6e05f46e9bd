import EdgeOptimization
import StageKit

/// What is known of other devices, and what was measured on the new one.
struct Problem {
  var known: AdaptedTransfer.Knowledge
  var indices: [Int]
  /// The names of the known devices.
  var devices: [String]
  /// The new device's name.
  var name: String
  /// All designs that were tried, by position, in the order of their indices.
  var tried: [Int]
  /// The latencies of those that the device could run.
  var measured: [Int: Double]

  init(_ parameters: NewDevice.Parameters, _ context: StageContext) throws {
    guard let space = SearchSpace(rawValue: parameters.space) else {
      throw StageError(code: .badParameter, message: "no space '\(parameters.space)'")
    }
    let latency = try context.read("latency") { try DeviceTables(csv: $0) }
    let tables = try context.read("accuracy") { path in
      try PairedTables(
        latency: latency, accuracy: DeviceTables(csv: path, allowsNonPositive: true))
    }
    devices = parameters.known.isEmpty ? latency.devices : parameters.known
    indices = tables.indices
    do {
      known = try AdaptedTransfer.Knowledge(
        space: space, designs: tables.designs(in: space),
        proxies: devices.map { try latency.column($0) }, accuracy: tables.accuracy,
        pool: Array(0..<min(parameters.pool, tables.indices.count)), adapter: .gp)
    } catch let error as EdgeError {
      throw StageError(
        code: error.code == .badParameter ? .badParameter : .badInput, message: error.message,
        slot: "latency")
    }
    (name, tried, measured) = ("new device", [], [:])
    if !context.inputs("measured").isEmpty { try readMeasurements(context) }
  }

  private mutating func readMeasurements(_ context: StageContext) throws {
    let table = try context.read("measured") { try DeviceTables(csv: $0) }
    guard table.devices.count == 1 else {
      throw StageError(
        code: .badInput,
        message: "the measurements have the columns \(table.devices.joined(separator: ", ")); "
          + "they need 'index' and one more", slot: "measured")
    }
    name = table.devices[0]
    let places = Dictionary(uniqueKeysWithValues: indices.enumerated().map { ($1, $0) })
    for (index, value) in zip(table.indices, table.values[0]) {
      guard let place = places[index] else {
        throw StageError(
          code: .badInput,
          message: "design \(index) was measured, but is not in the latency table", slot: "measured"
        )
      }
      tried.append(place)
      if !value.isNaN { measured[place] = value }
    }
  }
}
