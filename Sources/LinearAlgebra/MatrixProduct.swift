import CLinearKernels

/// The product of a matrix of `rows` × `inner` elements with one of `inner` × `columns`, all row after row.
///
/// Equal columns have equal products, bit by bit.
package func matrixProduct(
  _ left: [Double], rows: Int, inner: Int, _ right: [Double], columns: Int
) -> [Double] {
  precondition(left.count == rows * inner, "\(left.count) elements for \(rows) × \(inner)")
  precondition(right.count == inner * columns, "\(right.count) elements for \(inner) × \(columns)")
  guard inner > 0 else { return [Double](repeating: 0, count: rows * columns) }
  return [Double](unsafeUninitializedCapacity: rows * columns) { result, count in
    left.withUnsafeBufferPointer { left in
      right.withUnsafeBufferPointer { right in
        if let left = left.baseAddress, let right = right.baseAddress,
          let result = result.baseAddress
        {
          linear_matrix_times_f64(rows, inner, columns, left, right, result)
        }
      }
    }
    count = rows * columns
  }
}
