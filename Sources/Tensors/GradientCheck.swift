/// The largest disagreement between the gradient and central differences.
public struct GradientCheck: Sendable {
  /// The input's number, and the element's in row-major order.
  public var input: Int
  public var element: Int
  public var gradient: Double
  public var difference: Double

  /// |gradient - difference| / max(1, |gradient|, |difference|).
  public var error: Double {
    abs(gradient - difference) / Swift.max(1, abs(gradient), abs(difference))
  }
}

/// Compares the gradients of a function with central differences, element by element.
///
/// - Parameters:
///   - inputs: In float64: with a step of 1e-6, differences of float32 are all rounding.
///   - step: Half the distance of the two points.
///   - function: Gives one number, the same each time for the same inputs.
/// - Returns: The element where they disagree most.
/// - Throws: ``TensorError`` for inputs that are not float64, or what `function` throws.
public func checkGradients(
  at inputs: [Tensor], step: Double = 1e-6, of function: ([Tensor]) throws -> Tensor
) throws -> GradientCheck {
  guard inputs.allSatisfy({ $0.dtype == .float64 }), !inputs.isEmpty else {
    throw TensorError(.mismatch, "gradients are checked in float64; convert with to(.float64)")
  }
  let leaves = try inputs.map { try $0.asLeaf() }
  let analytic = try gradients(of: [withGradients { try function(leaves) }], wrt: leaves)
  var worst = GradientCheck(input: 0, element: 0, gradient: 0, difference: 0)
  for (number, input) in inputs.enumerated() {
    let gradient = try analytic[number].doubles()
    let center = try input.doubles()
    for element in center.indices {
      func value(_ shift: Double) throws -> Double {
        var moved = center
        moved[element] += shift
        var all = inputs
        all[number] = try Tensor(moved, shape: input.shape)
        return try withoutGradients { try function(all) }.double()
      }
      let check = GradientCheck(
        input: number, element: element, gradient: gradient[element],
        difference: (try value(step) - value(-step)) / (2 * step))
      if !(check.error <= worst.error) { worst = check }
    }
  }
  return worst
}
