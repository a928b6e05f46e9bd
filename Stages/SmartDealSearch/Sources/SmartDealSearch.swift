import CompressionSearch
import Formats
import LabelledImages
import NetworkProfiling
import ONNX
import SmartDeal
public import StageKit
import StructuredValue
import Tensors

/// Searches a form of compression for each layer.
public struct SmartDealSearch: Stage {
  public struct Parameters: Decodable, Sendable {
    var thresholds: [Double]
    var roots: [Double]
    var encodings: String
    var kernels: String
    var measurements: Int
    var agreement: Double
    var tested: Int
    var costs: String
    var modelFile: String
    var picturesFile: String
    var picturesCount: Int
    var imagesFile: String
    var labelsFile: String
    var firstLabel: Int
    var imagesCount: Int
    var mean: [Double]
    var deviation: [Double]
    var title: String
  }

  public static var manifest: [UInt8] { PackageResources.stage_yaml }
  public static var code: String { CodeFingerprint.digest }

  public init() {}

  public func run(_ parameters: Parameters, in context: StageContext) async throws {
    do {
      // Sums over places round by the number of threads.
      try TensorRuntime.onOneThread { try search(parameters, context) }
    } catch let error as SmartDealError {
      let isOption = error.code == .badOption
      throw StageError(
        code: isOption ? .badParameter : .badInput, message: error.message,
        slot: isOption ? nil : "model")
    }
  }

  private func search(_ parameters: Parameters, _ context: StageContext) throws {
    let options = CompressionSearch.Options(parameters, threads: context.cpus)
    try options.check()
    let path = try context.file("model", named: parameters.modelFile)
    let model = try context.read("model") { _ in try ONNXModel(path: path) }
    let looked = try SearchPictures("pictures", model, parameters, context)
    let test = try SearchPictures("images", model, parameters, context)
    let labels = test.images.labels
    let tested = try test.network(model)
    guard labels.allSatisfy({ $0 < tested.classCount }) else {
      throw StageError(
        code: .badInput,
        message: "a picture is labelled \(labels.max() ?? 0), but the network has "
          + "\(tested.classCount) classes", slot: "images")
    }
    let geometry: [LayerGeometry]
    do {
      geometry = try NetworkGeometry.layers(of: model)
    } catch let error as FormatError {
      throw StageError(code: .badInput, message: error.description, slot: "model")
    }
    var search = try CompressionSearch(
      model, on: looked.network(model), moments: looked.moments(model, options.kernels),
      geometry: geometry, costs: parameters.costs == "nm28" ? .nm28 : .chipPredictor,
      options: options
    ) { done, total, what in
      context.progress(done, of: total, unit: "forms of layers", message: what)
    }
    let total = search.measured.count + options.measurements
    try search.run { context.progress($0, of: total, unit: "networks") }

    let result = try SearchResult(
      search, weights: model.graph.weightPlaces().reduce(0) { $0 + $1.shape.reduce(1, *) },
      agreement: parameters.agreement, tested: parameters.tested,
      own: tested.classes(), labels: labels
    ) { network in
      let layers = Dictionary(search.stored(network.forms).map { ($0.name, $0) }) { one, _ in one }
      return try tested.classes { layers[$0]?.rebuilt() }
    }
    if !result.isReached {
      context.log(
        .warn,
        "no network agrees on \(parameters.agreement) of the pictures; the nearest is chosen")
    }
    try write(search.stored(result.chosen.network.forms), model, context)
    try context.write(result.networks, to: "networks")
    try context.write(result.layers, to: "layers")
    try context.write(
      SearchFigure.figure(result, title: parameters.title).json(indented: true), to: "figure")
    for (name, value) in result.numbers { context.metric(name, value) }
    for (name, value) in result.counts { context.metric(name, value) }
  }

  private func write(
    _ layers: [StoredLayer], _ model: ONNXModel, _ context: StageContext
  ) throws {
    let file = try SDLWriter(path: context.output("weights"), layers: layers.count)
    for layer in layers { try file.append(layer) }
    _ = try file.finish()
    var rebuilt = model
    for (place, layer) in zip(model.graph.weightPlaces(), layers) {
      rebuilt.graph.replace(model.graph.tensor(at: place), at: place, with: layer.rebuilt())
    }
    try rebuilt.write(to: context.output("model"))
  }
}

extension CompressionSearch.Options {
  fileprivate init(_ parameters: SmartDealSearch.Parameters, threads: Int) {
    self.init(
      forms: parameters.thresholds.map { .paper(threshold: $0) }
        + parameters.roots.map { .joint(root: $0) }
        + parameters.roots.map { .calibrated(root: $0) },
      encodings: parameters.encodings == "all" ? Encoding.allCases : Encoding.published,
      kernels: BlockLayout.Kernels(rawValue: parameters.kernels) ?? .square,
      measurements: parameters.measurements, threads: threads)
  }
}
