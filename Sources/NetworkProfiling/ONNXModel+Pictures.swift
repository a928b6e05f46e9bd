public import ONNX

extension ONNXModel {
  /// What the only input wants a picture to look like, without the batch; nil where the file leaves it
  /// open.
  public var pictureShape: [Int]? {
    let stated = graph.inputs.first?.shape?.dropFirst() ?? []
    let known = stated.compactMap { extent -> Int? in
      if case .fixed(let number) = extent, number > 0 { number } else { nil }
    }
    return known.count == stated.count && !known.isEmpty ? known : nil
  }
}
