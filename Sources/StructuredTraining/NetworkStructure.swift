import NeuralNetworks
import SmartDeal
import Tensors

/// All parameters of a network in the order of its module: some as coefficients and bases, the others as
/// they are.
struct NetworkStructure: Sendable {
  private var parameters: [Parameter]
  /// Places among the parameters, in the order of the graph's weight tensors.
  private let weightPlaces: [Int]

  fileprivate struct Parameter: Sendable {
    let name: String
    /// Of the tensor that the network takes.
    let shape: [Int]
    /// Whether that is the transposed of the numbers here.
    let isTransposed: Bool
    /// The shape of the numbers here, of a weight tensor.
    let weightShape: [Int]?
    var content: Content
  }

  fileprivate enum Content: Sendable {
    case structured(StructuredTensor)
    case plain([Float], velocity: [Float])
  }

  /// Decomposes a network's weight tensors.
  ///
  /// - Returns: The structure before any training.
  static func decomposing(
    _ network: TrainableNetwork, _ options: StructureTraining.Options
  ) throws -> NetworkStructure {
    let tensors = try network.weightTensors()
    for name in options.realValued where !tensors.contains(where: { $0.name == name }) {
      throw TrainingError(
        .badPlan,
        "'\(name)' is no weight tensor; they are \(tensors.map(\.name).joined(separator: ", "))")
    }
    let chosen = tensors.filter { !options.realValued.contains($0.name) }
    try options.pruning?.check(tensors)
    var pruning = options.pruning
    pruning?.numbers = zip(tensors, options.pruning?.numbers ?? [])
      .filter { !options.realValued.contains($0.0.name) }.map(\.1)
    let found = try CompressedNetwork.decomposing(
      chosen, options.decomposition, pruning: pruning, encodings: options.encodings,
      threads: options.threads)
    let decompositions = Dictionary(
      zip(chosen.map(\.name), found.decompositions), uniquingKeysWith: { first, _ in first })
    let weights = Dictionary(
      tensors.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    let tree = try network.network.parameters()
    let parameters = try zip(tree.names, tree.tensors).map { name, tensor in
      let weight = weights[name]
      let turned = weight?.isTransposed == true && tensor.rank == 2
      let content: Content
      if let decomposition = decompositions[name] ?? nil {
        content = .structured(
          StructuredTensor(
            decomposition, rounding: PowerRounding(decomposition, options.decomposition)))
      } else {
        let numbers = try weight?.weights ?? tensor.floats()
        content = .plain(numbers, velocity: [Float](repeating: 0, count: numbers.count))
      }
      return Parameter(
        name: name, shape: tensor.shape, isTransposed: turned, weightShape: weight?.shape,
        content: content)
    }
    let places = tensors.compactMap { tensor in
      parameters.firstIndex { $0.name == tensor.name }
    }
    return NetworkStructure(parameters: parameters, weightPlaces: places)
  }

  private init(parameters: [Parameter], weightPlaces: [Int]) {
    self.parameters = parameters
    self.weightPlaces = weightPlaces
  }

  /// How many coefficients may be other than zero.
  var freeCoefficients: Int {
    parameters.reduce(0) { sum, parameter in
      guard case .structured(let tensor) = parameter.content else { return sum }
      return sum + tensor.mask.reduce(0) { $0 + Int($1) }
    }
  }

  /// What the network computes with, in its order.
  func tensors() throws -> [Tensor] {
    try parameters.map { parameter in
      let numbers =
        switch parameter.content {
        case .structured(let tensor): tensor.weights()
        case .plain(let numbers, _): numbers
        }
      guard parameter.isTransposed else { return try Tensor(numbers, shape: parameter.shape) }
      return try Tensor(numbers, shape: parameter.shape.reversed()).transposed().contiguous()
    }
  }

  /// One step of gradient descent on all parameters.
  ///
  /// - Parameters:
  ///   - gradients: In the network's order.
  ///   - step: Rate, momentum and weight decay.
  ///   - treatment: What becomes of coefficients.
  /// - Returns: How many coefficients moved to another bucket.
  /// - Throws: `TensorError` where memory does not suffice.
  mutating func descend(
    _ gradients: [Tensor], _ step: DescentStep, _ treatment: CoefficientTreatment
  ) throws -> Int {
    var moved = 0
    for index in parameters.indices {
      let gradient =
        try parameters[index].isTransposed
        ? gradients[index].transposed().floats() : gradients[index].floats()
      moved += parameters[index].content.descend(gradient, step, treatment)
    }
    return moved
  }

  mutating func startEpoch() {
    for index in parameters.indices { parameters[index].content.startEpoch() }
  }

  /// Takes a step towards a later state of the same structure, for a running average: all numbers that
  /// train become (1 − share) · these + share · those.
  mutating func approach(_ other: NetworkStructure, share: Float) {
    for index in parameters.indices {
      switch (parameters[index].content, other.parameters[index].content) {
      case (.plain(var numbers, let velocity), .plain(let later, _)):
        numbers.approach(later, share: share)
        parameters[index].content = .plain(numbers, velocity: velocity)
      case (.structured(var tensor), .structured(let later)):
        tensor.approach(later, share: share)
        parameters[index].content = .structured(tensor)
      default: preconditionFailure("parameter \(index) is stored in another way")
      }
    }
  }

  /// The weight tensors as a file holds them, in the graph's order.
  func layers(_ encodings: [Encoding]) -> [StoredLayer] {
    weightPlaces.map { place in
      let parameter = parameters[place]
      switch parameter.content {
      case .plain(let numbers, _):
        return StoredLayer(
          name: parameter.name, shape: parameter.weightShape ?? parameter.shape, raw: numbers)
      case .structured(let tensor):
        let n = tensor.layout.n
        return StoredLayer(
          name: parameter.name, layout: tensor.layout, coefficients: tensor.codes(),
          basis: StoredBasis(tensor.bases.map(Double.init), elementsPerBlock: n * n),
          encodings: encodings)
      }
    }
  }

  // MARK: In checkpoints

  /// All that changes in training, by name.
  var state: [(name: String, numbers: [Float])] {
    parameters.flatMap { parameter -> [(name: String, numbers: [Float])] in
      switch parameter.content {
      case .plain(let numbers, let velocity):
        [("\(parameter.name).numbers", numbers), ("\(parameter.name).velocity", velocity)]
      case .structured(let tensor):
        tensor.state.map { ("\(parameter.name).\($0.name)", $0.numbers) }
      }
    }
  }

  /// Takes what ``state`` gave at the end of an epoch.
  ///
  /// - Parameter numbers: Finds them by name.
  /// - Throws: ``TrainingError`` where counts differ, and what `numbers` throws.
  mutating func restore(_ numbers: (_ name: String) throws -> [Float]) throws {
    for index in parameters.indices {
      let name = parameters[index].name
      switch parameters[index].content {
      case .plain(let old, _):
        let new = try numbers("\(name).numbers")
        let velocity = try numbers("\(name).velocity")
        guard new.count == old.count, velocity.count == old.count else {
          throw Checkpoint.mismatch
        }
        parameters[index].content = .plain(new, velocity: velocity)
      case .structured(var tensor):
        let state = try tensor.state.map { try numbers("\(name).\($0.name)") }
        guard tensor.restore(state) else { throw Checkpoint.mismatch }
        parameters[index].content = .structured(tensor)
      }
    }
  }
}

extension NetworkStructure.Content {
  /// Moves in place: the content is taken out first, so that its arrays aren't copied.
  fileprivate mutating func descend(
    _ gradient: [Float], _ step: DescentStep, _ treatment: CoefficientTreatment
  ) -> Int {
    switch self {
    case .plain(var numbers, var velocity):
      self = .plain([], velocity: [])
      step.move(&numbers, &velocity, gradient)
      self = .plain(numbers, velocity: velocity)
      return 0
    case .structured(var tensor):
      self = .plain([], velocity: [])
      let moved = tensor.descend(gradient, step, treatment)
      self = .structured(tensor)
      return moved
    }
  }

  fileprivate mutating func startEpoch() {
    guard case .structured(var tensor) = self else { return }
    self = .plain([], velocity: [])
    tensor.startEpoch()
    self = .structured(tensor)
  }
}

extension PowerRounding {
  /// The rounding that keeps to what a decomposition may give.
  ///
  /// Joint rounding has no threshold: its coefficients keep to the exponents that a tensor has.
  init(_ decomposition: Decomposition, _ options: DecompositionOptions) {
    switch options.rounding {
    case .nearest:
      self.init(threshold: options.threshold, largest: options.maxCoefficient)
    case .joint:
      let account = StorageAccount(decomposition.layout, decomposition.coefficients)
      self.init(exponents: account.exponents)
    }
  }
}
