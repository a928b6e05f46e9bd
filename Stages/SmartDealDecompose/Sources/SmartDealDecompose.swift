import Formats
import ONNX
import SmartDeal
public import StageKit
import StructuredValue

/// Decomposes a network's weights, and writes them compressed and rebuilt.
public struct SmartDealDecompose: Stage {
  public struct Parameters: Decodable, Sendable {
    var threshold: Double
    var iterations: Int
    var tolerance: Double
    var rcond: Double
    var maxCoefficient: Double
    var vectorWise: Bool
    var columnScale: Bool
    var thresholdDecay: Double
    var normalise: Bool
    var exponents: [Int]
    var rounding: String
    var rootLambda: Double
    var kernels: String
    var encoding: String
    var criterion: String
    var groupSize: Int
    var exact: Bool
    var modelFile: String
    var pruningFile: String
    var calibrationFile: String
    var calibrationCount: Int
    var mean: [Double]
    var deviation: [Double]
  }

  public static var manifest: [UInt8] { PackageResources.stage_yaml }
  public static var code: String { CodeFingerprint.digest }

  public init() {}

  public func run(_ parameters: Parameters, in context: StageContext) async throws {
    do {
      try decompose(parameters, context)
    } catch let error as StageError {
      throw error
    } catch let error as SmartDealError {
      let isOption = error.code == .badOption
      throw StageError(
        code: isOption ? .badParameter : .badInput, message: error.message,
        slot: isOption ? nil : "model")
    }
  }

  private func decompose(_ parameters: Parameters, _ context: StageContext) throws {
    var compression = try NetworkCompression(parameters, threads: context.cpus)
    if !context.inputs("pruning").isEmpty {
      let path = try context.file("pruning", named: parameters.pruningFile)
      compression.pruningList = try context.read("pruning") { _ in try Self.numbers(path: path) }
    }
    let path = try context.file("model", named: parameters.modelFile)
    // Numbers stay in the file, so that no more than a tensor of them is in memory.
    let content = try context.read("model") { _ in try FileContent(path: path) }
    let model = try context.read("model") { _ in try ONNXModel(mapping: content) }
    let places = model.graph.weightPlaces()
    try compression.check(places)
    // All before any work: a long run must not end at its last tensor.
    for place in places { try model.graph.tensor(at: place).checkFinite() }
    if !context.inputs("calibration").isEmpty {
      compression.moments = try Calibration.moments(model, parameters, context)
    }
    let writer = try SDLWriter(path: context.output("weights"), layers: places.count)
    let rebuilt = try RebuiltNetwork(model, from: content, to: context.output("model"))
    let exact =
      parameters.exact
      ? try RebuiltNetwork(model, from: content, to: context.output("exact")) : nil
    var records: [LayerRecord] = []
    let total = places.reduce(0) { $0 + $1.shape.reduce(1, *) }
    var done = 0
    for (index, place) in places.enumerated() {
      context.progress(done, of: total, unit: "weights", message: place.name)
      let tensor = model.graph.tensor(at: place)
      let found = try compression.compress(tensor, index: index)
      try writer.append(found.layer)
      records.append(found.record)
      try rebuilt.replace(tensor, at: place, with: found.layer.rebuilt())
      if let numbers = found.exact { try exact?.replace(tensor, at: place, with: numbers) }
      done += tensor.weights.count
    }
    context.progress(total, of: total, unit: "weights")
    let bytes = try writer.finish()
    let record = NetworkRecord(
      layers: records, untouched: model.graph.untouchedWeights(), fileBytes: bytes)
    try rebuilt.finish()
    try exact?.finish()
    try context.write(LayerTable.text(record), to: "table")
    try context.write(record.json.json(indented: true), to: "layers")
    try context.write(LayerFigure.figure(record).json(indented: true), to: "figure")
    report(record, bytes, context)
  }

  private func report(_ record: NetworkRecord, _ bytes: Int, _ context: StageContext) {
    context.metric("referenceCR", record.referenceCR)
    context.metric("codeCR", record.codeCR)
    context.metric("trainingCR", record.trainingCR)
    context.metric("autoCR", record.autoCR)
    context.metric("storedCR", record.storedCR)
    context.metric("fileCR", record.fileCR)
    context.metric("fileBytes", bytes)
    context.metric("relativeError", record.relativeError)
    context.metric("relativeError8", record.storedRelativeError)
    context.metric("weights", record.weights)
    context.metric("coefficients", record.coefficients)
    context.metric("nonZeros", record.nonZeros)
    let raw = record.layers.filter { $0.kind == .raw }
    context.metric("kept", raw.count + record.untouched.count)
    for layer in raw {
      context.log(
        .info,
        "\(layer.node): the weights '\(layer.name)' of shape \(layer.shape) stay numbers; only "
          + "square kernels up to 8 × 8 are decomposed")
    }
    for sentence in record.untouched { context.log(.info, sentence) }
  }

  /// The numbers of a text, one a line.
  private static func numbers(path: String) throws -> [Double] {
    try FileContent(path: path).withBytes { bytes throws(FormatError) in
      var numbers: [Double] = []
      for (index, line) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
        .enumerated()
      {
        let text = String(decoding: line, as: UTF8.self)
          .filter { !$0.isWhitespace && $0 != "," }
        if text.isEmpty { continue }
        guard let number = Double(text) else {
          throw FormatError(
            file: path, at: .row(index + 1, column: nil), found: "'\(text.prefix(20))'",
            expected: "a number")
        }
        numbers.append(number)
      }
      return numbers
    }
  }
}

extension NetworkCompression {
  /// What the stage's parameters ask for.
  fileprivate init(_ parameters: SmartDealDecompose.Parameters, threads: Int) throws {
    guard parameters.exponents.isEmpty || parameters.exponents.count == 2 else {
      throw StageError(
        code: .badParameter,
        message: "'exponents' has \(parameters.exponents.count) numbers; it takes the lowest and "
          + "the highest exponent, or none")
    }
    let lambda = parameters.rootLambda * parameters.rootLambda
    self.init(
      options: DecompositionOptions(
        threshold: parameters.threshold, iterations: parameters.iterations,
        tolerance: parameters.tolerance, rcond: parameters.rcond,
        maxCoefficient: parameters.maxCoefficient, vectorWise: parameters.vectorWise,
        columnScale: parameters.columnScale, thresholdDecay: parameters.thresholdDecay,
        normalise: parameters.normalise,
        exponents: parameters.exponents.count == 2
          ? .init(parameters.exponents[0], parameters.exponents[1]) : .open,
        rounding: parameters.rounding == "joint" ? .joint(lambda: lambda) : .nearest,
        kernels: BlockLayout.Kernels(rawValue: parameters.kernels) ?? .square),
      encodings: parameters.encoding == "auto"
        ? Encoding.published
        : parameters.encoding == "smallest"
          ? Encoding.allCases : Encoding.allCases.filter { $0.name == parameters.encoding },
      pruning: StructuredPruning(
        criterion: StructuredPruning.Criterion(rawValue: parameters.criterion) ?? .population,
        groupSize: parameters.groupSize),
      threads: threads)
  }
}
