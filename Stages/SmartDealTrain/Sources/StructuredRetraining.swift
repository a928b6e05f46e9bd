import Formats
import ONNX
import SmartDeal
public import StageKit
import StructuredTraining
import StructuredValue
import Tensors
import TrainingRuns

/// Trains a network inside its decomposition.
public struct StructuredRetraining: Stage {
  public struct Parameters: Decodable, Sendable {
    var keep: String
    var treatment: String
    var bar: Int
    var minimumChange: Double
    var endsAtDivergence: Bool
    var task: String
    var realValued: [String]
    var averageFrom: Int
    var plan: TrainingPlan
    var scaling: PictureSet.Scaling
    var decomposition: DecompositionParameters

    private enum CodingKeys: String, CodingKey {
      case keep, treatment, bar, minimumChange, onDivergence, task, realValued, averageFrom
    }

    public init(from decoder: any Decoder) throws {
      let values = try decoder.container(keyedBy: CodingKeys.self)
      keep = try values.decode(String.self, forKey: .keep)
      treatment = try values.decode(String.self, forKey: .treatment)
      bar = try values.decode(Int.self, forKey: .bar)
      minimumChange = try values.decode(Double.self, forKey: .minimumChange)
      endsAtDivergence = try values.decode(String.self, forKey: .onDivergence) == "stop"
      task = try values.decode(String.self, forKey: .task)
      realValued = try values.decode([String].self, forKey: .realValued)
      averageFrom = try values.decode(Int.self, forKey: .averageFrom)
      plan = try PlanParameters(from: decoder).plan
      scaling = try ScalingParameters(from: decoder).scaling
      decomposition = try DecompositionParameters(from: decoder)
    }

    fileprivate var coefficients: CoefficientTreatment {
      switch treatment {
      case "frozen": .frozen
      case "roundEachStep": .roundEachStep
      case "bucketSwitch": .bucketSwitch(bar: bar, minimumChange: Float(minimumChange))
      default: .straightThrough
      }
    }
  }

  public static var manifest: [UInt8] { PackageResources.stage_yaml }
  public static var code: String { CodeFingerprint.digest }

  public init() {}

  public func run(_ parameters: Parameters, in context: StageContext) async throws {
    // Small tensors are slower on two threads, and bytes would depend on their number.
    try TensorRuntime.onOneThread {
      try StageError.translating { try train(parameters, context) }
    }
  }

  private func train(_ parameters: Parameters, _ context: StageContext) throws {
    if let warning = try TensorRuntime.blas().warning { context.log(.warn, warning) }
    try parameters.plan.check()
    try parameters.decomposition.options.check()
    let random = RandomStream(seed: context.seed).child("structure")
    var network = try context.trainable("model")
    var realValued = Set(parameters.realValued)
    var dense: Double?
    if parameters.task == "adapt" {
      realValued.insert(try network.classifier().weights)
      network = try network.withNewClassifier(
        classes: context.pictures("train").classes, random: random.child("classifier"))
    }
    let test = try context.dataset("test", for: network, parameters.scaling)
    if parameters.task != "adapt" { dense = try network.score(test).accuracy }
    var training = try StructureTraining(
      network, data: context.dataset("train", for: network, parameters.scaling), test: test,
      plan: parameters.plan,
      options: StructureTraining.Options(
        decomposition: parameters.decomposition.options,
        pruning: parameters.decomposition.pruningList, treatment: parameters.coefficients,
        realValued: realValued, encodings: parameters.decomposition.allowed,
        averageFrom: parameters.averageFrom == 0 ? nil : parameters.averageFrom,
        threads: context.cpus),
      random: random.child("training"))
    let divergence = try context.train(
      &training, curves: ["loss", "accuracy"], endsAtDivergence: parameters.endsAtDivergence)
    context.metric("diverged_epoch", divergence.map(Double.init))

    try context.write(parameters.keep == "last" ? training.last : training.best)
    try context.write(training.table.csv(), to: "epochs")
    let figure = TrainingCurve.figure(
      training.table,
      lines: [("accuracy", parameters.treatment)]
        + (parameters.averageFrom > 0 ? [("averaged_accuracy", "average")] : []),
      level: dense.map { ($0, "before compression") }, title: "Accuracy inside the structure",
      axis: "accuracy / %")
    try context.write(figure.json(indented: true), to: "curve")
    try report(training, dense, parameters, context)
  }

  private func report(
    _ training: StructureTraining, _ dense: Double?, _ parameters: Parameters,
    _ context: StageContext
  ) throws {
    let last = training.last.compressed.sizes
    context.metric("start_accuracy", training.start.score.accuracy)
    context.metric("start_reference_cr", training.start.compressed.sizes.ratio(.reference))
    context.metric("last_accuracy", training.last.score.accuracy)
    context.metric("last_reference_cr", last.ratio(.reference))
    context.metric("last_row_bitmap_cr", last.ratio(.rowBitmap))
    context.metric("dense_accuracy", dense)
    context.metric(
      "best_epoch", parameters.keep == "last" ? training.table.rows.count : training.bestEpoch)
    context.metric(
      "best_is_average", parameters.keep == "best" && training.bestIsAverage ? 1 : 0)
    let average = training.table.last("averaged_accuracy")
    context.metric("averaged_accuracy", average?.isFinite == true ? average : nil)
    context.metric("free_coefficients", training.freeCoefficients)
    let shares = training.table.rows.compactMap(\.last).filter(\.isFinite)
    context.metric("moved_share", shares.max())
    if let worst = shares.max(), worst > 0.01 {
      context.log(
        .warn,
        "\(percent(worst)) of the coefficients moved in an epoch; above 1 % this training is known to "
          + "diverge: raise 'minimum-change' or 'bar'")
    }
    let (baseline, structured) = try training.energy()
    context.metric("energy_ratio", baseline.total / structured.total)
    let rows = zip(baseline.shares, structured.shares).map { dense, inside in
      "\(dense.name),\(dense.energy),\(inside.energy)\n"
    }
    try context.write(
      "share,dense,structured\n" + rows.joined() + "total,\(baseline.total),\(structured.total)\n",
      to: "energy")
  }

  private func percent(_ share: Double) -> String { "\((share * 1000).rounded() / 10) %" }
}
