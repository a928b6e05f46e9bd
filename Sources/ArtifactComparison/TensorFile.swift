import Formats

/// The named tensors of a file in any format that holds some, recognised by its bytes, since the
/// store keeps no file names.
enum TensorFile {
  static func read(_ content: FileContent) throws(FormatError) -> [NamedTensor] {
    if content.starts(with: [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59]) {
      return [NamedTensor(name: "array", data: try NPY.read(content))]
    }
    if content.starts(with: [0x50, 0x4B]) {
      let isTorch = try ZipArchive(content).members.contains { $0.name.hasSuffix("/data.pkl") }
      return isTorch ? try torch(content) : try NPZ.read(content)
    }
    if content.starts(with: [0x80, 0x02]), content.count > 2 {
      return try torch(content)
    }
    return try Safetensors(content).tensors
  }

  private static func torch(_ content: FileContent) throws(FormatError) -> [NamedTensor] {
    var tensors: [NamedTensor] = []
    collect(try TorchFile.read(content), path: "", &tensors)
    guard !tensors.isEmpty else {
      throw FormatError(.unsupported, file: content.name, found: "a pickle without tensors")
    }
    return tensors
  }

  private static func collect(
    _ value: PickledValue, path: String, _ tensors: inout [NamedTensor]
  ) {
    switch value {
    case .array(let data):
      tensors.append(NamedTensor(name: path.isEmpty ? "array" : path, data: data))
    case .dict(let pairs):
      for pair in pairs {
        let name = pair.key.string ?? pair.key.int.map(String.init) ?? pair.key.typeName
        collect(pair.value, path: path.isEmpty ? name : "\(path).\(name)", &tensors)
      }
    case .list(let elements), .tuple(let elements):
      for (index, element) in elements.enumerated() {
        collect(element, path: "\(path)[\(index)]", &tensors)
      }
    default: break
    }
  }
}
