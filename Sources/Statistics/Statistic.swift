/// A number computed from samples, or the reason why it isn't defined.
public struct Statistic: Hashable, Sendable {
  /// nil where the statistic is undefined; never NaN.
  public var value: Double?
  /// Why there is no value; nil where there is one.
  public var reason: String?

  /// A defined value.
  public init(_ value: Double) {
    self.value = value.isFinite ? value : nil
    reason = value.isFinite ? nil : "the result is not finite"
  }

  /// An undefined value.
  public init(undefined reason: String) {
    value = nil
    self.reason = reason
  }

  /// A defined value, which may be infinite.
  public static func value(_ value: Double) -> Statistic {
    var result = Statistic(0)
    result.value = value
    return result
  }

  /// An undefined value.
  public static func undefined(_ reason: String) -> Statistic { Statistic(undefined: reason) }
}
