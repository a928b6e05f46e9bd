import Formats
import LabelledImages
public import StageKit
import StructuredValue
import Verification

/// Counts pictures on which networks are right and provably stay right.
public struct VerifiedAccuracy: Stage {
  public struct Parameters: Decodable, Sendable {
    var modelFile: String
    var imagesFile: String
    var labelsFile: String
    var first: Int
    var count: Int
    var firstLabel: Int
    var mean: [Double]
    var deviation: [Double]
    var radius: Double
    var names: [String]
    var title: String
    var branching: String
    var branches: Int
    var batch: Int
  }

  public static var manifest: [UInt8] { PackageResources.stage_yaml }
  public static var code: String { CodeFingerprint.digest }

  public init() {}

  public func run(_ parameters: Parameters, in context: StageContext) async throws {
    let images = try images(parameters, context)
    let boxes = try PictureBoxes(images, parameters.mean, parameters.deviation, parameters.radius)
    let networks = try networks(parameters, context)
    for (name, slot, network) in networks {
      guard network.inputCount == images.size else {
        throw StageError(
          code: .badInput,
          message: "\(name): the network takes \(network.inputCount) numbers; a picture has "
            + "\(images.size)", slot: slot)
      }
      if let label = images.labels.max(), label >= network.outputCount {
        throw StageError(
          code: .badInput,
          message: "\(name): a label is \(label); the network tells \(network.outputCount) classes "
            + "apart", slot: slot)
      }
    }
    var results: [NetworkVerdicts] = []
    let total = networks.count * images.count
    for (name, slot, network) in networks {
      var result = NetworkVerdicts(name: name)
      do {
        let judge = try PictureJudge(network, parameters, context)
        for picture in 0..<images.count {
          context.progress(
            results.count * images.count + picture, of: total, unit: "pictures", message: name)
          result.verdicts.append(
            try judge.verdict(boxes.picture(picture), label: images.labels[picture]))
        }
      } catch {
        throw StageError(code: .badInput, message: "\(name): \(error)", slot: slot)
      }
      results.append(result)
    }
    context.progress(total, of: total, unit: "pictures")
    let report = AccuracyReport(results, labels: images.labels, first: parameters.first)
    try context.write(report.pictures, to: "pictures")
    try context.write(report.table, to: "table")
    let title = parameters.title.isEmpty ? "Within ± \(parameters.radius) of 255" : parameters.title
    try context.write(report.figure(title: title).json(indented: true), to: "figure")
    for (name, value) in report.metrics { context.metric(name, value) }
    if let changes = report.changes {
      context.metric("best_change", changes.best)
      context.metric("worst_change", changes.worst)
    }
  }

  private func networks(
    _ parameters: Parameters, _ context: StageContext
  ) throws -> [(name: String, slot: String, network: ReLUNetwork)] {
    let changed = context.inputs("changed")
    guard parameters.names.isEmpty || parameters.names.count == changed.count else {
      throw StageError(
        code: .badParameter,
        message: "\(parameters.names.count) names for \(changed.count) changed networks; give one "
          + "for each, or none")
    }
    let path = try context.file("model", named: parameters.modelFile)
    var networks = [("before", "model", try network(path, "before", "model"))]
    for (index, input) in changed.enumerated() {
      let name = parameters.names.isEmpty ? input.name : parameters.names[index]
      networks.append((name, "changed", try network(input.path, name, "changed")))
    }
    return networks
  }

  private func network(_ path: String, _ name: String, _ slot: String) throws -> ReLUNetwork {
    do {
      return try ReLUNetwork.read(path: path)
    } catch {
      throw StageError(code: .badInput, message: "\(name): \(error)", slot: slot)
    }
  }

  private func images(_ parameters: Parameters, _ context: StageContext) throws -> LabelledImages {
    let path = try context.file("images", named: parameters.imagesFile)
    let labels =
      context.inputs("labels").isEmpty
      ? nil : try context.file("labels", named: parameters.labelsFile)
    let all: LabelledImages
    do {
      all = try LabelledImages.read(path: path, labels: labels, firstLabel: parameters.firstLabel)
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
}
