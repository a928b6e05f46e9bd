import Foundation

/// Bounds a linear form of the outputs by Lagrangian decomposition (Bunel et al., "Lagrangian
/// Decomposition for Neural Network Verification", UAI 2020).
///
/// Every ReLU's input is copied: one copy is what the linear layer gives, the other what the ReLU takes.
/// Multipliers `rho` on their equality decouple the layers, whose minima are then closed forms:
///
///     q(rho) = min_x rho_1 (W_1 x + b_1) + Σ_k min_(zhat, z) (W_{k+1}ᵀ rho_{k+1} z - rho_k zhat)
///              + rho_{k+1} b_{k+1},      rho_K = the form's coefficients,
///
/// with each (zhat, z) in its ReLU's triangle. Any `rho` gives a valid bound, the best one is the planet
/// relaxation's optimum; the difference of the copies is a supergradient. Start is Wong and Kolter's pass,
/// from which `q` is at least their bound.
public struct LagrangianDecomposition: Sendable {
  private let network: ReLUNetwork
  private let box: Box
  private let bounds: [LayerBounds]
  private let row: OutputRow

  /// - Parameters:
  ///   - network: The network.
  ///   - box: In the order of the network's first layer.
  ///   - bounds: Of all layers of ReLUs; splits are bounds that end at 0.
  ///   - row: The form to bound.
  public init(_ network: ReLUNetwork, box: Box, bounds: [LayerBounds], row: OutputRow) {
    precondition(bounds.count == network.layers.count - 1, "bounds of every layer of ReLUs")
    self.network = network
    self.box = box
    self.bounds = bounds
    self.row = row
  }

  /// The best bound of some steps of Adam up the supergradient.
  ///
  /// - Parameters:
  ///   - steps: Steps; 0 evaluates the start.
  ///   - rate: Adam's first rate, as a share of the largest multiplier; it falls by `decay` a step.
  ///   - decay: The rate's factor a step.
  /// - Returns: A lower bound of the form on the box.
  public func lowerBound(steps: Int, rate: Double = 0.05, decay: Double = 0.98) -> Double {
    var rho = start()
    var first = rho.map { $0.map { _ in 0.0 } }
    var second = first
    let scale = max(rho.joined().reduce(0) { max($0, abs($1)) }, 1e-12)
    var best = -Double.infinity
    var size = rate * scale
    for step in 0...max(steps, 0) {
      let (value, slopes) = evaluate(rho)
      best = max(best, value)
      guard step < steps else { break }
      let (memory, correction) = (
        1 - pow(0.9, Double(step + 1)), 1 - pow(0.999, Double(step + 1))
      )
      for k in rho.indices {
        for i in rho[k].indices {
          let slope = slopes[k][i]
          first[k][i] = 0.9 * first[k][i] + 0.1 * slope
          second[k][i] = 0.999 * second[k][i] + 0.001 * slope * slope
          rho[k][i] +=
            size * first[k][i] / memory / ((second[k][i] / correction).squareRoot() + 1e-8)
        }
      }
      size *= decay
    }
    return best
  }

  /// Coefficients of what goes into each layer's ReLUs in Wong and Kolter's backward pass.
  private func start() -> [[Double]] {
    var rho = bounds.map { $0.lower }
    var next = row.coefficients
    for k in bounds.indices.reversed() {
      next = network.layers[k + 1].applyTransposed(next)
      for i in next.indices {
        next[i] *= UpperLine(bounds[k].lower[i], bounds[k].upper[i]).slope
      }
      rho[k] = next
    }
    return rho
  }

  /// The bound at some multipliers, and the difference of the copies.
  private func evaluate(_ rho: [[Double]]) -> (value: Double, slopes: [[Double]]) {
    var value = row.offset
    var slopes: [[Double]] = []
    // The input is at a vertex of the box.
    let first = rho.first ?? row.coefficients
    var form = network.layers[0].applyTransposed(first)
    var point = form.indices.map { form[$0] > 0 ? box.lower[$0] : box.upper[$0] }
    value += zip(form, point).reduce(0) { $0 + $1.0 * $1.1 }
    value += zip(first, network.layers[0].biases).reduce(0) { $0 + $1.0 * $1.1 }
    for k in bounds.indices {
      let given = network.layers[k].apply(point)
      let next = k + 1 < rho.count ? rho[k + 1] : row.coefficients
      form = network.layers[k + 1].applyTransposed(next)
      value += zip(next, network.layers[k + 1].biases).reduce(0) { $0 + $1.0 * $1.1 }
      var slope = given
      point = form
      for i in form.indices {
        let (lowest, taken, z) = corner(k, i, rho: rho[k][i], coefficient: form[i])
        value += lowest
        slope[i] = given[i] - taken
        point[i] = z
      }
      slopes.append(slope)
    }
    return (value, slopes)
  }

  /// The corner of a ReLU's triangle where `coefficient z - rho zhat` is smallest.
  private func corner(
    _ k: Int, _ i: Int, rho: Double, coefficient: Double
  ) -> (value: Double, zhat: Double, z: Double) {
    let (lower, upper) = (bounds[k].lower[i], bounds[k].upper[i])
    var best = (value: Double.infinity, zhat: lower, z: 0.0)
    let corners = lower < 0 && upper > 0 ? [lower, 0, upper] : [lower, upper]
    for zhat in corners {
      let z = upper <= 0 ? 0 : max(zhat, 0)
      let value = coefficient * z - rho * zhat
      if value < best.value { best = (value, zhat, z) }
    }
    return best
  }
}
