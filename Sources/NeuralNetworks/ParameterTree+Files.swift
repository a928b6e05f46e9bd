import Formats
import Tensors

// Parameters in files: written as safetensors, read also as others wrote them.

extension ParameterTree {
  /// Takes the tensors of a safetensors file, bit by bit.
  ///
  /// - Throws: `FormatError` for a file that is not one, `TensorError` for types LibTorch lacks.
  public init(safetensors path: String) throws {
    let file = try Safetensors(path: path)
    self = try ParameterTree(file.tensors)
  }

  /// Takes the arrays of an npz file.
  ///
  /// - Throws: `FormatError` for a file that is not one, `TensorError` for types LibTorch lacks.
  public init(npz path: String) throws { self = try ParameterTree(NPZ.read(path: path)) }

  /// Takes the state dictionary of a PyTorch file (.pth, .pt), of either format, without executing
  /// anything.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - keys: The way to the dictionary, where it is not the file's whole content: keys of
  ///     dictionaries, and numbers of entries of lists.
  /// - Throws: `FormatError` for a file that is not one or asks for code to be run, ``ModuleError``
  ///   where no dictionary of tensors is where `keys` lead.
  public init(torch path: String, at keys: String...) throws {
    var content = try TorchFile.read(path: path)
    for key in keys {
      let entry = content.list.flatMap { list in
        Int(key).flatMap { list.indices.contains($0) ? list[$0] : nil }
      }
      guard let inner = entry ?? content[key] else {
        throw ModuleError(
          .mismatch, "\(path): nothing is under '\(key)'; there \(ParameterTree.contents(content))")
      }
      content = inner
    }
    guard let pairs = content.pairs else {
      throw ModuleError(
        .mismatch, "\(path): no dictionary of tensors; there \(ParameterTree.contents(content))")
    }
    let named = try pairs.map { pair in
      guard let name = pair.key.string, let array = pair.value.array else {
        throw ModuleError(
          .mismatch,
          "\(path): '\(pair.key.string ?? pair.key.typeName)' holds \(pair.value.typeName), not a "
            + "tensor; say where the dictionary of tensors is: there "
            + ParameterTree.contents(content))
      }
      return (name, try Tensor(array))
    }
    try self.init(names: named.map(\.0), tensors: named.map(\.1))
  }

  private static func contents(_ value: PickledValue) -> String {
    if let pairs = value.pairs {
      return "are the keys " + pairs.prefix(20).compactMap(\.key.string).joined(separator: ", ")
    }
    if let list = value.list { return "is a list of \(list.count)" }
    return "is \(value.typeName)"
  }

  private init(_ tensors: [NamedTensor]) throws {
    try self.init(names: tensors.map(\.name), tensors: tensors.map { try Tensor($0.data) })
  }

  /// Writes a safetensors file, bit by bit.
  ///
  /// - Parameters:
  ///   - path: Replaced where it exists.
  ///   - metadata: Texts to go with the tensors.
  /// - Throws: `FormatError` where the file cannot be written.
  public func write(safetensors path: String, metadata: [String: String] = [:]) throws {
    let named = try zip(names, tensors).map { name, tensor in
      NamedTensor(name: name, data: try tensor.data())
    }
    try Safetensors(named, metadata: metadata).write(to: path)
  }
}
