internal import Verification

/// A linear layer as the list of its products, one row an output: slow, plain, and nobody else's.
struct SparseLayer: Sendable {
  /// Row `r` has the entries `starts[r] ..< starts[r + 1]`.
  let starts: [Int]
  let inputs: [Int32]
  let weights: [Double]
  let biases: [Double]
  let inputCount: Int
  /// The most products that meet in one sum, of an output or, transposed, of an input.
  let longest: Int

  var outputCount: Int { biases.count }

  init(_ layer: AffineLayer) {
    var starts = [0]
    var inputs: [Int32] = []
    var weights: [Double] = []
    if let shape = layer.convolution {
      for channel in 0..<shape.outChannels {
        for row in 0..<shape.outHeight {
          for column in 0..<shape.outWidth {
            for source in 0..<shape.inChannels {
              for y in 0..<shape.kernelHeight {
                for x in 0..<shape.kernelWidth {
                  let top = row * shape.stride.height - shape.padding.height + y
                  let left = column * shape.stride.width - shape.padding.width + x
                  guard top >= 0, top < shape.inHeight, left >= 0, left < shape.inWidth else {
                    continue
                  }
                  inputs.append(Int32((source * shape.inHeight + top) * shape.inWidth + left))
                  let filter = channel * shape.inChannels + source
                  weights.append(
                    layer.weights[(filter * shape.kernelHeight + y) * shape.kernelWidth + x])
                }
              }
            }
            starts.append(inputs.count)
          }
        }
      }
    } else {
      weights = layer.weights
      for output in 0..<layer.outputs {
        inputs += (0..<layer.inputs).map { Int32($0) }
        starts.append((output + 1) * layer.inputs)
      }
    }
    self.starts = starts
    self.inputs = inputs
    self.weights = weights
    biases = layer.biases
    inputCount = layer.inputs
    var uses = [Int](repeating: 0, count: layer.inputs)
    for input in inputs { uses[Int(input)] += 1 }
    let rows = zip(starts, starts.dropFirst()).map { $1 - $0 }
    longest = max(uses.max() ?? 0, rows.max() ?? 0)
  }
}

/// What rounding may have done to a sum of float64 products, whatever their order.
enum Rounding {
  /// Half the distance from 1 to the next double.
  static let unit = 0x1p-53

  /// A bound of the relative error of a sum of `count` products: `n e / (1 - n e)`, with room for
  /// the operations around it.
  static func factor(_ count: Int) -> Double {
    let product = Double(count + 8) * unit
    return 2 * product / (1 - product)
  }
}
