import Foundation

/// Processor and wall-clock time since it was made.
public struct ProcessorClock: Sendable {
  private let start = ContinuousClock.now
  private let processorStart = ProcessorClock.now

  public init() {}

  /// Processor seconds of the whole process.
  public var seconds: Double { ProcessorClock.now - processorStart }

  public var wallSeconds: Double { Double((ContinuousClock.now - start) / .seconds(1)) }

  private static var now: Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
