public import Formats

extension ApproximatePosterior {
  /// The posterior as a safetensors file: `draws` [count × parameters] in float32, `noise` [count],
  /// the scaling, and what else there is as metadata.
  public func file() -> Safetensors {
    var tensors = [
      NamedTensor(name: "draws", data: TensorData(draws, shape: [count, parameterCount])),
      NamedTensor(
        name: "input_means", data: TensorData(scaling.inputMeans, shape: [network.inputs])),
      NamedTensor(
        name: "input_scales", data: TensorData(scaling.inputScales, shape: [network.inputs])),
      NamedTensor(
        name: "target_scaling",
        data: TensorData([scaling.targetMean, scaling.targetScale], shape: [2])),
    ]
    if !noise.isEmpty {
      tensors.append(NamedTensor(name: "noise", data: TensorData(noise, shape: [noise.count])))
    }
    return Safetensors(
      tensors,
      metadata: [
        "method": method, "sizes": network.sizes.map(String.init).joined(separator: " "),
        "activation": network.activation.rawValue, "likelihood": likelihood.text,
        "rule": rule.rawValue, "chains": String(chains), "dropout": String(dropoutRate),
        "temperature": String(temperature), "warnings": warnings.joined(separator: "\n"),
      ])
  }

  /// - Throws: ``InferenceError`` where the file isn't what ``file()`` writes.
  public init(_ file: Safetensors) throws {
    try self.init(
      metadata: file.metadata, drawsShape: file["draws"]?.shape, limit: nil,
      tensor: { file[$0] }, draws: { _ in file["draws"] })
  }

  /// Reads a file that ``file()`` wrote, and of its draws only those that so many predict with.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - limit: The most draws, evenly spaced within each chain, as in ``predict(_:count:random:)``.
  /// - Throws: `FormatError` where it is no safetensors file, ``InferenceError`` where it isn't what
  ///   ``file()`` writes.
  public init(path: String, atMost limit: Int) throws {
    let file = try SafetensorsFile(path: path)
    try self.init(
      metadata: file.metadata, drawsShape: file.shape("draws"), limit: limit,
      tensor: { file.tensor($0) }, draws: { file.rows($0, of: "draws") })
  }

  private init(
    metadata: [String: String], drawsShape: [Int]?, limit: Int?,
    tensor: (String) -> TensorData?, draws read: ([Int]) -> TensorData?
  ) throws {
    let word = { (key: String) throws -> String in
      guard let value = metadata[key] else {
        throw InferenceError(
          .badData, "the posterior's metadata has no '\(key)'; a file of bnn-fit is needed")
      }
      return value
    }
    func numbers(_ name: String) throws -> [Double] {
      guard let tensor = tensor(name) else {
        throw InferenceError(
          .badData, "the posterior has no tensor '\(name)'; a file of bnn-fit is needed")
      }
      return tensor.doubles()
    }
    let sizes = try word("sizes").split(separator: " ").compactMap { Int($0) }
    guard sizes.count >= 2, let activation = Network.Activation(rawValue: try word("activation")),
      let likelihood = Likelihood(text: try word("likelihood")),
      let rule = Rule(rawValue: try word("rule")), let chains = Int(try word("chains")), chains > 0,
      let rate = Double(try word("dropout")), (0..<1).contains(rate),
      let temperature = Double(try word("temperature"))
    else { throw InferenceError(.badData, "the posterior's metadata \(metadata) is damaged") }
    let network = try Network(
      inputs: sizes[0], hidden: Array(sizes[1..<sizes.count - 1]), outputs: sizes[sizes.count - 1],
      activation: activation)
    let (means, scales) = (try numbers("input_means"), try numbers("input_scales"))
    let target = try numbers("target_scaling")
    guard let shape = drawsShape, shape.count == 2, shape[0] > 0,
      shape[1] == network.parameterCount, means.count == network.inputs,
      scales.count == network.inputs, target.count == 2,
      rule == .draws || rule == .dropout || shape[0] >= 2,
      likelihood.outputs == network.outputs
    else {
      throw InferenceError(
        .badData,
        "the posterior's tensors don't fit a network of the sizes \(sizes), which has "
          + "\(network.parameterCount) parameters")
    }
    var noise: [Double] = []
    // A heteroscedastic posterior may have noise besides that of its rows.
    let hasNoise =
      switch likelihood {
      case .gaussian: true
      case .heteroscedastic: tensor("noise") != nil
      case .bernoulli, .categorical: false
      }
    if hasNoise {
      noise = try numbers("noise")
      guard noise.count == shape[0] else {
        throw InferenceError(
          .badData, "the posterior has \(shape[0]) draws and \(noise.count) noises")
      }
    }
    var used = Array(0..<shape[0])
    if let limit {
      let first = rule == .linearised ? 1 : 0
      switch rule {
      case .draws, .linearised:
        used =
          used[..<first]
          + ApproximatePosterior.thinned(from: first, of: shape[0], chains: chains, limit)
      case .dropout, .moments: break
      }
    }
    guard let draws = limit == nil ? read([]) : read(used) else {
      throw InferenceError(.badData, "the posterior has no tensor 'draws'")
    }
    self.init(
      method: try word("method"), network: network, likelihood: likelihood,
      scaling: Standardisation(
        inputMeans: means, inputScales: scales, targetMean: target[0], targetScale: target[1]),
      rule: rule, draws: draws.floats(), chains: chains,
      noise: noise.isEmpty ? [] : used.map { noise[$0] })
    dropoutRate = rate
    self.temperature = temperature
    warnings = try word("warnings").split(separator: "\n").map(String.init)
  }
}

extension Likelihood {
  fileprivate var text: String {
    switch self {
    case .gaussian(.known(let deviation)): "gaussian known \(deviation)"
    case .gaussian(.learned(let shape, let rate)): "gaussian learned \(shape) \(rate)"
    case .heteroscedastic: "heteroscedastic"
    case .bernoulli: "bernoulli"
    case .categorical(let classes): "categorical \(classes)"
    }
  }

  fileprivate init?(text: String) {
    let words = text.split(separator: " ")
    let numbers = words.compactMap { Double($0) }
    switch (words.first ?? "", numbers.count) {
    case ("gaussian", 1): self = .gaussian(.known(deviation: numbers[0]))
    case ("gaussian", 2): self = .gaussian(.learned(shape: numbers[0], rate: numbers[1]))
    case ("heteroscedastic", 0): self = .heteroscedastic
    case ("bernoulli", 0): self = .bernoulli
    case ("categorical", 1):
      guard let classes = Int(words[1]), classes >= 2 else { return nil }
      self = .categorical(classes: classes)
    default: return nil
    }
  }
}
