public import Tensors

/// Tensors whose slices of dimension 0 belong together: inputs and targets, row by row.
public struct TensorDataset: Sendable {
  public let tensors: [Tensor]
  /// The number of samples.
  public let count: Int

  /// Takes tensors of one extent in dimension 0.
  ///
  /// - Throws: ``ModuleError`` for none, or extents that differ.
  public init(_ tensors: Tensor...) throws { try self.init(tensors) }

  /// Takes tensors of one extent in dimension 0.
  ///
  /// - Throws: ``ModuleError`` for none, or extents that differ.
  public init(_ tensors: [Tensor]) throws {
    let extents = try tensors.map { try $0.extent(0) }
    guard let count = extents.first, extents.allSatisfy({ $0 == count }) else {
      throw ModuleError(
        .mismatch, "tensors of \(extents) samples are no data set; give the same number of each")
    }
    self.tensors = tensors
    self.count = count
  }

  private init(unchecked tensors: [Tensor], count: Int) {
    self.tensors = tensors
    self.count = count
  }

  /// The samples of those numbers, in their order.
  ///
  /// - Throws: `TensorError` for a number out of range.
  public subscript(samples: [Int]) -> TensorDataset {
    get throws {
      let indices = try Tensor(samples)
      return TensorDataset(
        unchecked: try tensors.map { try $0.gathering(indices.to($0.device)) },
        count: samples.count)
    }
  }

  /// Two parts at random: the first of so many samples.
  ///
  /// - Throws: ``ModuleError`` for more samples than there are.
  public func split(
    _ first: Int, random: RandomStream
  ) throws -> (first: TensorDataset, second: TensorDataset) {
    guard (0...count).contains(first) else {
      throw ModuleError(.mismatch, "\(first) of \(count) samples cannot be split off")
    }
    var random = random
    let order = random.permutation(count)
    return (try self[Array(order[..<first])], try self[Array(order[first...])])
  }

  /// The batches of one epoch.
  ///
  /// - Parameters:
  ///   - size: Samples a batch; the last may have fewer.
  ///   - random: Shuffles; give each epoch a child of its own. In file order where absent.
  ///   - dropsLast: Whether a last batch of fewer samples is left out.
  /// - Returns: A sequence that gathers each batch as it is asked for.
  public func batches(
    of size: Int, shuffledBy random: RandomStream? = nil, dropsLast: Bool = false
  ) -> Batches {
    precondition(size > 0, "a batch of \(size) samples")
    var order: [Int]?
    if var random { order = random.permutation(count) }
    return Batches(dataset: self, size: size, order: order, dropsLast: dropsLast)
  }
}

/// The batches of one epoch, gathered one at a time.
public struct Batches: Sequence, Sendable {
  fileprivate let dataset: TensorDataset
  fileprivate let size: Int
  fileprivate let order: [Int]?
  fileprivate let dropsLast: Bool

  /// How many there are.
  public var count: Int {
    dropsLast ? dataset.count / size : (dataset.count + size - 1) / size
  }

  public var underestimatedCount: Int { count }

  public func makeIterator() -> Iterator { Iterator(batches: self) }

  /// Walks over an epoch.
  public struct Iterator: IteratorProtocol {
    fileprivate let batches: Batches
    private var number = 0

    fileprivate init(batches: Batches) { self.batches = batches }

    public mutating func next() -> Batch? {
      guard number < batches.count else { return nil }
      defer { number += 1 }
      let start = number * batches.size
      return Batch(
        number: number, dataset: batches.dataset,
        range: start..<Swift.min(start + batches.size, batches.dataset.count),
        order: batches.order)
    }
  }
}

/// Some samples, gathered when asked for, since that can run out of memory.
public struct Batch: Sendable {
  /// From 0 in its epoch.
  public let number: Int
  fileprivate let dataset: TensorDataset
  fileprivate let range: Range<Int>
  fileprivate let order: [Int]?

  /// The number of samples.
  public var count: Int { range.count }

  /// The samples' slices of each of the data set's tensors.
  public var tensors: [Tensor] {
    get throws {
      guard let order else {
        return try dataset.tensors.map { try $0.slicing(range, along: 0) }
      }
      return try dataset[Array(order[range])].tensors
    }
  }
}
