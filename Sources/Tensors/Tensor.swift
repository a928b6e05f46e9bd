internal import CTorchInterface

/// An array of numbers of any rank, on LibTorch.
///
/// Operations give new tensors and leave their operands as they are; those that write into an
/// operand's memory say so in their names (`addInPlace`). Views, such as ``subscript(_:)`` and
/// ``reshaped(_:)`` give them, share memory with their source, which only matters to who uses an
/// operation in place: take ``copy()`` first.
///
/// Operations throw ``TensorError``, whose message holds the call and the shapes; one `try` covers a
/// whole expression. A tensor may be read from many threads at once.
public struct Tensor: @unchecked Sendable {
  /// One owner of a tensor of the library; freed with the last copy of the value.
  final class Handle {
    let pointer: CTorchTensor

    init(_ pointer: CTorchTensor) { self.pointer = pointer }

    deinit { TorchLibrary.opened.pointee.release(pointer) }
  }

  var handle: Handle

  /// Takes over a reference that the library gave away.
  @inline(__always)
  init(taking pointer: CTorchTensor) { handle = Handle(pointer) }

  /// Another reference, for a callee to own.
  @inline(__always)
  var retained: CTorchTensor {
    withExtendedLifetime(handle) {
      TorchLibrary.opened.pointee.retain(handle.pointer).unsafelyUnwrapped
    }
  }

  private func withFacts<Result>(_ body: (CTorchFacts) -> Result) -> Result {
    withExtendedLifetime(handle) {
      var facts = CTorchFacts()
      TorchLibrary.opened.pointee.facts(handle.pointer, &facts)
      return body(facts)
    }
  }

  // MARK: Facts

  /// Extents, outermost first; empty for a single number.
  public var shape: [Int] {
    withFacts { facts in (0..<Int(facts.rank)).map { Int(facts.sizes[$0]) } }
  }

  /// Elements to step over in memory for one step along each dimension.
  public var strides: [Int] {
    withFacts { facts in (0..<Int(facts.rank)).map { Int(facts.strides[$0]) } }
  }

  /// The number of dimensions.
  public var rank: Int { withFacts { Int($0.rank) } }

  /// The number of elements.
  public var count: Int { withFacts { Int($0.count) } }

  public var dtype: DType { withFacts { DType(rawValue: $0.element_type) ?? .other } }

  public var device: Device { withFacts { Device(number: $0.device) } }

  /// Whether the elements lie in memory one after the other, in row-major order.
  public var isContiguous: Bool {
    withExtendedLifetime(handle) { TorchLibrary.opened.pointee.is_contiguous(handle.pointer) }
  }

  /// The extent of a dimension, counted from the end where negative.
  ///
  /// - Throws: ``TensorError`` for a dimension that the tensor lacks.
  public func extent(_ dimension: Int) throws -> Int {
    let shape = shape
    let index = dimension < 0 ? dimension + shape.count : dimension
    guard shape.indices.contains(index) else {
      throw TensorError(.mismatch, "\(dtype)\(shape) has no dimension \(dimension)")
    }
    return shape[index]
  }
}
