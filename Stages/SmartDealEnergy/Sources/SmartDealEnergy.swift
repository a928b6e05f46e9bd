import Formats
import Foundation
import NetworkProfiling
import ONNX
import SmartDeal
public import StageKit
import StructuredValue

/// The energy of one inference, layer by layer, with dense and with compressed weights.
public struct SmartDealEnergy: Stage {
  public struct Parameters: Decodable, Sendable {
    var modelFile: String
    var pruningFile: String
    var inputShape: [Int]
    var architecture: String
    var costs: String
    var unitCosts: UnitCostParameters
    var title: String
  }

  public struct UnitCostParameters: Decodable, Sendable {
    var dram: Double?
    var inputBuffer: Double?
    var smallBuffer: Double?
    var multiplyAccumulate: Double?
    var shift: Double?
    var add: Double?
  }

  public static var manifest: [UInt8] { PackageResources.stage_yaml }
  public static var code: String { CodeFingerprint.digest }

  public init() {}

  public func run(_ parameters: Parameters, in context: StageContext) async throws {
    let layers: [CompressedLayer]
    do {
      layers =
        context.inputs("pruning").isEmpty
        ? try network(parameters, context) : try published(parameters, context)
    } catch let error as SmartDealError {
      throw StageError(code: .badInput, message: error.message)
    } catch let error as FormatError {
      throw StageError(code: .badInput, message: error.description, slot: "model")
    }
    let costs = UnitCosts(parameters)
    let comparison = EnergyComparison(layers, costs: costs)
    try context.write(comparison.table, to: "table")
    try context.write(
      comparison.figure(title: parameters.title).json(indented: true), to: "figure")
    try context.write(comparison.json.json(indented: true), to: "energy")
    for (name, value) in comparison.metrics { context.metric(name, value) }
    context.metric("layers", layers.count)
  }

  private func network(
    _ parameters: Parameters, _ context: StageContext
  ) throws -> [CompressedLayer] {
    let path = try context.file("model", named: parameters.modelFile)
    let record = try context.read("layers") {
      try NetworkRecord(json: Value(json: Data(contentsOf: URL(fileURLWithPath: $0))))
    }
    let geometry = try NetworkGeometry.layers(
      of: ONNXModel(path: path),
      inputShape: parameters.inputShape.isEmpty ? nil : parameters.inputShape)
    let records = Dictionary(record.layers.map { ($0.name, $0) }) { first, _ in first }
    return try geometry.map { layer in
      guard let found = records[layer.name], found.weights == layer.weights else {
        throw StageError(
          code: .badInput,
          message:
            "the layer with the weights '\(layer.name)' of the network is not in the record, "
            + "or has another shape there; both must be of one network", slot: "layers")
      }
      return CompressedLayer(geometry: layer, storage: found.storage)
    }
  }

  private func published(
    _ parameters: Parameters, _ context: StageContext
  ) throws -> [CompressedLayer] {
    guard let architecture = PublishedArchitecture(rawValue: parameters.architecture) else {
      throw StageError(
        code: .badParameter,
        message: "a pruning list needs an 'architecture', one of "
          + PublishedArchitecture.allCases.map(\.rawValue).joined(separator: ", "))
    }
    let path = try context.file("pruning", named: parameters.pruningFile)
    let text = String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
    let list = try text.split(whereSeparator: \.isWhitespace).map { word in
      guard let number = Double(word) else {
        throw StageError(
          code: .badInput, message: "'\(word.prefix(20))' in the list is no number",
          slot: "pruning")
      }
      return number
    }
    return zip(architecture.layers, try architecture.storage(prunedBy: list)).map {
      CompressedLayer(geometry: $0, storage: $1)
    }
  }
}

/// A layer and how it is stored.
struct CompressedLayer {
  let geometry: LayerGeometry
  let storage: LayerStorage
}

extension UnitCosts {
  /// A preset with what the parameters put in place of it.
  fileprivate init(_ parameters: SmartDealEnergy.Parameters) {
    self = parameters.costs == "nm28" ? .nm28 : .chipPredictor
    let own = parameters.unitCosts
    let given = [
      own.dram, own.inputBuffer, own.smallBuffer, own.multiplyAccumulate, own.shift, own.add,
    ]
    dram = own.dram ?? dram
    inputBuffer = own.inputBuffer ?? inputBuffer
    smallBuffer = own.smallBuffer ?? smallBuffer
    multiplyAccumulate = own.multiplyAccumulate ?? multiplyAccumulate
    shift = own.shift ?? shift
    add = own.add ?? add
    if given.contains(where: { $0 != nil }) { source += ", some replaced" }
  }
}
