public import StructuredTraining

/// The parameters of a stage that say how long and how fast it trains.
public struct PlanParameters: Decodable, Hashable, Sendable {
  var epochs: Int
  var batch: Int
  var rate: Double
  var momentum: Double
  var weightDecay: Double
  var schedule: String
  var milestones: [Int]
  var factor: Double

  public var plan: TrainingPlan {
    let schedule: TrainingPlan.Schedule =
      switch schedule {
      case "steps": .steps(milestones, factor: factor)
      case "plateau": .plateau(final: factor)
      default: .constant
      }
    return TrainingPlan(
      epochs: epochs, batch: batch, rate: rate, momentum: momentum, weightDecay: weightDecay,
      schedule: schedule)
  }
}

/// The parameters of a stage that say how pixels become numbers.
public struct ScalingParameters: Decodable, Hashable, Sendable {
  var mean: [Double]
  var deviation: [Double]

  public var scaling: PictureSet.Scaling { PictureSet.Scaling(mean: mean, deviation: deviation) }
}
