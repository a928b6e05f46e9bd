import CEmbeddingKernels
import Verification

/// A matrix in compressed rows, float32: each row lists its columns and their weights.
///
/// A linear layer as the graph network sees it: neurons are nodes, weights are edges. A convolution
/// has a few dozen edges a neuron, so that it never becomes dense here either.
struct SparseMatrix: Sendable {
  /// Row r has the entries `start[r]..<start[r + 1]`.
  var start: [Int32]
  var index: [Int32]
  var weight: [Float]

  var rows: Int { start.count - 1 }

  /// Rows of one full weight each, from a dense row-major matrix.
  init(dense weights: [Double], columns: Int) {
    let rows = columns == 0 ? 0 : weights.count / columns
    start = (0...rows).map { Int32($0 * columns) }
    index = (0..<rows).flatMap { _ in (0..<Int32(columns)) }
    weight = weights.map { Float($0) }
  }

  init(start: [Int32], index: [Int32], weight: [Float]) {
    self.start = start
    self.index = index
    self.weight = weight
  }

  /// The weights of a layer, an output a row.
  init(_ layer: AffineLayer) {
    guard let shape = layer.convolution else {
      self.init(dense: layer.weights, columns: layer.inputs)
      return
    }
    self.init(start: [0], index: [], weight: [])
    start.reserveCapacity(layer.outputs + 1)
    for channel in 0..<shape.outChannels {
      for row in 0..<shape.outHeight {
        for column in 0..<shape.outWidth {
          appendWindow(shape, channel: channel, row: row, column: column, layer.weights)
          start.append(Int32(index.count))
        }
      }
    }
  }

  private mutating func appendWindow(
    _ shape: Convolution, channel: Int, row: Int, column: Int, _ weights: [Double]
  ) {
    for source in 0..<shape.inChannels {
      for kernelRow in 0..<shape.kernelHeight {
        let y = row * shape.stride.height - shape.padding.height + kernelRow
        guard y >= 0, y < shape.inHeight else { continue }
        let first =
          ((channel * shape.inChannels + source) * shape.kernelHeight + kernelRow)
          * shape.kernelWidth
        for kernelColumn in 0..<shape.kernelWidth {
          let x = column * shape.stride.width - shape.padding.width + kernelColumn
          guard x >= 0, x < shape.inWidth else { continue }
          index.append(Int32((source * shape.inHeight + y) * shape.inWidth + x))
          weight.append(Float(weights[first + kernelColumn]))
        }
      }
    }
  }

  /// The transposed matrix, entries in the order of this one's rows.
  func transposed(columns: Int) -> SparseMatrix {
    var counts = [Int32](repeating: 0, count: columns + 1)
    for column in index { counts[Int(column) + 1] += 1 }
    for column in 0..<columns { counts[column + 1] += counts[column] }
    var next = counts
    var newIndex = [Int32](repeating: 0, count: index.count)
    var newWeight = [Float](repeating: 0, count: index.count)
    for row in 0..<rows {
      for entry in Int(start[row])..<Int(start[row + 1]) {
        let place = Int(next[Int(index[entry])])
        next[Int(index[entry])] += 1
        newIndex[place] = Int32(row)
        newWeight[place] = weight[entry]
      }
    }
    return SparseMatrix(start: counts, index: newIndex, weight: newWeight)
  }

  /// The part of some rows and columns.
  ///
  /// - Parameters:
  ///   - kept: The rows, in order.
  ///   - place: For every column its new position, or -1 where it is left out.
  /// - Returns: A row for each row kept, with renamed columns.
  func part(rows kept: [Int32], columns place: [Int32]) -> SparseMatrix {
    let room = kept.reduce(0) { $0 + Int(start[Int($1) + 1] - start[Int($1)]) }
    var newStart = [Int32](repeating: 0, count: kept.count + 1)
    // One more, since the kernel writes an entry before it knows whether it is kept.
    var newIndex = [Int32](repeating: 0, count: room + 1)
    var newWeight = [Float](repeating: 0, count: room + 1)
    let count = embedding_compress(
      kept.count, kept, start, index, weight, place, &newStart, &newIndex, &newWeight)
    newIndex.removeLast(newIndex.count - count)
    newWeight.removeLast(newWeight.count - count)
    return SparseMatrix(start: newStart, index: newIndex, weight: newWeight)
  }
}

extension Convolution {
  /// How many windows cover each position of the input, over all its channels; at least 1.
  ///
  /// The transposed convolution of ones with ones, by which the published backward pass divides.
  var coverage: [Float] {
    func line(_ size: Int, _ outputs: Int, _ kernel: Int, _ stride: Int, _ padding: Int) -> [Int] {
      var counts = [Int](repeating: 0, count: size)
      for output in 0..<outputs {
        for offset in 0..<kernel {
          let position = output * stride - padding + offset
          if counts.indices.contains(position) { counts[position] += 1 }
        }
      }
      return counts
    }
    let rows = line(inHeight, outHeight, kernelHeight, stride.height, padding.height)
    let columns = line(inWidth, outWidth, kernelWidth, stride.width, padding.width)
    let plane = rows.flatMap { row in columns.map { Float(max(row * $0, 1)) } }
    return (0..<inChannels).flatMap { _ in plane }
  }
}
