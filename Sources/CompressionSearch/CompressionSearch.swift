public import ONNX
public import SmartDeal

/// Searches for a form of compression for each layer of a network, so that no other choice that was
/// measured is smaller, cheaper and nearer to the network at once.
///
/// First each form of each layer is measured alone. The sum of these harms predicts that of a choice for
/// all layers, and choices that are best for the prediction at some price of a byte and of a joule are measured
/// for real; from those that nothing beats, single layers are then moved to the next form up and down, as
/// long as measurements are left. The network's own answers are the goal, so pictures need no labels.
public struct CompressionSearch {
  /// What the search may choose from.
  public struct Options: Hashable, Sendable {
    public var forms: [CompressionForm]
    public var encodings: [Encoding]
    public var kernels: BlockLayout.Kernels
    /// How many choices for all layers are measured at most, beside one for each form.
    public var measurements: Int
    /// How many threads decompose; the result does not depend on it.
    public var threads: Int

    public init(
      forms: [CompressionForm], encodings: [Encoding] = Encoding.allCases,
      kernels: BlockLayout.Kernels = .square, measurements: Int = 300, threads: Int = 1
    ) {
      self.forms = forms
      self.encodings = encodings
      self.kernels = kernels
      self.measurements = measurements
      self.threads = threads
    }

    /// Refuses what has no meaning.
    ///
    /// - Throws: `SmartDealError` that names the option, its value and its range.
    public func check() throws(SmartDealError) {
      guard !forms.isEmpty else {
        throw SmartDealError(.badOption, "there is no form to choose; give at least one strength")
      }
      guard Set(forms).count == forms.count else {
        throw SmartDealError(.badOption, "a form is given twice; each strength must be another")
      }
      guard measurements >= 0 else {
        throw SmartDealError(
          .badOption, "measurements is \(measurements); it must be at least 0")
      }
      for form in forms { try form.options(kernels: kernels).check() }
    }
  }

  public let options: Options
  /// In the order of the network's weight tensors.
  public let layers: [LayerCandidates]
  /// The divergence with a form in one layer alone, for each layer and form.
  public let harms: [[Double]]
  /// The networks with the same form in all layers, in the order of the forms.
  public let uniform: [SearchedNetwork]
  /// All that were measured, those of ``uniform`` first.
  public private(set) var measured: [SearchedNetwork]
  /// Of one inference with dense 8-bit weights on the same machine, in picojoule.
  public let denseEnergy: Double
  private let network: MeasuredNetwork
  private var known: Set<[Int]>

  /// Decomposes all layers in all forms and measures each alone.
  ///
  /// - Parameters:
  ///   - model: A network.
  ///   - network: The same on the pictures that the search may look at.
  ///   - moments: Of the layers' inputs, by tensor.
  ///   - geometry: Of the layers, as `NetworkGeometry` finds it.
  ///   - costs: Of the machine's operations.
  ///   - options: What to choose from.
  ///   - progress: Is told what was done of how much.
  /// - Throws: `SmartDealError` for options or weights without meaning; what the network throws.
  public init(
    _ model: ONNXModel, on network: MeasuredNetwork, moments: [String: InputMoments],
    geometry: [LayerGeometry], costs: UnitCosts = .nm28, options: Options,
    progress: (_ done: Int, _ total: Int, _ what: String) -> Void = { _, _, _ in }
  ) throws {
    try options.check()
    let places = model.graph.weightPlaces()
    guard !places.isEmpty else {
      throw SmartDealError(
        .badTensor,
        "the network has no weights of convolutions or fully connected layers to decompose")
    }
    for place in places { try model.graph.tensor(at: place).checkFinite() }
    let energy = EnergyModel(costs: costs)
    denseEnergy = energy.energy(geometry.map { ($0, .dense($0)) }).reduce(0) { $0 + $1.total }
    let total = places.count * options.forms.count
    var layers: [LayerCandidates] = []
    for place in places {
      progress(layers.count * options.forms.count, 2 * total, "decomposing \(place.name)")
      layers.append(
        try LayerCandidates(
          model.graph.tensor(at: place), forms: options.forms, moments: moments[place.name],
          encodings: options.encodings, kernels: options.kernels,
          energy: { CompressionSearch.energy(of: place.name, $0, geometry, energy) },
          threads: options.threads))
    }
    var harms: [[Double]] = []
    for (place, layer) in zip(places, layers) {
      var row: [Double] = []
      for candidate in layer.candidates {
        progress(total + harms.count * options.forms.count + row.count, 2 * total, place.name)
        let changed = candidate.layer.rebuilt()
        row.append(
          try network.distance { $0 == place.name ? changed : nil }.divergence)
      }
      harms.append(row)
    }
    self.options = options
    self.layers = layers
    self.harms = harms
    self.network = network
    known = []
    measured = []
    uniform = try options.forms.indices.map { form in
      try CompressionSearch.measure(
        [Int](repeating: form, count: layers.count), layers, network)
    }
    measured = uniform
    known = Set(uniform.map(\.forms))
  }

  /// Measures choices until none is left to try or the measurements are used up.
  ///
  /// - Parameter progress: Is told how many were measured.
  /// - Throws: What the network throws.
  public mutating func run(progress: (_ measured: Int) -> Void = { _ in }) throws {
    for forms in predicted() where try !add(forms) { return }
    progress(measured.count)
    var expanded: Set<[Int]> = []
    // From the best on, so that measurements do not end with networks that are hardly any more.
    while let next = front.last(where: { !expanded.contains($0.forms) }) {
      expanded.insert(next.forms)
      for forms in neighbours(of: next) where try !add(forms) { return }
      progress(measured.count)
    }
  }

  /// The measured networks that no other beats in bytes, energy and divergence at once, the smallest
  /// first.
  public var front: [SearchedNetwork] {
    ParetoFront.members(measured.map(\.goals)).map { measured[$0] }
      .sorted { ($0.bytes, $0.energy) < ($1.bytes, $1.energy) }
  }

  /// The layers of a choice, as a file holds them.
  public func stored(_ forms: [Int]) -> [StoredLayer] {
    zip(layers, forms).map { $0.candidates[$1].layer }
  }

  // MARK: - Which choices

  /// Measures a choice.
  ///
  /// - Returns: False where no measurement is left.
  private mutating func add(_ forms: [Int]) throws -> Bool {
    guard !known.contains(forms) else { return true }
    guard measured.count < uniform.count + options.measurements else { return false }
    known.insert(forms)
    measured.append(try CompressionSearch.measure(forms, layers, network))
    return true
  }

  /// Choices that are best by the sum of harms at some price of a byte, of a joule, or of half each.
  private func predicted() -> [[Int]] {
    var choices: [[Int]] = []
    var seen: Set<[Int]> = []
    let bytes = Double(layers.reduce(0) { $0 + ($1.candidates.map(\.bytes).max() ?? 0) })
    for share in [0, 0.5, 1] {
      let costs = layers.map { layer in
        layer.candidates.map {
          (1 - share) * Double($0.bytes) / bytes + share * $0.energy / denseEnergy
        }
      }
      for price in CompressionSearch.prices(harms, costs, count: 1 + options.measurements / 8) {
        let forms = zip(harms, costs).map { harms, costs in
          harms.indices.min {
            harms[$0] + price * costs[$0] < harms[$1] + price * costs[$1]
          } ?? 0
        }
        if seen.insert(forms).inserted { choices.append(forms) }
      }
    }
    return choices
  }

  /// Prices at which some layer's choice may change, evenly among all of them.
  private static func prices(_ harms: [[Double]], _ costs: [[Double]], count: Int) -> [Double] {
    var slopes: [Double] = []
    for (harms, costs) in zip(harms, costs) {
      for first in harms.indices {
        for second in harms.indices where costs[second] < costs[first] {
          let slope = (harms[second] - harms[first]) / (costs[first] - costs[second])
          if slope > 0, slope.isFinite { slopes.append(slope) }
        }
      }
    }
    slopes.sort()
    guard slopes.count > count else { return slopes }
    return (0..<count).map { slopes[$0 * (slopes.count - 1) / max(count - 1, 1)] }
  }

  /// A choice with one layer's form moved to the next cheaper or dearer one that nothing beats in that
  /// layer, unless it is predicted to be beaten.
  private func neighbours(of network: SearchedNetwork) -> [[Int]] {
    let best = front.map(\.goals)
    var choices: [[Int]] = []
    for (place, layer) in layers.enumerated() {
      let goals = zip(layer.candidates, harms[place]).map { [Double($0.bytes), $0.energy, $1] }
      let useful = ParetoFront.members(goals).sorted {
        (goals[$0][0], goals[$0][1]) < (goals[$1][0], goals[$1][1])
      }
      let now = layer.candidates[network.forms[place]]
      let cheaper = useful.last { layer.candidates[$0].bytes < now.bytes }
      let dearer = useful.first { layer.candidates[$0].bytes > now.bytes }
      for form in [cheaper, dearer].compactMap({ $0 }) {
        var forms = network.forms
        forms[place] = form
        let expected = [
          Double(network.bytes - now.bytes + layer.candidates[form].bytes),
          network.energy - now.energy + layer.candidates[form].energy,
          network.distance.divergence + harms[place][form] - harms[place][network.forms[place]],
        ]
        if !best.contains(where: { ParetoFront.beats($0, expected) }) { choices.append(forms) }
      }
    }
    return choices
  }

  // MARK: - What they take

  private static func measure(
    _ forms: [Int], _ layers: [LayerCandidates], _ network: MeasuredNetwork
  ) throws -> SearchedNetwork {
    let chosen = zip(layers, forms).map { ($0.name, $0.candidates[$1]) }
    let distance = try network.distance { name in
      chosen.first { $0.0 == name }?.1.layer.rebuilt()
    }
    return SearchedNetwork(
      forms: forms, bytes: SDLFile.frameBytes + chosen.reduce(0) { $0 + $1.1.bytes },
      energy: chosen.reduce(0) { $0 + $1.1.energy }, distance: distance)
  }

  /// The energy of the layers that use a tensor; no other layer's depends on how it is stored.
  private static func energy(
    of name: String, _ storage: LayerStorage, _ geometry: [LayerGeometry], _ model: EnergyModel
  ) -> Double {
    let all = model.energy(geometry.map { ($0, $0.name == name ? storage : .dense($0)) })
    return zip(geometry, all).reduce(0) { $0 + ($1.0.name == name ? $1.1.total : 0) }
  }
}
