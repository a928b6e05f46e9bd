internal import CTorchInterface

/// An operator of the library, found once by its schema's name.
struct Operator: @unchecked Sendable {
  private let found: CTorchOperator?
  private let failure: TensorError?

  init(_ name: String) {
    do {
      let functions = try TorchLibrary.functions()
      found = try checked(.unknownOperator, name) { functions.pointee.find(name, $0) }
      failure = nil
    } catch {
      found = nil
      failure = error as? TensorError ?? TensorError(.library, "\(error)")
    }
  }

  @inline(__always)
  private var pointer: CTorchOperator {
    get throws {
      guard let found else { throw failure.unsafelyUnwrapped }
      return found
    }
  }

  // MARK: Calls

  /// Calls with `count` arguments, which the library takes over, and room for `capacity` results.
  @inline(__always)
  func call(
    _ arguments: UnsafeMutablePointer<CTorchValue>?, _ count: Int,
    results: UnsafeMutablePointer<CTorchValue>, capacity: Int
  ) throws -> Int {
    let pointer = try pointer
    var message: UnsafeMutablePointer<CChar>?
    let number = TorchLibrary.opened.pointee.call(
      pointer, arguments, Int32(count), results, Int32(capacity), &message)
    guard number >= 0 else { throw TensorError(.computation, taken(message)) }
    return Int(number)
  }

  @inline(__always)
  private func one(_ arguments: UnsafeMutableRawPointer, _ count: Int) throws -> Tensor {
    var result = CTorchValue()
    let number = try call(
      arguments.assumingMemoryBound(to: CTorchValue.self), count, results: &result, capacity: 1)
    guard number == 1, result.kind == CTORCH_TENSOR.kind else {
      throw TensorError(.unsupported, "the operator gave no tensor")
    }
    return Tensor(taking: result.tensor)
  }

  // A homogeneous tuple has the layout of an array, and lies on the stack. Tensors are lent where
  // nothing is evaluated between the taking of their addresses and the call.

  @inline(__always)
  func callAsFunction(_ a: Tensor) throws -> Tensor {
    try withExtendedLifetime(a) {
      var arguments = CTorchValue.lent(a)
      return try one(&arguments, 1)
    }
  }

  @inline(__always)
  func callAsFunction(_ a: Tensor, _ b: Tensor) throws -> Tensor {
    try withExtendedLifetime((a, b)) {
      var arguments = (CTorchValue.lent(a), CTorchValue.lent(b))
      return try one(&arguments, 2)
    }
  }

  @inline(__always)
  func callAsFunction(_ a: Tensor, _ b: CTorchValue) throws -> Tensor {
    try withExtendedLifetime(a) {
      var arguments = (CTorchValue.lent(a), b)
      return try one(&arguments, 2)
    }
  }

  @inline(__always)
  func callAsFunction(_ a: Tensor, _ b: Tensor, _ c: CTorchValue) throws -> Tensor {
    try withExtendedLifetime((a, b)) {
      var arguments = (CTorchValue.lent(a), CTorchValue.lent(b), c)
      return try one(&arguments, 3)
    }
  }

  @inline(__always)
  func callAsFunction(_ a: CTorchValue) throws -> Tensor {
    var arguments = a
    return try one(&arguments, 1)
  }

  @inline(__always)
  func callAsFunction(_ a: CTorchValue, _ b: CTorchValue) throws -> Tensor {
    var arguments = (a, b)
    return try one(&arguments, 2)
  }

  @inline(__always)
  func callAsFunction(_ a: CTorchValue, _ b: CTorchValue, _ c: CTorchValue) throws -> Tensor {
    var arguments = (a, b, c)
    return try one(&arguments, 3)
  }

  @inline(__always)
  func callAsFunction(
    _ a: CTorchValue, _ b: CTorchValue, _ c: CTorchValue, _ d: CTorchValue
  ) throws -> Tensor {
    var arguments = (a, b, c, d)
    return try one(&arguments, 4)
  }

  @inline(__always)
  func callAsFunction(
    _ a: CTorchValue, _ b: CTorchValue, _ c: CTorchValue, _ d: CTorchValue, _ e: CTorchValue
  ) throws -> Tensor {
    var arguments = (a, b, c, d, e)
    return try one(&arguments, 5)
  }

  /// Calls with any number of arguments for one tensor.
  func callAsFunction(_ arguments: [CTorchValue]) throws -> Tensor {
    var arguments = arguments
    return try arguments.withUnsafeMutableBufferPointer {
      try one(UnsafeMutableRawPointer($0.baseAddress.unsafelyUnwrapped), $0.count)
    }
  }

  /// Calls with any number of arguments for results of any kind.
  func results(_ arguments: [CTorchValue]) throws -> [CTorchValue] {
    var arguments = arguments
    let capacity = 16
    return try withUnsafeTemporaryAllocation(of: CTorchValue.self, capacity: capacity) { results in
      let number = try arguments.withUnsafeMutableBufferPointer {
        try call(
          $0.baseAddress, $0.count, results: results.baseAddress.unsafelyUnwrapped,
          capacity: capacity)
      }
      return Array(results[0..<number])
    }
  }

  /// Calls for several tensors.
  func tensors(_ arguments: CTorchValue...) throws -> [Tensor] {
    try results(arguments).flatMap { result in
      switch result.kind {
      case CTORCH_TENSOR.kind: return [Tensor(taking: result.tensor)]
      case CTORCH_TENSORS.kind: return result.takenTensors
      default: throw TensorError(.unsupported, "the operator gave something other than tensors")
      }
    }
  }

  /// The schema, such as `aten::relu(Tensor self) -> Tensor`.
  var schema: String {
    get throws { taken(TorchLibrary.opened.pointee.schema(try pointer)) }
  }

  /// The position of a named argument, or nil.
  func position(of name: String) throws -> Int? {
    let position = TorchLibrary.opened.pointee.position(try pointer, name)
    return position < 0 ? nil : Int(position)
  }
}
