import CEmbeddingKernels
import Verification

/// A linear layer's weights in the orders in which scoring reads them, never dense for a convolution.
struct ScoringLayer: Sendable {
  private enum Form: Sendable {
    case dense
    case convolution(embedding_convolution)
  }

  private let form: Form
  let inputs: Int
  let outputs: Int
  private let forward: [Float]
  private let backward: [Float]
  /// A convolution's weights for numbers instead of embeddings; empty for a dense layer.
  private let spreading: [Float]
  /// Numbers of scratch that its sums need.
  let scratch: Int

  init(_ layer: AffineLayer) {
    inputs = layer.inputs
    outputs = layer.outputs
    guard let shape = layer.convolution else {
      form = .dense
      forward = layer.weights.map { Float($0) }
      var turned = [Float](repeating: 0, count: forward.count)
      for output in 0..<layer.outputs {
        for input in 0..<layer.inputs {
          turned[input * layer.outputs + output] = forward[output * layer.inputs + input]
        }
      }
      backward = turned
      spreading = []
      scratch = 3 * max(layer.inputs, layer.outputs)
      return
    }
    var sizes = embedding_convolution(
      in_channels: Int32(shape.inChannels), in_height: Int32(shape.inHeight),
      in_width: Int32(shape.inWidth), out_channels: Int32(shape.outChannels),
      out_height: Int32(shape.outHeight), out_width: Int32(shape.outWidth),
      kernel_height: Int32(shape.kernelHeight), kernel_width: Int32(shape.kernelWidth),
      stride_height: Int32(shape.stride.height), stride_width: Int32(shape.stride.width),
      padding_height: Int32(shape.padding.height), padding_width: Int32(shape.padding.width))
    form = .convolution(sizes)
    let line = embedding_spread_width(&sizes)
    var spread = [Float](repeating: 0, count: shape.outChannels * line)
    let area = shape.kernelHeight * shape.kernelWidth
    var (down, up) = ([Float](repeating: 0, count: layer.weights.count), [Float]())
    up = down
    for output in 0..<shape.outChannels {
      for input in 0..<shape.inChannels {
        for place in 0..<area {
          let weight = Float(layer.weights[(output * shape.inChannels + input) * area + place])
          down[(place * shape.inChannels + input) * shape.outChannels + output] = weight
          up[(place * shape.outChannels + output) * shape.inChannels + input] = weight
          spread[output * line + place * shape.inChannels + input] = weight
        }
      }
    }
    (forward, backward, spreading) = (down, up, spread)
    scratch = (2 * area + 1) * max(shape.inChannels, shape.outChannels)
  }

  /// What arrives at the inputs where each output sends one number along its weights.
  func spread(_ numbers: [Float]) -> [Float] {
    [Float](unsafeUninitializedCapacity: inputs) { buffer, count in
      count = inputs
      guard let target = buffer.baseAddress else { return }
      switch form {
      case .dense: embedding_spread_dense(inputs, outputs, forward, numbers, target)
      case .convolution(var shape):
        let room = embedding_spread_width(&shape) + inputs
        withUnsafeTemporaryAllocation(of: Float.self, capacity: room) { scratch in
          guard let scratch = scratch.baseAddress else { return }
          embedding_spread(&shape, spreading, numbers, scratch, target)
        }
      }
    }
  }

  /// Sums of the active inputs' embeddings, and of their weights, at the outputs wanted.
  func sums(_ source: Embeddings, wanted: [UInt8], into target: Embeddings, _ scratch: Scratch) {
    switch form {
    case .dense:
      embedding_dense(
        inputs, outputs, forward, source.active, wanted, source.rows, scratch.pointer(self.scratch),
        target.rows, target.totals)
    case .convolution(var shape):
      embedding_windows(
        &shape, forward, source.active, wanted, source.rows, scratch.pointer(self.scratch),
        target.rows, target.totals)
    }
  }

  /// The same from outputs to inputs.
  func sumsBack(
    _ source: Embeddings, wanted: [UInt8], into target: Embeddings, _ scratch: Scratch
  ) {
    switch form {
    case .dense:
      embedding_dense(
        outputs, inputs, backward, source.active, wanted, source.rows,
        scratch.pointer(self.scratch),
        target.rows, target.totals)
    case .convolution(var shape):
      embedding_windows_transposed(
        &shape, backward, source.active, wanted, source.rows, scratch.pointer(self.scratch),
        target.rows, target.totals)
    }
  }
}

/// The embeddings of a whole layer of nodes, those of nodes that are not active without meaning.
final class Embeddings {
  let rows: UnsafeMutablePointer<Float>
  /// One number a node: the weights that were added up.
  let totals: UnsafeMutablePointer<Float>
  private(set) var active: UnsafeMutablePointer<UInt8>
  let count: Int

  init(count: Int) {
    self.count = count
    rows = .allocate(capacity: count * Int(EMBEDDING_WIDTH))
    rows.initialize(repeating: 0, count: count * Int(EMBEDDING_WIDTH))
    totals = .allocate(capacity: count)
    totals.initialize(repeating: 0, count: count)
    active = .allocate(capacity: count)
    active.initialize(repeating: 1, count: count)
  }

  deinit {
    rows.deallocate()
    totals.deallocate()
    active.deallocate()
  }

  func activate(_ mask: [UInt8]) {
    precondition(mask.count == count, "a mask of another layer")
    for index in 0..<count { active[index] = mask[index] }
  }
}

/// Room for lists of the places that a sum reads.
final class Scratch {
  private var numbers: UnsafeMutablePointer<UInt32>
  private var room: Int

  init() {
    room = 256
    numbers = .allocate(capacity: room)
  }

  deinit { numbers.deallocate() }

  func pointer(_ count: Int) -> UnsafeMutablePointer<UInt32> {
    if count > room {
      numbers.deallocate()
      room = count
      numbers = .allocate(capacity: count)
    }
    return numbers
  }
}
