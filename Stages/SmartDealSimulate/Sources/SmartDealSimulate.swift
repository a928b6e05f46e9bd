import Formats
import NetworkProfiling
import ONNX
import SmartDeal
public import StageKit
import StructuredValue

/// Runs a network on an accelerator, cycle by cycle, with dense and with compressed weights.
public struct SmartDealSimulate: Stage {
  public struct Parameters: Decodable, Sendable {
    var modelFile: String
    var inputShape: [Int]
    var slices: Int
    var lines: Int
    var multipliers: Int
    var rebuildEngines: Int
    var inputBuffer: Int
    var weightBuffer: Int
    var dram: Double
    var clock: Double
    var costs: String
    var title: String
  }

  public static var manifest: [UInt8] { PackageResources.stage_yaml }
  public static var code: String { CodeFingerprint.digest }

  public init() {}

  public func run(_ parameters: Parameters, in context: StageContext) async throws {
    var machine = Accelerator()
    machine.slices = parameters.slices
    machine.linesPerSlice = parameters.lines
    machine.multipliersPerLine = parameters.multipliers
    machine.rebuildEnginesPerLine = parameters.rebuildEngines
    machine.inputBufferBytes = parameters.inputBuffer
    machine.weightBufferBytes = parameters.weightBuffer
    machine.dramBytesPerCycle = parameters.dram
    machine.clock = parameters.clock
    do {
      try machine.check()
    } catch {
      throw StageError(code: .badParameter, message: error.message)
    }
    let path = try context.file("model", named: parameters.modelFile)
    let geometry: [LayerGeometry]
    do {
      geometry = try NetworkGeometry.layers(
        of: ONNXModel(path: path),
        inputShape: parameters.inputShape.isEmpty ? nil : parameters.inputShape)
    } catch let error as FormatError {
      throw StageError(code: .badInput, message: error.description, slot: "model")
    }
    let layers = try context.read("weights") { try Self.layers(SDLFile(path: $0), geometry) }
    let comparison = SimulationComparison(
      layers, machine, costs: parameters.costs == "nm28" ? .nm28 : .chipPredictor)
    try context.write(comparison.table, to: "table")
    try context.write(
      comparison.figure(title: parameters.title).json(indented: true), to: "figure")
    try context.write(comparison.json.json(indented: true), to: "simulation")
    for (name, value) in comparison.metrics { context.metric(name, value) }
  }

  private static func layers(
    _ file: SDLFile, _ geometry: [LayerGeometry]
  ) throws -> [AcceleratorLayer] {
    let stored = Dictionary(file.layers.map { ($0.name, $0) }) { first, _ in first }
    return try geometry.map { layer in
      guard let found = stored[layer.name], found.shape.reduce(1, *) == layer.weights else {
        throw StageError(
          code: .badInput,
          message:
            "the layer with the weights '\(layer.name)' of the network is not in the file, or "
            + "has another shape there; both must be of one network", slot: "weights")
      }
      guard
        case .structured(let layout, let codes, _, let encoding) = try file.stored(found).content
      else { return .dense(layer) }
      return AcceleratorLayer(
        geometry: layer,
        storage: LayerStorage(StorageAccount(layout, codes), encoding: encoding, n: layout.n),
        rows: RowOccupancy(layout, codes))
    }
  }
}
