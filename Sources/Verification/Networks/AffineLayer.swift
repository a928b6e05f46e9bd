/// One linear layer with its biases: dense, or a convolution that is never made dense.
///
/// All numbers are float64; those of a file in float32 are taken as the reals they stand for.
public struct AffineLayer: Hashable, Sendable {
  /// How the weights are applied.
  public enum Kind: Hashable, Sendable {
    case dense
    case convolution(Convolution)
  }

  public let kind: Kind
  /// Elements that go in, flattened row-major: (channels, height, width) for a convolution.
  public let inputs: Int
  /// Elements that come out, flattened alike.
  public let outputs: Int
  /// Dense: (outputs, inputs); convolution: (out channels, in channels, kernel height, width).
  public let weights: [Double]
  /// One number an output, for convolutions too: a constant that was added to their input makes
  /// the outputs at a padded border differ.
  public let biases: [Double]

  /// A dense layer; `weights` has the shape (outputs, inputs).
  public init(weights: [Double], biases: [Double], inputs: Int) {
    precondition(weights.count == biases.count * inputs, "weights of another shape")
    kind = .dense
    self.inputs = inputs
    outputs = biases.count
    self.weights = weights
    self.biases = biases
  }

  /// A convolution; `biases` has one number per channel or per output.
  public init(_ convolution: Convolution, weights: [Double], biases: [Double]) {
    precondition(weights.count == convolution.weightCount, "weights of another shape")
    kind = .convolution(convolution)
    inputs = convolution.inputCount
    outputs = convolution.outputCount
    self.weights = weights
    let area = convolution.outHeight * convolution.outWidth
    self.biases =
      biases.count == outputs ? biases : biases.flatMap { [Double](repeating: $0, count: area) }
    precondition(self.biases.count == outputs, "biases of another shape")
  }

  /// The convolution's shape, or nil for a dense layer.
  public var convolution: Convolution? {
    if case .convolution(let shape) = kind { shape } else { nil }
  }
}

/// The shape of a convolution with one group, no dilation and the same padding at opposite edges.
public struct Convolution: Hashable, Sendable {
  public let inChannels: Int
  public let inHeight: Int
  public let inWidth: Int
  public let outChannels: Int
  public let outHeight: Int
  public let outWidth: Int
  public let kernelHeight: Int
  public let kernelWidth: Int
  /// Along height and width.
  public let stride: (height: Int, width: Int)
  /// Zeros put around the input, along height and width.
  public let padding: (height: Int, width: Int)

  /// Nil where the kernel does not fit into the padded input, or is larger than 32 × 32.
  public init?(
    inChannels: Int, inHeight: Int, inWidth: Int, outChannels: Int, kernel: (Int, Int),
    stride: (Int, Int), padding: (Int, Int)
  ) {
    guard inChannels > 0, inHeight > 0, inWidth > 0, outChannels > 0, kernel.0 > 0, kernel.1 > 0,
      stride.0 > 0, stride.1 > 0, padding.0 >= 0, padding.1 >= 0,
      inHeight + 2 * padding.0 >= kernel.0, inWidth + 2 * padding.1 >= kernel.1,
      kernel.0 <= 32, kernel.1 <= 32
    else { return nil }
    self.inChannels = inChannels
    self.inHeight = inHeight
    self.inWidth = inWidth
    self.outChannels = outChannels
    outHeight = (inHeight + 2 * padding.0 - kernel.0) / stride.0 + 1
    outWidth = (inWidth + 2 * padding.1 - kernel.1) / stride.1 + 1
    kernelHeight = kernel.0
    kernelWidth = kernel.1
    self.stride = (height: stride.0, width: stride.1)
    self.padding = (height: padding.0, width: padding.1)
  }

  public var inputCount: Int { inChannels * inHeight * inWidth }
  public var outputCount: Int { outChannels * outHeight * outWidth }
  var weightCount: Int { outChannels * inChannels * kernelHeight * kernelWidth }

  public static func == (first: Convolution, second: Convolution) -> Bool {
    first.numbers == second.numbers
  }

  public func hash(into hasher: inout Hasher) { hasher.combine(numbers) }

  private var numbers: [Int] {
    [
      inChannels, inHeight, inWidth, outChannels, kernelHeight, kernelWidth, stride.height,
      stride.width, padding.height, padding.width,
    ]
  }
}

// MARK: - Plain evaluation

extension AffineLayer {
  /// `W x + b`, in plain loops that serve as the reference of the fast kernels and for replay.
  public func apply<Number: BinaryFloatingPoint>(_ input: [Number]) -> [Number] {
    precondition(input.count == inputs, "\(input.count) numbers for \(inputs) inputs")
    var result = biases.map { Number($0) }
    guard let shape = convolution else {
      for output in 0..<outputs {
        var sum = result[output]
        for index in 0..<inputs { sum += Number(weights[output * inputs + index]) * input[index] }
        result[output] = sum
      }
      return result
    }
    shape.forEachProduct { output, index, weight in
      result[output] += Number(weights[weight]) * input[index]
    }
    return result
  }

  /// `Wᵀ y` without biases, in plain loops.
  public func applyTransposed(_ output: [Double]) -> [Double] {
    precondition(output.count == outputs, "\(output.count) numbers for \(outputs) outputs")
    var result = [Double](repeating: 0, count: inputs)
    guard let shape = convolution else {
      for row in 0..<outputs where output[row] != 0 {
        for index in 0..<inputs { result[index] += weights[row * inputs + index] * output[row] }
      }
      return result
    }
    shape.forEachProduct { row, index, weight in
      result[index] += weights[weight] * output[row]
    }
    return result
  }
}

extension Convolution {
  /// Calls the body with each product's output, input and weight position, in a fixed order.
  @inline(__always)
  func forEachProduct(_ body: (_ output: Int, _ input: Int, _ weight: Int) -> Void) {
    for channel in 0..<outChannels {
      for row in 0..<outHeight {
        for column in 0..<outWidth {
          let output = (channel * outHeight + row) * outWidth + column
          for source in 0..<inChannels {
            for kernelRow in 0..<kernelHeight {
              let y = row * stride.height - padding.height + kernelRow
              guard y >= 0, y < inHeight else { continue }
              for kernelColumn in 0..<kernelWidth {
                let x = column * stride.width - padding.width + kernelColumn
                guard x >= 0, x < inWidth else { continue }
                body(
                  output, (source * inHeight + y) * inWidth + x,
                  ((channel * inChannels + source) * kernelHeight + kernelRow) * kernelWidth
                    + kernelColumn)
              }
            }
          }
        }
      }
    }
  }
}
