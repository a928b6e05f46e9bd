import CLinearKernels

/// A scalar product in four fixed partial sums, so that it vectorises and never depends on threads.
package func dot(_ left: [Double], _ right: [Double]) -> Double {
  var sums = SIMD4<Double>.zero
  let whole = left.count & ~3
  left.withUnsafeBufferPointer { left in
    right.withUnsafeBufferPointer { right in
      var index = 0
      while index < whole {
        let x = SIMD4<Double>(left[index], left[index + 1], left[index + 2], left[index + 3])
        let y = SIMD4<Double>(right[index], right[index + 1], right[index + 2], right[index + 3])
        sums += x * y
        index += 4
      }
      while index < left.count {
        sums[index & 3] += left[index] * right[index]
        index += 1
      }
    }
  }
  return (sums[0] + sums[1]) + (sums[2] + sums[3])
}

/// A scalar product in 32 fixed partial sums, which fill the processor's pipelines.
package func product(_ left: [Double], _ right: [Double]) -> Double {
  precondition(left.count == right.count, "\(left.count) and \(right.count) factors")
  return left.withUnsafeBufferPointer { left in
    right.withUnsafeBufferPointer { right in product(left, 0, right, 0, left.count) }
  }
}

/// The scalar product of two runs of one buffer, in 32 fixed partial sums.
package func product(
  _ values: UnsafeBufferPointer<Double>, _ left: Int, _ right: Int, _ count: Int
) -> Double {
  product(values, left, values, right, count)
}

/// The scalar product of runs of two buffers, in 32 fixed partial sums.
package func product(
  _ first: UnsafeBufferPointer<Double>, _ left: Int, _ second: UnsafeBufferPointer<Double>,
  _ right: Int, _ count: Int
) -> Double {
  guard count > 0, let first = first.baseAddress, let second = second.baseAddress else { return 0 }
  return linear_product_f64(count, first + left, second + right)
}

/// A symmetric matrix, row after row, times a vector.
package func symmetricProduct(_ matrix: [Double], _ vector: [Double]) -> [Double] {
  let size = vector.count
  precondition(matrix.count == size * size, "\(matrix.count) elements for size \(size)")
  return [Double](unsafeUninitializedCapacity: size) { result, count in
    matrix.withUnsafeBufferPointer { matrix in
      vector.withUnsafeBufferPointer { vector in
        if let left = matrix.baseAddress, let right = vector.baseAddress,
          let space = result.baseAddress
        {
          linear_symmetric_times_f64(size, left, right, space)
        }
      }
    }
    count = size
  }
}
