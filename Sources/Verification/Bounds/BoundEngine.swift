internal import CBoundKernels
import Foundation

/// Eight backward bounds at once, with their gradients: the working memory of one thread.
///
/// A *lane* is one linear form of one layer's output, to be bounded from below on the box. Going
/// down, `A zhat_k` becomes a form of the input: `G = Wᵀ A` at each linear layer; a ReLU turns `G` into
/// `A = G⁺ lower + G⁻ upper - beta sigma` and adds `G⁻ intercept` to the constant. The box's
/// minimising vertex then runs forward through the same relaxation; by the envelope theorem the
/// gradient of the bound is `zhat G⁺` for a slope and `-sigma zhat` for a multiplier.
final class BoundEngine {
  typealias Numbers = UnsafeMutablePointer<Double>
  static let lanes = Int(BOUND_LANES)

  /// What one linear layer's output, and the ReLU after it, need.
  struct Level {
    let shape: bound_shape
    let count: Int
    /// Coefficients of `zhat`, and of `z`.
    let a, g: Numbers
    let zhat, z: Numbers
    /// The lower slope; eight a ReLU.
    let lower: Numbers
    /// The upper line; one a ReLU where `isShared`, else eight.
    let upper, intercept: Numbers
    let first, second: Numbers
    let best: UnsafeMutablePointer<Float>
    /// ReLUs whose lower slopes are free in some lane.
    let active: UnsafeMutablePointer<UInt32>
    var activeCount = 0
    var window: bound_window
  }

  /// A split's multiplier in one lane.
  struct Multiplier {
    var lane: Int
    var layer: Int
    var neuron: Int
    /// 1 for `zhat >= 0`, -1 for `zhat <= 0`.
    var sigma: Double
    var value: Double
    var first = 0.0
    var second = 0.0
    var best: Double
  }

  let network: KernelNetwork
  var levels: [Level]
  let input: bound_shape
  let inputCount: Int
  /// Coefficients of the input, and the box's minimising vertex.
  let inputG, vertex: Numbers
  /// The box: one number an input where `isBoxShared`, else eight.
  let centre, radius: Numbers
  var isBoxShared = true
  /// Whether all lanes have the same bounds of layers.
  var isShared = true
  var inputWindow: bound_window
  var multipliers: [Multiplier] = []
  private let scratch: UnsafeMutablePointer<UInt32>
  /// Eight numbers each: the constant to start with, running constants, the bounds, their best.
  let offset, constant, value, best: Numbers
  private let improved: UnsafeMutablePointer<Int64>

  init(_ network: KernelNetwork) {
    self.network = network
    let lanes = BoundEngine.lanes
    func numbers(_ count: Int) -> Numbers {
      let pointer = Numbers.allocate(capacity: max(count, 1))
      pointer.initialize(repeating: 0, count: max(count, 1))
      return pointer
    }
    levels = network.layers.enumerated().map { index, layer in
      let size = layer.outputs * lanes
      let isReLU = index + 1 < network.layers.count
      let own = isReLU ? size : 1
      let best = UnsafeMutablePointer<Float>.allocate(capacity: own)
      best.initialize(repeating: 0, count: own)
      let active = UnsafeMutablePointer<UInt32>.allocate(capacity: own)
      active.initialize(repeating: 0, count: own)
      return Level(
        shape: layer.output, count: layer.outputs, a: numbers(size), g: numbers(own),
        zhat: numbers(size), z: numbers(own), lower: numbers(own), upper: numbers(own),
        intercept: numbers(own), first: numbers(own), second: numbers(own), best: best,
        active: active, window: layer.output.whole)
    }
    input = network.layers[0].input
    inputCount = network.layers[0].inputs
    inputG = numbers(inputCount * lanes)
    vertex = numbers(inputCount * lanes)
    centre = numbers(inputCount * lanes)
    radius = numbers(inputCount * lanes)
    inputWindow = input.whole
    let widest = network.layers.map { max($0.inputs, $0.outputs) }.max() ?? 1
    scratch = .allocate(capacity: widest)
    scratch.initialize(repeating: 0, count: widest)
    offset = numbers(lanes)
    constant = numbers(lanes)
    value = numbers(lanes)
    best = numbers(lanes)
    improved = .allocate(capacity: lanes)
    improved.initialize(repeating: 0, count: lanes)
  }

  deinit {
    for level in levels {
      for pointer in [
        level.a, level.g, level.zhat, level.z, level.lower, level.upper, level.intercept,
        level.first, level.second,
      ] { pointer.deallocate() }
      level.best.deallocate()
      level.active.deallocate()
    }
    for pointer in [inputG, vertex, centre, radius, offset, constant, value, best] {
      pointer.deallocate()
    }
    improved.deallocate()
    scratch.deallocate()
  }

  // MARK: - Passes

  /// Bounds the forms in `levels[k].a` from below, into `value`.
  func backward(from k: Int, wantsVertex: Bool) {
    constant.update(from: offset, count: BoundEngine.lanes)
    for j in stride(from: k, through: 0, by: -1) {
      let layer = network.layers[j]
      let level = levels[j]
      bound_bias(level.shape, level.window, level.a, layer.biases, constant)
      let target = j > 0 ? levels[j - 1].g : inputG
      let window = j > 0 ? levels[j - 1].window : inputWindow
      if var shape = layer.convolution {
        bound_convolution_transposed(
          &shape, layer.backward, level.a, level.window, window, target)
      } else {
        bound_dense(layer.outputs, layer.inputs, layer.backward, level.a, nil, scratch, target)
      }
      guard j > 0 else { break }
      let below = levels[j - 1]
      bound_relu_backward(
        below.shape, below.window, below.g, below.lower, below.upper, below.intercept,
        isShared ? 1 : 0, below.a, constant)
      for multiplier in multipliers where multiplier.layer == j - 1 {
        below.a[multiplier.neuron * BoundEngine.lanes + multiplier.lane] -=
          multiplier.value * multiplier.sigma
      }
    }
    bound_concretise(
      input, inputWindow, inputG, centre, radius, isBoxShared ? 1 : 0, constant, value,
      wantsVertex ? vertex : nil)
  }

  /// Runs the vertex through the relaxation up to what goes into the ReLUs below layer `k`.
  func forward(below k: Int) {
    for j in 0..<k {
      linear(j, from: j == 0 ? vertex : levels[j - 1].z, to: levels[j].zhat)
      let level = levels[j]
      bound_relu_forward(
        level.shape, level.window, level.g, level.lower, level.upper, level.intercept,
        isShared ? 1 : 0, level.zhat, level.z)
    }
  }

  /// One linear layer with its biases.
  func linear(_ j: Int, from source: Numbers, to target: Numbers) {
    let layer = network.layers[j]
    if var shape = layer.convolution {
      bound_convolution_forward(
        &shape, layer.forward, layer.biases, source, levels[j].window, target)
    } else {
      bound_dense(layer.inputs, layer.outputs, layer.forward, source, layer.biases, scratch, target)
    }
  }

  /// `Wᵀ` of one linear layer.
  func transposed(_ j: Int, from source: Numbers, to target: Numbers) {
    let layer = network.layers[j]
    if var shape = layer.convolution {
      bound_convolution_transposed(
        &shape, layer.backward, source, levels[j].shape.whole, layer.input.whole, target)
    } else {
      bound_dense(layer.outputs, layer.inputs, layer.backward, source, nil, scratch, target)
    }
  }

  // MARK: - Ascent

  /// How dual ascent goes: Adam with a rate that shrinks by `decay` a step.
  struct Ascent {
    var steps: Int
    var rate = 0.1
    var decay = 0.98
  }

  /// Raises the bounds of the forms in `levels[k].a` over the free slopes and multipliers.
  ///
  /// Leaves the best bounds in `best`, the slopes that gave them in `levels[…].best` (compact, in
  /// the order of `active`), and the multipliers in `multipliers[…].best`.
  ///
  /// - Parameters:
  ///   - k: The layer to start from.
  ///   - ascent: Steps and rates.
  ///   - target: Lanes whose bound is above theirs are done; the ascent ends when all are.
  func ascend(from k: Int, _ ascent: Ascent, until target: [Double]) {
    let lanes = BoundEngine.lanes
    for lane in 0..<lanes { best[lane] = -.infinity }
    if ascent.steps > 0 {
      for j in 0..<k {
        let count = levels[j].activeCount * lanes
        levels[j].first.update(repeating: 0, count: count)
        levels[j].second.update(repeating: 0, count: count)
      }
    }
    var rate = ascent.rate
    for step in 0...max(ascent.steps, 0) {
      let isLast = step >= ascent.steps
      backward(from: k, wantsVertex: !isLast)
      if keepBest(below: k, target) || isLast { return }
      forward(below: k)
      let time = Double(step + 1)
      let corrected = rate / (1 - pow(0.9, time))
      let correction = 1 / (1 - pow(0.999, time))
      for j in 0..<k {
        let level = levels[j]
        bound_ascend(
          level.activeCount, level.active, level.g, level.zhat, level.intercept,
          isShared ? 1 : 0, corrected, correction, level.lower, level.first, level.second)
      }
      for index in multipliers.indices where multipliers[index].layer < k {
        let multiplier = multipliers[index]
        let place = multiplier.neuron * lanes + multiplier.lane
        let gradient = -multiplier.sigma * levels[multiplier.layer].zhat[place]
        let first = multiplier.first * 0.9 + gradient * 0.1
        let second = multiplier.second * 0.999 + gradient * gradient * 0.001
        multipliers[index].first = first
        multipliers[index].second = second
        multipliers[index].value = max(
          0, multiplier.value + corrected * first / ((second * correction).squareRoot() + 1e-8))
      }
      rate *= ascent.decay
    }
  }

  /// Saves the slopes of lanes that improved; true where all lanes are above their targets.
  private func keepBest(below k: Int, _ target: [Double]) -> Bool {
    var isDone = true
    var hasImproved = false
    for lane in 0..<BoundEngine.lanes {
      let isBetter = value[lane] > best[lane]
      improved[lane] = isBetter ? -1 : 0
      if isBetter {
        best[lane] = value[lane]
        hasImproved = true
      }
      if !(best[lane] > target[lane]) { isDone = false }
    }
    guard hasImproved else { return isDone }
    for j in 0..<k {
      let level = levels[j]
      bound_save(level.activeCount, level.active, level.lower, improved, level.best)
    }
    for index in multipliers.indices where improved[multipliers[index].lane] != 0 {
      multipliers[index].best = multipliers[index].value
    }
    return isDone
  }
}
