public import Foundation

/// How a network's weight tensors are compressed: pruned, decomposed, encoded.
public struct NetworkCompression: Sendable {
  public var options: DecompositionOptions
  /// Which encodings a layer may have in the file; the one with the fewest bits is taken.
  public var encodings: [Encoding]
  public var pruning: StructuredPruning
  /// One number for each weight tensor, or nil for no pruning.
  public var pruningList: [Double]?
  public var threads: Int

  public init(
    options: DecompositionOptions = DecompositionOptions(),
    encodings: [Encoding] = Encoding.published, pruning: StructuredPruning = StructuredPruning(),
    pruningList: [Double]? = nil, threads: Int = ProcessInfo.processInfo.activeProcessorCount
  ) {
    self.options = options
    self.encodings = encodings
    self.pruning = pruning
    self.pruningList = pruningList
    self.threads = threads
  }

  /// Refuses options, lists and tensors that can't be used, before any work.
  ///
  /// - Parameter places: The network's weight tensors.
  /// - Throws: ``SmartDealError`` that names the tensor or option, its value and its limit.
  public func check(_ places: [WeightPlace]) throws(SmartDealError) {
    try options.check()
    guard !encodings.isEmpty else {
      throw SmartDealError(.badOption, "encodings is empty; at least one must be allowed")
    }
    guard !places.isEmpty else {
      throw SmartDealError(
        .badTensor,
        "the network has no weights of convolutions or fully connected layers to decompose")
    }
    for place in places {
      _ = try BlockLayout(shape: place.shape, name: place.name, kernels: options.kernels)
    }
    if let pruningList { try pruning.check(pruningList, tensors: places.map(\.name)) }
  }

  /// Compresses one tensor.
  ///
  /// - Parameters:
  ///   - tensor: What the network has.
  ///   - index: Its place among the network's weight tensors, for the pruning list.
  /// - Returns: What goes into the file, what is to be said about it, and the weights that real-valued
  ///   bases would give, nil for a tensor that stays as it is. Errors are relative to the weights
  ///   before pruning.
  /// - Throws: ``SmartDealError`` for weights that are not finite.
  public func compress(
    _ tensor: WeightTensor, index: Int
  ) throws(SmartDealError) -> (layer: StoredLayer, record: LayerRecord, exact: [Float]?) {
    let layout = try BlockLayout(
      shape: tensor.shape, name: tensor.name, kernels: options.kernels)
    try tensor.checkFinite()
    guard layout.kind != .raw else {
      return (
        StoredLayer(name: tensor.name, shape: tensor.shape, raw: tensor.weights),
        LayerRecord(raw: tensor), nil
      )
    }
    let weights =
      pruningList.map {
        pruning.applied(to: tensor.weights, shape: tensor.shape, number: $0[index])
      } ?? tensor.weights
    let found = try Decomposition(
      weights, shape: tensor.shape, name: tensor.name, options: options, threads: threads)
    let stored = StoredLayer(name: tensor.name, found, encodings: encodings)
    let exact = found.rebuilt()
    return (
      stored,
      LayerRecord(tensor, found, stored, exact: exact, encodings: encodings), exact
    )
  }
}
