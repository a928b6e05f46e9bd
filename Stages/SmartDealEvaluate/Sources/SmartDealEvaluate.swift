import Formats
import LabelledImages
import NetworkImport
import NeuralNetworks
import ONNX
public import StageKit
import StructuredValue
import Tensors

/// Runs a network and its compressed form on labelled pictures.
public struct SmartDealEvaluate: Stage {
  public struct Parameters: Decodable, Sendable {
    var modelFile: String
    var imagesFile: String
    var labelsFile: String
    var first: Int
    var count: Int
    var firstLabel: Int
    var mean: [Double]
    var deviation: [Double]
    var batch: Int
  }

  public static var manifest: [UInt8] { PackageResources.stage_yaml }
  public static var code: String { CodeFingerprint.digest }

  public init() {}

  public func run(_ parameters: Parameters, in context: StageContext) async throws {
    try TensorRuntime.setThreads(context.cpus)
    let before = try network("model", parameters.modelFile, context)
    let after = try network("rebuilt", "", context)
    guard before.inputShape == after.inputShape else {
      throw StageError(
        code: .badInput, message: "the networks before and after take inputs of different shapes",
        slot: "rebuilt")
    }
    let images = try images(parameters, context)
    var comparison = Comparison(images.labels)
    let shape = pictureShape(before, images)
    let normalisation = LabelledImages.Normalisation(
      mean: parameters.mean, deviation: parameters.deviation)
    do {
      try withoutGradients {
        let batch = try self.batch(parameters.batch, [before, after], images, shape, context)
        for start in stride(from: 0, to: images.count, by: batch) {
          let range = start..<min(start + batch, images.count)
          let pictures = try images.tensor(range, shape: shape, normalisation)
          try comparison.add(range, before: before(pictures), after: after(pictures))
          context.progress(range.upperBound, of: images.count, unit: "pictures")
        }
      }
    } catch let error as FormatError {
      throw StageError(code: .badInput, message: error.description, slot: "images")
    }
    try context.write(comparison.table, to: "table")
    try context.write(comparison.classes, to: "classes")
    for (name, value) in comparison.counts { context.metric(name, value) }
    for (name, value) in comparison.shares { context.metric(name, value) }
    try context.write(comparison.json.json(indented: true), to: "scores")
  }

  private func network(
    _ slot: String, _ name: String, _ context: StageContext
  ) throws -> ONNXNetwork {
    let path = try context.file(slot, named: name)
    do {
      let network = try ONNXNetwork(path: path)
      guard network.inputs.count == 1, network.outputs.count == 1 else {
        throw StageError(
          code: .badInput,
          message: "the network has \(network.inputs.count) inputs and \(network.outputs.count) "
            + "outputs; pictures need one of each", slot: slot)
      }
      return network
    } catch let error as FormatError {
      throw StageError(code: .badInput, message: error.description, slot: slot)
    }
  }

  private func images(
    _ parameters: Parameters, _ context: StageContext
  ) throws -> LabelledImages {
    let path = try context.file("images", named: parameters.imagesFile)
    let labels =
      context.inputs("labels").isEmpty
      ? nil : try context.file("labels", named: parameters.labelsFile)
    let all: LabelledImages
    do {
      all = try LabelledImages.read(
        path: path, labels: labels, firstLabel: parameters.firstLabel)
    } catch {
      throw StageError(code: .badInput, message: error.description, slot: "images")
    }
    guard parameters.first < all.count else {
      throw StageError(
        code: .badParameter,
        message: "'first' is \(parameters.first), but there are \(all.count) pictures")
    }
    let count = parameters.count == 0 ? all.count : parameters.count
    return all[parameters.first..<min(parameters.first + count, all.count)]
  }

  /// How many pictures at once: one where a file's own extents allow for no more.
  private func batch(
    _ wanted: Int, _ networks: [ONNXNetwork], _ images: LabelledImages, _ shape: [Int]?,
    _ context: StageContext
  ) throws -> Int {
    guard wanted > 1, images.count > 1 else { return 1 }
    let probe = try images.tensor(0..<2, shape: shape)
    for network in networks {
      guard let output = try? network(probe), output.shape.first == 2 else {
        context.log(.info, "the network takes one picture at a time")
        return 1
      }
    }
    return wanted
  }

  /// What the network wants a picture to look like, where its file says so.
  private func pictureShape(_ network: ONNXNetwork, _ images: LabelledImages) -> [Int]? {
    let stated = network.inputShape.dropFirst()
    let known = stated.compactMap { $0 }
    return known.count == stated.count && !known.isEmpty ? known : nil
  }
}
