/// Positions in ascending order of their values; equal values keep their order.
package func sortedIndices(_ values: [Double]) -> [Int] {
  guard suitsRadix(values.count) else {
    return values.indices.sorted { values[$0] != values[$1] ? values[$0] < values[$1] : $0 < $1 }
  }
  return radixSorted(values).map { Int($0 & 0xFFFF_FFFF) }
}

/// Whether a radix sort is worth its tables, and positions fit into half a word.
func suitsRadix(_ count: Int) -> Bool { count >= 512 && count <= Int(UInt32.max) }

/// The bits of a number as an integer of the same order: negative numbers reversed and below all
/// others; -0 is 0.
func orderedBits(_ value: Double) -> UInt64 {
  let bits = (value + 0).bitPattern
  return bits >> 63 == 0 ? bits | 1 << 63 : ~bits
}

/// Positions in ascending order of their values: three passes over the upper 32 bits, the lowest first,
/// then by all bits the few that agree in those; several times faster than by comparisons.
///
/// Those bits stand in one word above the position, so that a pass moves half of what pairs would be.
func radixSorted(_ values: [Double]) -> [UInt64] {
  let lower: UInt64 = 0xFFFF_FFFF
  var words = [UInt64](unsafeUninitializedCapacity: values.count) { words, count in
    for (position, value) in values.enumerated() {
      words[position] = orderedBits(value) & ~lower | UInt64(position)
    }
    count = values.count
  }
  var other = words
  let shifts: [UInt64] = [32, 43, 54]
  // Where each of 2048 digits starts, for each pass; one pass counts for all three.
  var starts = [Int](repeating: 0, count: 3 * 2048)
  words.withUnsafeBufferPointer { words in
    starts.withUnsafeMutableBufferPointer { starts in
      for word in words {
        starts[Int(word >> 32 & 2047)] += 1
        starts[2048 + Int(word >> 43 & 2047)] += 1
        starts[4096 + Int(word >> 54)] += 1
      }
      for pass in 0..<3 {
        var next = 0
        for digit in pass * 2048..<(pass + 1) * 2048 {
          let count = starts[digit]
          starts[digit] = next
          next += count
        }
      }
    }
  }
  for (pass, shift) in shifts.enumerated() {
    words.withUnsafeBufferPointer { words in
      other.withUnsafeMutableBufferPointer { other in
        starts.withUnsafeMutableBufferPointer { starts in
          for word in words {
            let digit = pass * 2048 + Int(word >> shift & 2047)
            other[starts[digit]] = word
            starts[digit] += 1
          }
        }
      }
    }
    swap(&words, &other)
  }
  words.withUnsafeMutableBufferPointer { words in
    var start = 0
    while start < words.count {
      let upper = words[start] >> 32
      var end = start + 1
      while end < words.count && words[end] >> 32 == upper { end += 1 }
      // Equal values, the most frequent ones to share those bits, stand in their order already.
      if end - start > 1 { settle(words, start..<end, values) }
      start = end
    }
  }
  return words
}

/// Sorts words that agree in the upper bits by all bits of their values, then by position.
private func settle(
  _ words: UnsafeMutableBufferPointer<UInt64>, _ range: Range<Int>, _ values: [Double]
) {
  let bits = { (word: UInt64) in orderedBits(values[Int(word & 0xFFFF_FFFF)]) }
  var last = bits(words[range.lowerBound])
  for index in range.dropFirst() {
    let next = bits(words[index])
    if next < last {
      words[range].sort {
        let (left, right) = (bits($0), bits($1))
        return left != right ? left < right : $0 < $1
      }
      return
    }
    last = next
  }
}
