import Formats
import NetworkImport
import NeuralNetworks
import ONNX
public import SmartDeal
import Tensors

/// What one step of training costs, by where the energy goes: a model of this project's own.
///
/// Every number that trains has 32 bits. Weights are read twice (forward and back) and their gradients
/// written once; gradient descent reads and writes weights and momentum; activations and errors are
/// written and read once each; there are three times the multiplications of the forward pass. All of
/// that goes through DRAM. The baseline is the same training of dense weights on the same machine; the
/// published ratio depends on other baselines, and is not claimed.
public struct TrainingEnergy: Hashable, Sendable {
  /// Picojoule a step.
  public var weights = 0.0
  public var updates = 0.0
  public var activations = 0.0
  public var arithmetic = 0.0

  public var total: Double { weights + updates + activations + arithmetic }

  /// All shares with their names.
  public var shares: [(name: String, energy: Double)] {
    [
      ("weights", weights), ("gradients and updates", updates),
      ("activations and errors", activations),
      ("arithmetic", arithmetic),
    ]
  }

  /// What operations and accesses cost, in picojoule.
  public struct Costs: Hashable, Sendable {
    /// Of a byte from or to DRAM.
    public var dram: Double
    /// Of a multiplication with its addition, float32.
    public var multiplyAccumulate: Double
    /// Of a shift with its addition, for rebuilding a weight.
    public var rebuild: Double

    /// DRAM and rebuilding as in inference at 28 nm; arithmetic of float32 at 45 nm, 3.7 + 0.9 (Horowitz,
    /// ISSCC 2014).
    public init(
      dram: Double = UnitCosts.nm28.dram, multiplyAccumulate: Double = 3.7 + 0.9,
      rebuild: Double = UnitCosts.nm28.shift + UnitCosts.nm28.add
    ) {
      self.dram = dram
      self.multiplyAccumulate = multiplyAccumulate
      self.rebuild = rebuild
    }
  }

  /// What a layer computes for one picture.
  struct Work: Hashable, Sendable {
    var weights: Int
    var multiplications: Int
    var activations: Int
  }

  /// The energy of a step with dense weights.
  static func dense(_ work: [Work], batch: Int, costs: Costs) -> TrainingEnergy {
    var energy = TrainingEnergy()
    for layer in work {
      let bytes = 4 * Double(layer.weights)
      energy.weights += costs.dram * 2 * bytes
      energy.updates += costs.dram * (bytes + 4 * bytes)
      energy.add(layer, batch: batch, costs)
    }
    return energy
  }

  /// The energy of a step inside a structure.
  ///
  /// - Parameters:
  ///   - work: Of each weight tensor.
  ///   - layers: As they are stored.
  ///   - treatment: Which decides what of the coefficients is written.
  ///   - batch: Pictures a step.
  ///   - costs: Of operations and accesses.
  /// - Returns: Picojoule a step.
  static func structured(
    _ work: [Work], _ layers: [StoredLayer], _ treatment: CoefficientTreatment, batch: Int,
    costs: Costs
  ) -> TrainingEnergy {
    var energy = TrainingEnergy()
    for (layer, stored) in zip(work, layers) {
      energy.add(layer, batch: batch, costs)
      guard case .structured(let layout, let codes, _, _) = stored.content else {
        let dense = TrainingEnergy.dense([layer], batch: 0, costs: costs)
        energy.weights += dense.weights
        energy.updates += dense.updates
        continue
      }
      let account = StorageAccount(layout, codes)
      let symbol = account.referenceSymbolBits
      let nonZeros = Double(account.nonZeros)
      let bases = Double(account.basisElements)
      energy.weights +=
        costs.dram * 2 * Double(account.bits(symbolBits: symbol, basisBits: 32)) / 8
      energy.arithmetic += costs.rebuild * 2 * nonZeros * Double(layout.n)
      // Gradient, momentum twice and the number itself twice.
      energy.updates += costs.dram * 4 * bases * 5
      switch treatment {
      case .frozen: break
      case .straightThrough: energy.updates += costs.dram * 4 * nonZeros * 5
      case .roundEachStep, .bucketSwitch:
        energy.updates += costs.dram * nonZeros * (4 * 3 + 2 * Double(symbol) / 8)
      }
    }
    return energy
  }

  private mutating func add(_ layer: Work, batch: Int, _ costs: Costs) {
    activations += costs.dram * 4 * Double(layer.activations) * 2 * 2 * Double(batch)
    arithmetic += costs.multiplyAccumulate * 3 * Double(layer.multiplications) * Double(batch)
  }
}

extension StructureTraining {
  /// The energy of a step of the last epoch's structure, and of the same step with dense weights.
  ///
  /// - Throws: `TensorError` where memory does not suffice.
  public func energy(
    costs: TrainingEnergy.Costs = TrainingEnergy.Costs()
  ) throws -> (dense: TrainingEnergy, structured: TrainingEnergy) {
    let work = try last.network.work()
    return (
      .dense(work, batch: plan.batch, costs: costs),
      .structured(
        work, last.compressed.layers, options.treatment, batch: plan.batch, costs: costs)
    )
  }
}

extension TrainableNetwork {
  /// What each weight tensor's layer computes for one picture, in the graph's order of the tensors.
  func work() throws -> [TrainingEnergy.Work] {
    // The sizes of all outputs follow from an evaluation that asks for them.
    var open = model
    let tensors = try weightTensors()
    let outputs = tensors.map { model.graph.layerOutput(of: $0.name) }
    for name in outputs
    where !name.isEmpty && !open.graph.outputs.contains(where: { $0.name == name }) {
      open.graph.outputs.append(ONNXValue(name: name, type: .float32, shape: nil))
    }
    let network = try ONNXNetwork(open)
    let picture = try Tensor.zeros([1] + pictureShape)
    let values = try network.evaluate([network.inputs[0]: picture])
    return zip(tensors, outputs).map { tensor, output in
      let count = values[output]?.count ?? tensor.shape[0]
      let perPixel = tensor.weights.count / max(tensor.shape[0], 1)
      return TrainingEnergy.Work(
        weights: tensor.weights.count, multiplications: count * perPixel, activations: count)
    }
  }
}

extension ONNXGraph {
  /// The name of what the layer computes that a constant is the weights of, empty for none; exporters
  /// put nodes between the two.
  fileprivate func layerOutput(of constant: String) -> String {
    var name = constant
    for _ in 0...nodes.count {
      guard let node = nodes.first(where: { $0.inputs.contains(name) }),
        let output = node.outputs.first
      else { return "" }
      guard ["Transpose", "Identity"].contains(node.operator) else { return output }
      name = output
    }
    return ""
  }
}
