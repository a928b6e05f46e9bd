// New tensors.

private let zeroes = Operator("aten::zeros")
private let onesOf = Operator("aten::ones")
private let fullOf = Operator("aten::full")
private let zeroesLike = Operator("aten::zeros_like")
private let onesLike = Operator("aten::ones_like")
private let fullLike = Operator("aten::full_like")
private let range = Operator("aten::arange.start_step")
private let lineSpace = Operator("aten::linspace")
private let identityMatrix = Operator("aten::eye.m")

extension Tensor {
  /// Zeros.
  ///
  /// - Throws: ``TensorError`` for a negative extent or a missing device.
  public static func zeros(
    _ shape: [Int], dtype: DType = .float32, on device: Device = .cpu
  ) throws -> Tensor {
    try zeroes(.integers(shape), .dtype(dtype), .none, .device(device))
  }

  /// Ones.
  ///
  /// - Throws: ``TensorError`` for a negative extent or a missing device.
  public static func ones(
    _ shape: [Int], dtype: DType = .float32, on device: Device = .cpu
  ) throws -> Tensor {
    try onesOf(.integers(shape), .dtype(dtype), .none, .device(device))
  }

  /// One number everywhere.
  ///
  /// - Throws: ``TensorError`` for a negative extent or a missing device.
  public static func full(
    _ shape: [Int], _ value: some ScalarConvertible, dtype: DType = .float32,
    on device: Device = .cpu
  ) throws -> Tensor {
    try fullOf(.integers(shape), .scalar(value), .dtype(dtype), .none, .device(device))
  }

  /// Zeros of the shape, type and device of another tensor.
  ///
  /// - Throws: ``TensorError`` where memory does not suffice.
  public static func zeros(like other: Tensor) throws -> Tensor { try zeroesLike(other) }

  /// Ones of the shape, type and device of another tensor.
  ///
  /// - Throws: ``TensorError`` where memory does not suffice.
  public static func ones(like other: Tensor) throws -> Tensor { try onesLike(other) }

  /// One number in the shape, type and device of another tensor.
  ///
  /// - Throws: ``TensorError`` where memory does not suffice.
  public static func full(like other: Tensor, _ value: some ScalarConvertible) throws -> Tensor {
    try fullLike(other, .scalar(value))
  }

  /// `start`, `start + step`, … below `end`.
  ///
  /// - Throws: ``TensorError`` for a step of zero or away from the end.
  public static func arange<Number: ScalarConvertible>(
    _ start: Number, _ end: Number, step: Number, dtype: DType? = nil, on device: Device = .cpu
  ) throws -> Tensor {
    try range(
      [
        .scalar(start), .scalar(end), .scalar(step), .dtype(dtype ?? Tensor.natural(start)), .none,
        .device(device),
      ])
  }

  /// 0, 1, … below `end`, as int64 unless another type is named.
  ///
  /// - Throws: ``TensorError`` for a negative end.
  public static func arange(
    _ end: Int, dtype: DType = .int64, on device: Device = .cpu
  ) throws -> Tensor {
    try arange(0, end, step: 1, dtype: dtype, on: device)
  }

  private static func natural(_ number: some ScalarConvertible) -> DType {
    if case .integer = number.scalar { return .int64 }
    return .float32
  }

  /// `count` numbers from `start` to `end`, both included.
  ///
  /// - Throws: ``TensorError`` for a negative count.
  public static func linspace(
    _ start: Double, _ end: Double, count: Int, dtype: DType = .float32, on device: Device = .cpu
  ) throws -> Tensor {
    try lineSpace([
      .real(start), .real(end), .integer(count), .dtype(dtype), .none, .device(device),
    ])
  }

  /// The identity matrix of `rows` rows and as many columns unless given.
  ///
  /// - Throws: ``TensorError`` for a negative extent.
  public static func eye(
    _ rows: Int, _ columns: Int? = nil, dtype: DType = .float32, on device: Device = .cpu
  ) throws -> Tensor {
    try identityMatrix(
      .integer(rows), .integer(columns ?? rows), .dtype(dtype), .none, .device(device))
  }
}
