/// A step of stochastic gradient descent with momentum on plain numbers: v ← μ v + g + λ w, w ← w - rate
/// · v.
struct DescentStep: Hashable, Sendable {
  let rate: Float
  let momentum: Float
  let weightDecay: Float

  /// Moves numbers.
  @inline(never)
  func move(_ numbers: inout [Float], _ velocity: inout [Float], _ gradient: [Float]) {
    precondition(numbers.count == velocity.count && numbers.count == gradient.count)
    numbers.withUnsafeMutableBufferPointer { numbers in
      velocity.withUnsafeMutableBufferPointer { velocity in
        gradient.withUnsafeBufferPointer { gradient in
          for index in 0..<numbers.count {
            let v = momentum * velocity[index] + (gradient[index] + weightDecay * numbers[index])
            velocity[index] = v
            numbers[index] -= rate * v
          }
        }
      }
    }
  }

  /// Renews the velocity without moving.
  @inline(never)
  func accelerate(_ numbers: [Float], _ velocity: inout [Float], _ gradient: [Float]) {
    precondition(numbers.count == velocity.count && numbers.count == gradient.count)
    numbers.withUnsafeBufferPointer { numbers in
      velocity.withUnsafeMutableBufferPointer { velocity in
        gradient.withUnsafeBufferPointer { gradient in
          for index in 0..<numbers.count {
            velocity[index] =
              momentum * velocity[index] + (gradient[index] + weightDecay * numbers[index])
          }
        }
      }
    }
  }
}
