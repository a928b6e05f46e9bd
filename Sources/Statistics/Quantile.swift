/// A quantile with linear interpolation between order statistics, as NumPy's default.
///
/// - `share`: From 0 to 1.
public func quantile(_ values: [Double], _ share: Double) -> Double {
  quantile(sorted: values.sorted(), share)
}

/// The same of values in ascending order.
package func quantile(sorted: [Double], _ share: Double) -> Double {
  precondition(!sorted.isEmpty, "a quantile of no values")
  let position = share * Double(sorted.count - 1)
  let below = Int(position)
  let above = min(below + 1, sorted.count - 1)
  return sorted[below] + (position - Double(below)) * (sorted[above] - sorted[below])
}
