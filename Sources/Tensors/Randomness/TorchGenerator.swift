internal import CTorchInterface

/// A generator of LibTorch's own, for those of its operators that draw:
/// `try Tensor.call("aten::multinomial", weights, 5, keywords: ["generator": random.generator()])`.
///
/// Its numbers are the same for the same seed and thread count, but unlike a ``RandomStream``'s they
/// may change with LibTorch's version.
public final class TorchGenerator: @unchecked Sendable {
  let pointer: CTorchGenerator

  init(seed: UInt64) throws {
    let functions = try TorchLibrary.functions()
    pointer = try checked { functions.pointee.make_generator(seed, $0) }
  }

  deinit { TorchLibrary.opened.pointee.release_generator(pointer) }
}

extension RandomStream {
  /// A generator of LibTorch's own, seeded from this stream.
  ///
  /// - Throws: ``TensorError`` where LibTorch cannot be opened.
  public mutating func generator() throws -> TorchGenerator { try TorchGenerator(seed: next()) }
}

extension TorchGenerator: OperatorArgumentConvertible {
  public var operatorArgument: OperatorArgument { .generator(self) }
}
