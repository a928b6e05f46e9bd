/// Positions in ascending order of their values; equal values keep their order.
package func sortedIndices(_ values: [Double]) -> [Int] {
  values.count < 512
    ? values.indices.sorted { values[$0] != values[$1] ? values[$0] < values[$1] : $0 < $1 }
    : radixSorted(values).map { Int($0.position) }
}

/// Where a value stood, with its bits as an integer of the same order.
struct SortKey {
  var key: UInt64
  var position: Int

  /// Negative numbers reversed and below all others; -0 is 0.
  init(_ value: Double, at position: Int) {
    let bits = (value + 0).bitPattern
    key = bits >> 63 == 0 ? bits | 1 << 63 : ~bits
    self.position = position
  }
}

/// Sorts by the upper 33 bits in three passes of 11, the lowest first, then by all bits the few keys
/// that agree in those: several times faster than by comparisons.
func radixSorted(_ values: [Double]) -> [SortKey] {
  var keys = values.indices.map { SortKey(values[$0], at: $0) }
  var other = keys
  for shift in [UInt64(31), 42, 53] {
    withUnsafeTemporaryAllocation(of: Int.self, capacity: 2048) { starts in
      starts.initialize(repeating: 0)
      for item in keys { starts[Int(item.key >> shift & 2047)] += 1 }
      var next = 0
      for digit in starts.indices {
        let count = starts[digit]
        starts[digit] = next
        next += count
      }
      keys.withUnsafeBufferPointer { keys in
        other.withUnsafeMutableBufferPointer { other in
          for item in keys {
            let digit = Int(item.key >> shift & 2047)
            other[starts[digit]] = item
            starts[digit] += 1
          }
        }
      }
    }
    swap(&keys, &other)
  }
  var start = 0
  for end in 1...max(keys.count, 1) {
    if end < keys.count && keys[end].key >> 31 == keys[start].key >> 31 { continue }
    if end - start > 1 {
      keys[start..<end].sort { $0.key != $1.key ? $0.key < $1.key : $0.position < $1.position }
    }
    start = end
  }
  return keys
}
