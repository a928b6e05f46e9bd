public import Formats

extension BranchingParameters {
  /// Reads a PyTorch snapshot such as the published one.
  ///
  /// Nothing is executed. Numbers below 1e-30 become 0: weight decay without a gradient has driven
  /// half of the published maps to denormals, which cost time and change no score.
  ///
  /// - Throws: `FormatError` that names the first tensor that is missing, of another shape, not
  ///   finite, or unknown.
  public init(snapshot content: FileContent) throws(FormatError) {
    guard let pairs = try TorchFile.read(content).pairs else {
      throw FormatError(
        file: content.name, found: "no dictionary of tensors",
        expected: "the state dictionary of a branching network")
    }
    var tensors: [String: TensorData] = [:]
    for pair in pairs {
      guard let name = pair.key.string, let array = pair.value.array else {
        throw FormatError(
          file: content.name,
          found: "'\(pair.key.string ?? pair.key.typeName)' holds \(pair.value.typeName)",
          expected: "a tensor")
      }
      tensors[name] = array
    }
    try self.init(tensors, file: content.name)
  }

  /// Reads what `safetensors(metadata:)` wrote, or another file with the snapshot's names.
  ///
  /// - Throws: `FormatError` as for a snapshot.
  public init(safetensors content: FileContent) throws(FormatError) {
    let tensors = try Safetensors(content).tensors.map { ($0.name, $0.data) }
    try self.init(Dictionary(tensors) { first, _ in first }, file: content.name)
  }

  private init(_ tensors: [String: TensorData], file: String) throws(FormatError) {
    var tensors = tensors
    var values = [Float](repeating: 0, count: Self.count)
    for map in Self.maps {
      let weights = try Self.take(
        "\(map.module).\(map.name).weight", [map.outputs, map.inputs], from: &tensors, file)
      for output in 0..<map.outputs {
        for input in 0..<map.inputs {
          values[map.weights + input * map.outputs + output] =
            weights[output * map.inputs + input]
        }
      }
      let biases = try Self.take(
        "\(map.module).\(map.name).bias", [map.outputs], from: &tensors, file)
      for output in 0..<map.outputs { values[map.biases + output] = biases[output] }
    }
    if let name = tensors.keys.sorted().first {
      throw FormatError(
        file: file, found: "the tensor '\(name)'",
        expected: "only the 52 tensors of a branching network")
    }
    self.init(values: values)
  }

  private static func take(
    _ name: String, _ shape: [Int], from tensors: inout [String: TensorData], _ file: String
  ) throws(FormatError) -> [Float] {
    guard let tensor = tensors.removeValue(forKey: name) else {
      throw FormatError(file: file, found: "no tensor '\(name)'", expected: "one of shape \(shape)")
    }
    guard tensor.shape == shape, tensor.type == .float32 else {
      throw FormatError(
        file: file, found: "'\(name)' of shape \(tensor.shape) and type \(tensor.type)",
        expected: "\(shape) of float32")
    }
    let numbers = tensor.doubles()
    guard numbers.allSatisfy(\.isFinite) else {
      throw FormatError(
        file: file, found: "'\(name)' holds a number that is infinite or not a number",
        expected: "finite numbers")
    }
    return numbers.map { abs($0) < 1e-30 ? 0 : Float($0) }
  }

  /// The tensors under the published snapshot's names, as it shapes them.
  ///
  /// - `metadata`: Texts to go with them.
  public func safetensors(metadata: [String: String] = [:]) -> Safetensors {
    let tensors = Self.maps.flatMap { map -> [NamedTensor] in
      let weights = (0..<map.outputs).flatMap { output in
        (0..<map.inputs).map { values[map.weights + $0 * map.outputs + output] }
      }
      let biases = Array(values[map.biases..<map.biases + map.outputs])
      return [
        NamedTensor(
          name: "\(map.module).\(map.name).weight",
          data: TensorData(weights, shape: [map.outputs, map.inputs])),
        NamedTensor(
          name: "\(map.module).\(map.name).bias", data: TensorData(biases, shape: [map.outputs])),
      ]
    }
    return Safetensors(tensors, metadata: metadata)
  }
}
