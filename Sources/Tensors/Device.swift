/// Where a tensor's memory is.
public enum Device: Hashable, Sendable, CustomStringConvertible {
  case cpu
  /// The CUDA device of that index, from 0.
  case cuda(Int)

  init(number: Int32) { self = number < 0 ? .cpu : .cuda(Int(number)) }

  var number: Int32 {
    switch self {
    case .cpu: -1
    case .cuda(let index): Int32(clamping: max(index, 0))
    }
  }

  public var description: String {
    switch self {
    case .cpu: "cpu"
    case .cuda(let index): "cuda:\(index)"
    }
  }
}
