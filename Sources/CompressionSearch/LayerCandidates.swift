import ONNX
public import SmartDeal

/// One way to store a layer, and what it takes.
public struct LayerCandidate: Sendable {
  public let layer: StoredLayer
  /// In the file, the layer's header included.
  public let bytes: Int
  /// Of one inference, in picojoule, with the best encoding that the machine can read.
  public let energy: Double
}

/// A layer with a candidate for each form.
public struct LayerCandidates: Sendable {
  public let name: String
  /// In the order of the forms.
  public let candidates: [LayerCandidate]

  /// Decomposes a layer in each form.
  ///
  /// - Parameters:
  ///   - tensor: Its weights; kernels that are not decomposed stay numbers in all forms.
  ///   - forms: What is tried.
  ///   - moments: Of the layer's inputs; nil where they are not known.
  ///   - encodings: Which the file may use.
  ///   - kernels: Which kernels are decomposed.
  ///   - energy: What a storage of the layer costs, in picojoule.
  ///   - threads: How many decompose; the result does not depend on it.
  /// - Throws: `SmartDealError` for weights that are not finite, or a strength without meaning.
  init(
    _ tensor: WeightTensor, forms: [CompressionForm], moments: InputMoments?,
    encodings: [Encoding], kernels: BlockLayout.Kernels,
    energy: (LayerStorage) -> Double, threads: Int
  ) throws(SmartDealError) {
    name = tensor.name
    var candidates: [LayerCandidate] = []
    for form in forms {
      var compression = NetworkCompression(
        options: form.options(kernels: kernels), encodings: encodings, threads: threads)
      if case .calibrated = form, let moments { compression.moments = [tensor.name: moments] }
      let found = try compression.compress(tensor, index: 0)
      candidates.append(
        LayerCandidate(
          layer: found.layer,
          bytes: try SDLFile.bytes([found.layer]).count - SDLFile.frameBytes,
          energy: energy(found.record.machineStorage)))
    }
    self.candidates = candidates
  }
}

extension LayerRecord {
  /// The layer as a machine without an entropy decoder stores it.
  fileprivate var machineStorage: LayerStorage {
    var storage = storage
    storage.bits = autoBits
    return storage
  }
}
