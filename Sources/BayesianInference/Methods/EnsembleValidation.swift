import Foundation
import Tensors

/// How long an ensemble is trained, and how much noise its members don't know of, as rows that were left out
/// of the training tell.
///
/// Without a prior a network fits few rows exactly, and a variance of its own then says that it is sure. So
/// the whole schedule is tried, its half, and so on; to the variance of every row a constant is added, and
/// both are those with which mixtures predict the rows that were left out best. Stopping early alone would
/// have to choose between means that are not learned yet and variances that are too sure of themselves.
struct EnsembleValidation {
  /// Of the outcome: steps, and the variance that is added to each row's.
  struct Choice {
    var training: GradientTraining
    var addedVariance = 0.0
    var passes = 0.0
  }

  /// The longest schedule; shorter ones are halves of it.
  let training: GradientTraining
  /// Networks whose mixture predicts, for what one network loses by a longer training several may not.
  let members: Int

  private static let halvings = 7
  /// Shares of the targets' variance that may be added: from 10⁻⁴ to 3, ten a decade.
  private static let shares = [0] + (-40...5).map { pow(10, Double($0) / 10) }

  /// Means and variances, or logits, of rows that were left out: member after member.
  private struct Trial {
    var outputs: [[Double]] = []
    var passes = 0.0
  }

  /// - Parameters:
  ///   - plain: A plain posterior.
  ///   - context: Trains the parts side by side.
  /// - Returns: The schedule as it is where there are too few rows to leave any out.
  /// - Throws: ``InferenceError`` for rows that don't fit the likelihood.
  func choice(_ plain: Posterior, _ context: FitContext) async throws -> Choice {
    guard let validation = CrossValidation(rows: plain.rows.count) else {
      return Choice(training: training)
    }
    let total = training.steps(rows: plain.rows.count)
    // No step at all is a constant, than which no data makes an ensemble much worse.
    let lengths = (0..<Self.halvings).map { max(total >> $0, 1) } + [0]
    let (whole, members) = (training, members)
    let parts = try await validation.run(plain, context) { fitted, held, random in
      try lengths.map { length in
        var training = whole
        training.limit = length
        var trial = Trial()
        for member in 0..<members {
          var start = random.child("start").child(member)
          var theta = GradientTraining.start(plain.network, &start)
          let energy = Energy(fitted)
          if length > 0 {
            try training.run(&theta, energy, random: random.child("order").child(member))
          } else {
            theta = GradientTraining.constant(fitted)
          }
          trial.outputs.append(Energy(held).outputs(theta))
          trial.passes += energy.passes
        }
        return trial
      }
    }
    let targets = validation.parts.map { $0.held.map { plain.rows.targets[$0] } }
    let added = Self.addedVariances(plain)
    var best = (loss: Double.infinity, length: 0, added: 0.0)
    for length in lengths.indices {
      for added in added {
        let loss = zip(parts, targets).reduce(0) { sum, part in
          sum + Self.loss(plain.likelihood, part.0[length].outputs, part.1, added: added)
        }
        if loss < best.loss { best = (loss, length, added) }
      }
    }
    var choice = Choice(training: training, addedVariance: best.added)
    choice.training.limit = lengths[best.length]
    choice.passes = parts.joined().reduce(0) { $0 + $1.passes }
    return choice
  }

  private static func addedVariances(_ plain: Posterior) -> [Double] {
    guard plain.likelihood == .heteroscedastic else { return [0] }
    let variance = Moments(plain.rows.targets).variance
    return shares.map { $0 * variance }
  }

  /// −log of the mixture's density, summed over rows.
  private static func loss(
    _ likelihood: Likelihood, _ members: [[Double]], _ targets: [Double], added: Double
  ) -> Double {
    let width = likelihood.outputs
    let loss = targets.indices.reduce(0.0) { sum, row in
      let logs = members.map { outputs in
        outputs.withUnsafeBufferPointer { outputs -> Double in
          guard let start = outputs.baseAddress else { return 0 }
          return -likelihood.rowLoss(
            start + row * width, row: 0, stride: 1, target: targets[row], precision: 1,
            addedVariance: added)
        }
      }
      return sum - logSumExp(logs) + log(Double(logs.count))
    }
    return loss.isFinite ? loss : .infinity
  }
}
