internal import CBoundKernels
import Foundation

/// How much work goes into bounds.
public struct BoundOptions: Hashable, Sendable {
  /// Steps of ascent for each intermediate bound at the root; 0 takes the rule's slopes.
  public var intermediateSteps = 12
  /// Steps of ascent for the row at the root.
  public var rootSteps = 60
  /// Steps of ascent for the row in a child, which starts from its parent's values.
  public var childSteps = 16
  /// Adam's first rate, and its factor a step.
  public var rate = 0.1
  public var decay = 0.98
  /// Lower slopes to start from.
  public var slopes = LowerSlope.adaptive
  /// Whether ReLUs that the interval shows to be on or off are bounded too, which only makes the
  /// intervals of later layers smaller.
  public var boundsStable = false
  /// Whether a child's later layers are bounded anew.
  public var tightensChildren = true

  public init() {}

  /// Without ascent, from one rule.
  public static func fixed(_ slopes: LowerSlope) -> BoundOptions {
    var options = BoundOptions()
    options.intermediateSteps = 0
    options.rootSteps = 0
    options.childSteps = 0
    options.slopes = slopes
    options.boundsStable = true
    return options
  }
}

/// A subproblem's bound of one row.
struct RowBound: Sendable {
  var lowerBound: Double
  var dual: DualPoint
  /// The box's vertex at which the relaxation was smallest in the last step, with the row's value
  /// there; nil without steps.
  var vertex: (value: Double, point: [Double])?
}

/// Bounds parts of one box: the ReLUs' inputs, and rows of the output.
///
/// Immutable after its root is bounded; all work goes to a pool of threads in groups of eight that
/// do not depend on each other, so results are the same at any number of threads.
public final class Bounder: Sendable {
  public let network: ReLUNetwork
  public let box: Box
  public let options: BoundOptions
  let kernels: KernelNetwork
  let pool: EnginePool
  /// Valid on the whole box, a layer of ReLUs each.
  public let rootBounds: [LayerBounds]
  let intermediate: IntermediateSlopes

  /// Bounds all layers of ReLUs on the box.
  ///
  /// - Parameters:
  ///   - network: The network.
  ///   - box: In the order of the network's first layer.
  ///   - options: How much work to do.
  ///   - workers: Threads to keep busy.
  public convenience init(
    _ network: ReLUNetwork, box: Box, options: BoundOptions = BoundOptions(), workers: Int = 1
  ) {
    let kernels = KernelNetwork(network)
    self.init(
      kernels, pool: EnginePool(kernels, workers: workers), box: box, options: options)
  }

  init(_ kernels: KernelNetwork, pool: EnginePool, box: Box, options: BoundOptions) {
    network = kernels.network
    self.box = box
    self.options = options
    self.kernels = kernels
    self.pool = pool
    var bounds: [LayerBounds] = []
    var intermediate = IntermediateSlopes()
    for k in 0..<max(0, network.layers.count - 1) {
      var next =
        k == 0
        ? IntervalBounds.propagate(network.layers[0], lower: box.lower, upper: box.upper)
        : IntervalBounds.propagate(
          network.layers[k], lower: bounds[k - 1].lower.map { max($0, 0) },
          upper: bounds[k - 1].upper.map { max($0, 0) })
      intermediate.cells.append([])
      intermediate.slopes.append([:])
      if k > 0 {
        intermediate.cells[k] = IntermediateSlopes.cells(of: k, in: kernels, bounds: bounds)
        Bounder.tighten(
          &next, k, bounds, box, &intermediate, kernels, pool, options, steps: 0)
        if options.intermediateSteps > 0 {
          Bounder.tighten(
            &next, k, bounds, box, &intermediate, kernels, pool, options,
            steps: options.intermediateSteps)
        }
      }
      bounds.append(next)
    }
    rootBounds = bounds
    self.intermediate = intermediate
  }

  /// Bounds the ambiguous ReLUs of one layer, in groups on all threads.
  private static func tighten(
    _ next: inout LayerBounds, _ k: Int, _ bounds: [LayerBounds], _ box: Box,
    _ intermediate: inout IntermediateSlopes, _ kernels: KernelNetwork, _ pool: EnginePool,
    _ options: BoundOptions, steps: Int
  ) {
    let layer = kernels.layers[k]
    let wanted =
      options.boundsStable && steps == 0 ? Array(next.lower.indices) : next.ambiguous
    let queries = wanted.flatMap {
      [NeuronQuery(neuron: $0, isUpper: false), NeuronQuery(neuron: $0, isUpper: true)]
    }
    let groups = IntermediateSlopes.groups(queries, layer)
    let cells = intermediate.cells[k]
    let ascent = BoundEngine.Ascent(steps: steps, rate: options.rate, decay: options.decay)
    // A few groups share the setting of the layers below.
    let chunk = 4
    let found = pool.map((groups.count + chunk - 1) / chunk) { engine, part in
      engine.set(box)
      engine.isShared = true
      for j in 0..<k { engine.setShared(j, bounds[j], options.slopes) }
      return groups[part * chunk..<min((part + 1) * chunk, groups.count)].map { group in
        engine.bound(
          group, of: k, cell: cells[IntermediateSlopes.place(group[0].neuron, layer)],
          slopes: [:], rule: options.slopes, ascent)
      }
    }
    for (group, result) in zip(groups, found.joined()) {
      for (lane, query) in group.enumerated() {
        next.intersect(query, result.values[lane])
        if steps > 0 { intermediate.slopes[k][query.key] = result.slopes[lane] }
      }
    }
  }

  /// The whole box as a subproblem, not yet bounded.
  public func root() -> Subproblem {
    Subproblem(
      splits: [], bounds: rootBounds, lowerBound: -.infinity,
      dual: DualPoint(
        alpha: rootBounds.map { layer in
          layer.lower.indices.map { index in
            layer.isAmbiguous(index)
              ? Float(options.slopes.slope(layer.lower[index], layer.upper[index])) : 0
          }
        }, beta: []))
  }
}

extension LayerBounds {
  /// Takes over what a query found: never looser than before.
  mutating func intersect(_ query: NeuronQuery, _ bound: Double) {
    if query.isUpper {
      if -bound < upper[query.neuron] { upper[query.neuron] = -bound }
    } else if bound > lower[query.neuron] {
      lower[query.neuron] = bound
    }
  }
}

// MARK: - For tests and comparisons

extension Bounder {
  /// A subproblem's bound at its own dual point, without ascent.
  package func lowerBound(of subproblem: Subproblem, row: OutputRow) -> Double {
    bound([(subproblem, row)], steps: 0, target: .infinity)[0].lowerBound
  }

  /// A subproblem's bound after ascent.
  package func lowerBound(of subproblem: Subproblem, row: OutputRow, steps: Int) -> Double {
    bound([(subproblem, row)], steps: steps, target: .infinity)[0].lowerBound
  }
}

extension AffineLayer {
  /// The dense layer that gives one row of this dense layer's outputs.
  package func merged(_ row: OutputRow) -> AffineLayer {
    precondition(convolution == nil, "a dense layer is needed")
    return AffineLayer(
      weights: applyTransposed(row.coefficients), biases: [row.value(biases)], inputs: inputs)
  }
}
