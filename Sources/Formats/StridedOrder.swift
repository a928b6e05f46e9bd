/// The positions, in storage, of a strided array's elements in row-major order.
enum StridedOrder {
  /// The positions for a column-major array.
  static func fortran(_ shape: [Int]) -> [Int] {
    var strides: [Int] = []
    var step = 1
    for extent in shape {
      strides.append(step)
      step *= max(extent, 1)
    }
    return positions(shape, strides)
  }

  /// The positions for any strides, in elements; the caller has checked that none overflows.
  static func positions(_ shape: [Int], _ strides: [Int], from offset: Int = 0) -> [Int] {
    let count = shape.reduce(1, *)
    var positions: [Int] = []
    positions.reserveCapacity(count)
    var index = Array(repeating: 0, count: shape.count)
    var position = offset
    for _ in 0..<count {
      positions.append(position)
      var dimension = shape.count - 1
      while dimension >= 0 {
        index[dimension] += 1
        position += strides[dimension]
        if index[dimension] < shape[dimension] { break }
        position -= strides[dimension] * shape[dimension]
        index[dimension] = 0
        dimension -= 1
      }
    }
    return positions
  }

  /// Row-major bytes of elements at the given positions.
  static func gather(
    _ source: UnsafeRawBufferPointer, elementSize: Int, _ positions: [Int]
  ) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: positions.count * elementSize) { target, count in
      let target = UnsafeMutableRawBufferPointer(target)
      for (index, position) in positions.enumerated() {
        let from = UnsafeRawBufferPointer(
          rebasing: source[position * elementSize..<(position + 1) * elementSize])
        UnsafeMutableRawBufferPointer(rebasing: target[(index * elementSize)...])
          .copyMemory(from: from)
      }
      count = positions.count * elementSize
    }
  }

  /// The bytes with every element's own bytes turned round.
  static func swapped(_ bytes: [UInt8], elementSize: Int) -> [UInt8] {
    guard elementSize > 1 else { return bytes }
    var bytes = bytes
    for start in stride(from: 0, to: bytes.count - elementSize + 1, by: elementSize) {
      bytes[start..<start + elementSize].reverse()
    }
    return bytes
  }
}
