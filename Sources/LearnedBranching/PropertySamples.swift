public import Formats
public import Verification

/// The examples of one property, and what the graph is made of besides the network.
public struct PropertySamples: Hashable, Sendable {
  /// The image that the property is about: examples are split by it.
  public var image: Int
  public var radius: Double
  public var row: OutputRow
  public var records: [BranchingRecord]

  public init(image: Int, radius: Double, row: OutputRow, records: [BranchingRecord]) {
    self.image = image
    self.radius = radius
    self.row = row
    self.records = records
  }
}

// MARK: - Files

extension PropertySamples {
  /// What a kept node has in a file, in this order.
  private static let columns = 6

  /// The examples as tensors; ReLUs that are off are left out, since they play no part.
  public func safetensors() -> Safetensors {
    var tensors = [
      NamedTensor(name: "image", data: TensorData([image], shape: [1])),
      NamedTensor(name: "radius", data: TensorData([radius], shape: [1])),
      NamedTensor(
        name: "row",
        data: TensorData(row.coefficients + [row.offset], shape: [row.coefficients.count + 1])),
    ]
    for (number, record) in records.enumerated() {
      func add(_ name: String, _ data: TensorData) {
        tensors.append(NamedTensor(name: "\(number)/\(name)", data: data))
      }
      let features = record.features
      let count = features.input.count
      add(
        "input",
        TensorData(
          features.inputLower + features.input + features.inputUpper, shape: [3, count]))
      add(
        "output",
        TensorData([features.outputLower, features.outputUpper, features.output], shape: [3]))
      for (layer, nodes) in features.layers.enumerated() {
        let kept = nodes.upper.indices.filter { nodes.upper[$0] > 0 }
        add("\(layer)/nodes", TensorData([nodes.upper.count] + kept, shape: [kept.count + 1]))
        add(
          "\(layer)/values",
          TensorData(
            kept.flatMap { node -> [Float] in
              [
                nodes.lower[node], nodes.upper[node], nodes.lowerDual[node],
                nodes.upperDual[node], nodes.zhat[node], nodes.z[node],
              ]
            }, shape: [kept.count, Self.columns]))
      }
      add("parent", TensorData([record.parentBound], shape: [1]))
      add(
        "candidates",
        TensorData(
          record.candidates.flatMap { [$0.relu.layer, $0.relu.neuron] },
          shape: [record.candidates.count, 2]))
      add(
        "children",
        TensorData(
          record.candidates.flatMap { [$0.children.off, $0.children.on] },
          shape: [record.candidates.count, 2]))
    }
    return Safetensors(tensors, metadata: ["records": "\(records.count)"])
  }

  /// Reads what `safetensors()` wrote.
  ///
  /// - Parameters:
  ///   - content: The file.
  ///   - network: What the examples are of, to check their shapes against.
  /// - Throws: `FormatError` that names the tensor.
  public init(
    _ content: FileContent, for network: ReLUNetwork
  ) throws(FormatError) {
    let file = try Safetensors(content)
    let tensors = Dictionary(file.tensors.map { ($0.name, $0.data) }) { first, _ in first }
    let reader = TensorReader(tensors: tensors, file: content.name)
    guard let count = file.metadata["records"].flatMap(Int.init), count >= 0, count < 1 << 20 else {
      throw FormatError(
        file: content.name, found: "no number of records", expected: "examples of a property")
    }
    let row = try reader.doubles("row", count: network.outputCount + 1)
    self.init(
      image: try reader.integers("image", count: 1)[0],
      radius: try reader.doubles("radius", count: 1)[0],
      row: OutputRow(coefficients: Array(row.dropLast()), offset: row[row.count - 1]),
      records: [])
    for number in 0..<count { records.append(try reader.record(number, network)) }
  }
}

/// Takes tensors out of a file with their sizes checked.
private struct TensorReader {
  let tensors: [String: TensorData]
  let file: String

  private func failure(_ name: String, _ expected: String) -> FormatError {
    let found = tensors[name].map { "'\(name)' of shape \($0.shape)" } ?? "no tensor '\(name)'"
    return FormatError(file: file, found: found, expected: expected)
  }

  func doubles(_ name: String, count: Int? = nil) throws(FormatError) -> [Double] {
    guard let numbers = tensors[name]?.doubles(), numbers.count == count ?? numbers.count,
      numbers.allSatisfy({ !$0.isNaN })
    else { throw failure(name, count.map { "\($0) numbers" } ?? "numbers") }
    return numbers
  }

  func integers(_ name: String, count: Int? = nil) throws(FormatError) -> [Int] {
    guard let numbers = tensors[name]?.integers(), numbers.count == count ?? numbers.count else {
      throw failure(name, count.map { "\($0) integers" } ?? "integers")
    }
    return numbers
  }

  private func floats(_ name: String, count: Int) throws(FormatError) -> [Float] {
    try doubles(name, count: count).map { Float($0) }
  }

  func record(_ number: Int, _ network: ReLUNetwork) throws(FormatError) -> BranchingRecord {
    let inputs = network.inputCount
    let box = try floats("\(number)/input", count: 3 * inputs)
    let output = try floats("\(number)/output", count: 3)
    var layers: [SubproblemFeatures.Layer] = []
    for (layer, width) in network.reluCounts.enumerated() {
      layers.append(try self.layer("\(number)/\(layer)", width))
    }
    let relus = try integers("\(number)/candidates")
    let children = try doubles("\(number)/children", count: relus.count)
    var candidates: [BranchingRecord.Candidate] = []
    for place in stride(from: 0, to: relus.count - 1, by: 2) {
      let (layer, neuron) = (relus[place], relus[place + 1])
      guard network.reluCounts.indices.contains(layer),
        (0..<network.reluCounts[layer]).contains(neuron)
      else { throw failure("\(number)/candidates", "ReLUs of the network") }
      candidates.append(
        BranchingRecord.Candidate(
          relu: ReLUIndex(layer: layer, neuron: neuron),
          children: ChildBounds(off: children[place], on: children[place + 1])))
    }
    return BranchingRecord(
      features: SubproblemFeatures(
        inputLower: Array(box[..<inputs]), inputUpper: Array(box[(2 * inputs)...]),
        input: Array(box[inputs..<2 * inputs]), layers: layers, outputLower: output[0],
        outputUpper: output[1], output: output[2]),
      parentBound: try doubles("\(number)/parent", count: 1)[0], candidates: candidates)
  }

  private func layer(
    _ name: String, _ width: Int
  ) throws(FormatError) -> SubproblemFeatures.Layer {
    let nodes = try integers("\(name)/nodes")
    guard let first = nodes.first, first == width,
      nodes.dropFirst().allSatisfy({ (0..<width).contains($0) })
    else { throw failure("\(name)/nodes", "places in a layer of \(width) ReLUs") }
    let values = try floats("\(name)/values", count: 6 * (nodes.count - 1))
    let zeros = [Float](repeating: 0, count: width)
    let off = [Float](repeating: -1, count: width)
    var layer = SubproblemFeatures.Layer(
      lower: off, upper: off, lowerDual: zeros, upperDual: zeros, zhat: off, z: zeros)
    for (place, node) in nodes.dropFirst().enumerated() {
      layer.lower[node] = values[6 * place]
      layer.upper[node] = values[6 * place + 1]
      layer.lowerDual[node] = values[6 * place + 2]
      layer.upperDual[node] = values[6 * place + 3]
      layer.zhat[node] = values[6 * place + 4]
      layer.z[node] = values[6 * place + 5]
    }
    return layer
  }
}
