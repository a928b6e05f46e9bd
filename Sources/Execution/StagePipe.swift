import CSupervisor
import Foundation

/// The reading end of a pipe from a stage, cut into lines.
final class StagePipe {
  private(set) var reading: Int32
  private(set) var writing: Int32
  private var rest: [UInt8] = []
  /// Longer lines are handed over in pieces, so that a stage cannot fill the runner's memory.
  private let limit: Int
  /// Whether a line was longer than the limit.
  private(set) var isOverlong = false

  /// - `limit`: Bytes in a line.
  init(limit: Int) throws {
    var ends: [Int32] = [-1, -1]
    guard pipe_open(&ends) == 0 else {
      throw ExecutionError.infrastructure("cannot make a pipe: \(errorText())")
    }
    (reading, writing) = (ends[0], ends[1])
    self.limit = limit
  }

  deinit {
    closeWriting()
    closeReading()
  }

  var isOpen: Bool { reading >= 0 }

  func closeWriting() {
    if writing >= 0 { close(writing) }
    writing = -1
  }

  func closeReading() {
    if reading >= 0 { close(reading) }
    reading = -1
  }

  /// Reads what is there and returns the lines that it completes, without their ends.
  func lines() -> [[UInt8]] {
    var lines: [[UInt8]] = []
    withUnsafeTemporaryAllocation(byteCount: 65536, alignment: 16) { buffer in
      // Bounded, so that a stage that never stops talking cannot keep the scheduler here.
      for _ in 0..<16 where isOpen {
        let count = read(reading, buffer.baseAddress, buffer.count)
        if count < 0 && errno == EINTR { continue }
        if count < 0 { return }
        if count == 0 {
          closeReading()
          if !rest.isEmpty { lines.append(rest) }
          rest = []
          return
        }
        take(UnsafeRawBufferPointer(rebasing: buffer[..<count]), into: &lines)
      }
    }
    return lines
  }

  private func take(_ bytes: UnsafeRawBufferPointer, into lines: inout [[UInt8]]) {
    var start = 0
    while start < bytes.count {
      let remaining = UnsafeRawBufferPointer(rebasing: bytes[start...])
      if let end = remaining.firstIndex(of: UInt8(ascii: "\n")) {
        rest.append(contentsOf: remaining[..<end])
        lines.append(rest)
        rest.removeAll(keepingCapacity: true)
        start += end + 1
      } else {
        rest.append(contentsOf: remaining)
        start = bytes.count
      }
      if rest.count > limit {
        isOverlong = true
        lines.append(rest)
        rest.removeAll(keepingCapacity: true)
      }
    }
  }
}
