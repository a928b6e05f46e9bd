import EdgeOptimization
import LearnedDesign
import StageKit

/// The designs with their accuracies, and the devices to learn on and to try.
struct Problem {
  struct Device {
    var name: String
    var latencies: [Double]
    var profile: DeviceProfile

    /// Budgets from the 2 % to the 90 % quantile of the latencies that training knows.
    func range(_ known: [Int]) -> ClosedRange<Double> {
      let values = known.map { latencies[$0] }.filter { $0 > 0 && $0.isFinite }.sorted()
      guard let first = values.first else { return 1...1 }
      func quantile(_ share: Double) -> Double { values[Int(share * Double(values.count - 1))] }
      return max(first, quantile(0.02))...quantile(0.9)
    }
  }

  let space: SearchSpace
  let designs: [[Int]]
  let accuracies: [Double]
  let sources: [Device]
  let targets: [Device]
  /// The designs of the devices' profiles.
  let references: [[Int]]
  /// The same, for whoever is to measure them.
  let referenceTable: String
  private let places: [[Int]: Int]

  init(_ parameters: LearnOptimizer.Parameters, _ context: StageContext) throws {
    guard let space = SearchSpace(rawValue: parameters.space) else {
      throw StageError(code: .badParameter, message: "no search space '\(parameters.space)'")
    }
    let latency = try context.read("latency") { try DeviceTables(csv: $0) }
    let tables = try context.read("accuracy") { path in
      try PairedTables(
        latency: latency, accuracy: DeviceTables(csv: path, allowsNonPositive: true))
    }
    self.space = space
    guard parameters.samples <= tables.indices.count else {
      throw StageError(
        code: .badParameter,
        message: "\(parameters.samples) samples of \(tables.indices.count) designs; lower 'samples'"
      )
    }
    let rows = Dictionary(
      latency.indices.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    for name in parameters.unseen where !latency.devices.contains(name) {
      throw StageError(
        code: .badParameter,
        message: "no device '\(name)' in the latency table; it has "
          + latency.devices.joined(separator: ", "))
    }
    guard parameters.unseen.count < latency.devices.count else {
      throw StageError(
        code: .badParameter, message: "every device is unseen; leave some to learn on")
    }
    let given = try parameters.references.map { index in
      guard let row = rows[index] else {
        throw StageError(
          code: .badParameter, message: "reference design \(index) is not in the latency table")
      }
      return row
    }
    do {
      let designs = try tables.designs(in: space)
      self.designs = designs
      let references =
        given.isEmpty
        ? try Problem.chosen(parameters, space, designs, latency) : given
      referenceTable =
        "index,design\n"
        + references.map { "\(latency.indices[$0]),\(space.text(designs[$0]))\n" }.joined()
      self.references = references.map { designs[$0] }
      let devices = try latency.devices.enumerated().map { column, name in
        Device(
          name: name, latencies: latency.values[column],
          profile: try DeviceProfile(
            referenceLatencies: references.map { latency.values[column][$0] }))
      }
      sources = devices.filter { !parameters.unseen.contains($0.name) }
      targets = devices.filter { parameters.unseen.contains($0.name) }
    } catch {
      throw StageError(code: .badInput, message: "\(error)", slot: "latency")
    }
    accuracies = tables.accuracy
    places = Dictionary(
      designs.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
  }

  func accuracy(of design: [Int]) -> Double? { places[design].map { accuracies[$0] } }

  /// The designs that would tell most of a device like the known ones; no value of an unseen one
  /// is read.
  private static func chosen(
    _ parameters: LearnOptimizer.Parameters, _ space: SearchSpace, _ designs: [[Int]],
    _ latency: DeviceTables
  ) throws -> [Int] {
    let known = latency.devices.indices.filter {
      !parameters.unseen.contains(latency.devices[$0])
    }
    let pool = (0..<parameters.samples).filter { row in
      known.allSatisfy { latency.values[$0][row] > 0 }
        && (space != .nasbench201 || NASBench201.isConnected(designs[row]))
    }
    let kernel = try TransferKernel(
      space: space, designs: Array(designs[..<parameters.samples]),
      sources: known.map { Array(latency.values[$0][..<parameters.samples]) }, pool: pool)
    return try kernel.chosen(
      parameters.referenceCount, among: pool, judgedBy: pool, weights: kernel.samplingWeights)
  }
}
