import Formats

extension ReLUNetwork {
  /// Reads a PyTorch checkpoint where the file begins as a pickle, and ONNX else.
  ///
  /// - Parameter path: The file.
  /// - Returns: The network.
  /// - Throws: `FormatError` or `VerificationError` that says what is wrong and where.
  public static func read(path: String) throws -> ReLUNetwork {
    // ONNX begins with field 1, a number: byte 8; a pickle with PROTO.
    let isPickle = try FileContent(path: path).starts(with: [0x80])
    return isPickle ? try read(checkpoint: path) : try read(onnx: path)
  }

  /// Reads a PyTorch checkpoint of a sequence of convolutions, ReLUs and dense layers.
  ///
  /// The tensors are `0.weight`, `0.bias`, `2.weight`, …, at the top or in the first entry of
  /// `state_dict`, numbered by position in the sequence. A checkpoint states neither stride nor
  /// padding; those of the robust CIFAR-10 networks of Wong and Kolter follow from the kernel: 4 has
  /// stride 2, 3 has stride 1, and both padding 1.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - inputShape: (channels, height, width).
  /// - Returns: The network.
  /// - Throws: `FormatError` that names the tensor, or `VerificationError`.
  public static func read(checkpoint path: String, inputShape: [Int] = [3, 32, 32]) throws
    -> ReLUNetwork
  {
    let value = try TorchFile.read(path: path)
    let state = value["state_dict"].map { $0.list?.first ?? $0 } ?? value
    func failure(_ found: String, _ expected: String) -> FormatError {
      FormatError(file: path, found: found, expected: expected)
    }
    var tensors: [Int: (weight: TensorData?, bias: TensorData?)] = [:]
    guard let pairs = state.pairs, !pairs.isEmpty else {
      throw failure("no dictionary of tensors", "tensors named 0.weight, 0.bias, 2.weight, …")
    }
    for pair in pairs {
      let name = pair.key.string ?? ""
      let parts = name.split(separator: ".")
      guard parts.count == 2, let position = Int(parts[0]), let tensor = pair.value.array,
        parts[1] == "weight" || parts[1] == "bias"
      else {
        throw failure("'\(name)'", "tensors named 0.weight, 0.bias, 2.weight, …")
      }
      if parts[1] == "weight" {
        tensors[position, default: (nil, nil)].weight = tensor
      } else {
        tensors[position, default: (nil, nil)].bias = tensor
      }
    }
    var layers: [AffineLayer] = []
    var shape = inputShape
    for (position, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
      guard let weight = tensor.weight, let bias = tensor.bias, bias.shape == [weight.shape.first]
      else {
        throw failure("layer \(position)", "a weight with one bias for each of its outputs")
      }
      switch weight.shape.count {
      case 2:
        let width = shape.reduce(1, *)
        guard weight.shape[1] == width else {
          throw failure("'\(position).weight' of shape \(weight.shape)", "(outputs, \(width))")
        }
        layers.append(AffineLayer(weights: weight.doubles(), biases: bias.doubles(), inputs: width))
        shape = [weight.shape[0]]
      case 4:
        let kernel = weight.shape[2]
        guard kernel == weight.shape[3], kernel == 3 || kernel == 4, shape.count == 3,
          weight.shape[1] == shape[0],
          let convolution = Convolution(
            inChannels: shape[0], inHeight: shape[1], inWidth: shape[2],
            outChannels: weight.shape[0], kernel: (kernel, kernel),
            stride: kernel == 4 ? (2, 2) : (1, 1), padding: (1, 1))
        else {
          throw failure(
            "'\(position).weight' of shape \(weight.shape) after a layer of shape \(shape)",
            "(outputs, \(shape[0]), k, k) with k = 3 or 4")
        }
        layers.append(
          AffineLayer(convolution, weights: weight.doubles(), biases: bias.doubles()))
        shape = [convolution.outChannels, convolution.outHeight, convolution.outWidth]
      default:
        throw failure("'\(position).weight' of shape \(weight.shape)", "two or four dimensions")
      }
    }
    return try ReLUNetwork(inputShape: inputShape, layers: layers)
  }
}
