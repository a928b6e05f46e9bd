import Formats
import Foundation
import LearnedBranching
public import StageKit
import Statistics
import Verification

/// Makes properties of images that no test is about, searches them, and records what strong branching
/// finds out at some of the subproblems.
public struct BranchingSamples: Stage {
  public struct Parameters: Decodable, Sendable {
    var network: String
    var images: String
    var tables: [String]
    var properties: Int
    var records: Int
    var interval: Int
    var best: Int
    var bestOfLayer: Int
    var share: Double
    var steps: Int
    var easiest: Int
    var hardest: Int
    var validation: Bool
  }

  public static var manifest: [UInt8] { PackageResources.stage_yaml }
  public static var code: String { CodeFingerprint.digest }

  public init() {}

  public func run(_ parameters: Parameters, in context: StageContext) async throws {
    guard parameters.hardest >= parameters.easiest else {
      throw StageError(
        code: .badParameter,
        message: "'easiest' is \(parameters.easiest) and 'hardest' \(parameters.hardest); expected "
          + "two numbers of branches, the hardest's no smaller")
    }
    let (network, images, excluded) = try read(parameters, context)
    let folder = try context.output("samples")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    var generator = SplitMix64(seed: context.seed)
    // Even and odd positions of one order keep training and validation images apart.
    let order = sample(
      images.count, of: (0..<images.count).filter { !excluded.contains($0) }, seed: context.seed)
    let own = order.enumerated().filter { ($0.offset % 4 == 3) == parameters.validation }
    var table = "property,image,label,other,radius,babsr branches,branches,records\n"
    var made: [PropertySamples] = []
    for image in own.map(\.element) where made.count < parameters.properties {
      let draw = (0..<2).map { _ in Double(generator.next() >> 11) * 0x1p-53 }
      guard
        let found = try samples(
          image, draw, parameters, network, images, made.count, context, &table)
      else { continue }
      let name = String(format: "property-%04d.safetensors", made.count)
      try Data(found.safetensors().bytes()).write(
        to: URL(fileURLWithPath: "\(folder)/\(name)"))
      made.append(found)
      context.progress(
        made.count, of: parameters.properties, unit: "properties",
        message: "\(made.reduce(0) { $0 + $1.records.count }) records")
    }
    try context.write(table, to: "properties")
    let records = made.flatMap(\.records)
    context.metric("properties", made.count)
    context.metric("records", records.count)
    context.metric("useful", records.count(where: \.isUseful))
    context.metric(
      "candidates",
      records.isEmpty
        ? nil : Double(records.reduce(0) { $0 + $1.candidates.count }) / Double(records.count))
    context.metric("excluded", excluded.count)
  }

  private func read(
    _ parameters: Parameters, _ context: StageContext
  ) throws -> (ReLUNetwork, CIFARImages, Set<Int>) {
    let folder = try context.input("files").path
    do {
      let path = "\(folder)/\(parameters.network)"
      let network =
        path.hasSuffix(".onnx")
        ? try ReLUNetwork.read(onnx: path) : try ReLUNetwork.read(checkpoint: path)
      guard network.inputCount == CIFARBatch.imageSize, network.outputCount == 10 else {
        throw StageError(
          code: .badInput,
          message: "\(parameters.network) has \(network.inputCount) inputs and "
            + "\(network.outputCount) outputs; expected 3072 and 10", slot: "files")
      }
      let images = try CIFARImages(path: "\(folder)/\(parameters.images)")
      var excluded: Set<Int> = []
      for table in parameters.tables {
        let rows = try PropertyTable(path: "\(folder)/\(table).pkl").rows
        excluded.formUnion(rows.map(\.image).filter { $0 < images.count })
      }
      return (network, images, excluded)
    } catch let error as StageError {
      throw error
    } catch {
      throw StageError(
        code: .badInput, message: "\(error)".replacing("\(folder)/", with: ""), slot: "files")
    }
  }

  /// The records of one image's property; nil where the image is of no use.
  private func samples(
    _ image: Int, _ draw: [Double], _ parameters: Parameters, _ network: ReLUNetwork,
    _ images: CIFARImages, _ number: Int, _ context: StageContext, _ table: inout String
  ) throws -> PropertySamples? {
    let pixels = network.reordered(images.normalised(image))
    let outputs = network.evaluate(pixels)
    let label = images.label(image)
    guard outputs.indices.allSatisfy({ $0 == label || outputs[$0] < outputs[label] }) else {
      return nil
    }
    let wrong = (0..<10).filter { $0 != label }
    let other = wrong[min(8, Int(draw[0] * 9))]
    var options = SearchOptions()
    options.workers = context.cpus
    options.seed = context.seed
    options.keepsCertificate = false
    // Evenly spread on a logarithmic scale, as the published properties' times about are.
    let ratio = Double(parameters.hardest) / Double(parameters.easiest)
    let wanted = Int(Double(parameters.easiest) * pow(ratio, draw[1]))
    guard
      let made = try SampleProperty(
        network, image: pixels, label: label, other: other, wanted: wanted, options: options)
    else { return nil }
    var sampling = StrongBranchingSampler.Options()
    sampling.best = parameters.best
    sampling.bestOfLayer = parameters.bestOfLayer
    sampling.share = parameters.share
    sampling.steps = parameters.steps
    sampling.records = parameters.records
    // Records from the whole tree, whose lower parts are nothing like the root.
    sampling.interval = max(1, min(parameters.interval, made.branches / parameters.records))
    let recorder = StrongBranchingSampler.Recorder()
    let sampler = StrongBranchingSampler(
      recorder, seed: context.seed &+ UInt64(image), options: sampling)
    let outcome = try Verifier(network, options).verify(
      made.property, rule: sampler,
      report: {
        $0.branches < 2 * made.branches && recorder.records.count < parameters.records
      })
    let records = recorder.records
    guard !records.isEmpty else { return nil }
    table +=
      "\(number),\(image),\(label),\(other),\(made.radius),\(made.branches),"
      + "\(outcome.branches),\(records.count)\n"
    return PropertySamples(
      image: image, radius: made.radius,
      row: OutputRow(label, beats: other, of: network.outputCount), records: records)
  }
}
