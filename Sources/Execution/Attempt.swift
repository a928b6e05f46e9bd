import Foundation
import Planning
import RunRecord
import StageKit
import StructuredValue

/// One execution of an action: its folder, its process, and what it has said so far.
///
/// Used from the scheduler's thread, and while its result is stored from that other thread alone;
/// that is why it may be unchecked.
final class Attempt: @unchecked Sendable {
  let id: UInt64
  /// Unique on this machine; the value of `PIPELINE_ATTEMPT` in the stage's environment.
  let name: String
  let instance: Int
  let number: Int
  let key: ActionKey
  let why: String
  let folder: String
  let log: StageLog
  let started = ContinuousClock.now

  var output: StagePipe?
  var errors: StagePipe?
  var messages: StagePipe?
  var exit: Supervisor.Exit?
  /// Why it was told to end, if it was.
  var ending: Ending?
  /// When it is killed for good.
  var killAt: ContinuousClock.Instant?
  var deadline: ContinuousClock.Instant?

  var saidHello = false
  var saidAnything = false
  var result: (outputs: [String], metrics: [String: Value])?
  var metrics: [String: Value] = [:]
  var notes: [String] = []
  var failure: StageFailure?
  var isRetryable = false
  var lastProgress: ContinuousClock.Instant?

  enum Ending { case timeout, cancelled, protocolViolation }

  init(
    id: UInt64, name: String, instance: Int, number: Int, key: ActionKey, why: String,
    folder: String, log: StageLog
  ) {
    self.id = id
    self.name = name
    self.instance = instance
    self.number = number
    self.key = key
    self.why = why
    self.folder = folder
    self.log = log
  }

  var seconds: Double {
    let elapsed = (ContinuousClock.now - started).components
    return Double(elapsed.seconds) + Double(elapsed.attoseconds) / 1e18
  }

  var pipes: [StagePipe] { [output, errors, messages].compactMap { $0 } }

  /// Whether the process has ended and everything it wrote has been read.
  var isOver: Bool { exit != nil && pipes.allSatisfy { !$0.isOpen } }
}

// MARK: - The protocol

extension Attempt {
  /// What the scheduler passes on to those who watch.
  enum Notice {
    case progress(done: Int, total: Int, unit: String, message: String)
    case curve(name: String, step: Int, value: Value)
    case line(String)
    case checkpoint(String)
  }

  /// Takes one line of the stage's messages.
  ///
  /// - `isPlugin`: Whether the process must follow the protocol, as a `run:` command need
  ///   not.
  func take(message line: [UInt8], isPlugin: Bool) -> Notice? {
    guard failure == nil else { return nil }
    let message: StageMessage
    do {
      guard line.count <= StageMessage.maximumLength else {
        throw StageMessage.ProtocolError(description: "a message is longer than 1 MiB")
      }
      guard String(validating: line, as: UTF8.self) != nil else {
        throw StageMessage.ProtocolError(description: "a message is not valid UTF-8")
      }
      message = try StageMessage(line: line)
    } catch {
      fail("P0306", log.mask.hide("broke the protocol: \(error)"))
      return nil
    }
    saidAnything = true
    if case .hello(let version, _, _) = message {
      saidHello = true
      if version != 1 { fail("P0306", "speaks protocol \(version), this program speaks 1") }
      return nil
    }
    if !saidHello && isPlugin {
      fail("P0306", "broke the protocol: it sent a message before 'hello'")
      return nil
    }
    if result != nil {
      fail("P0306", "broke the protocol: it sent a message after 'result'")
      return nil
    }
    return apply(message)
  }

  private func apply(_ message: StageMessage) -> Notice? {
    switch message {
    case .progress(let done, let total, let unit, let message):
      let now = ContinuousClock.now
      // Ten a second are enough for eyes; the end is always shown.
      if let last = lastProgress, now - last < .milliseconds(100), done != total { return nil }
      lastProgress = now
      return .progress(
        done: done, total: total, unit: unit, message: log.mask.hide(message))
    case .metric(let name, let step, let value):
      guard let step else {
        metrics[name] = value
        return nil
      }
      return .curve(name: name, step: step, value: value)
    case .log(let level, let message):
      let shown = log.append(Array(message.utf8), source: level.rawValue, seconds: seconds)
      return .line(level == .info ? shown : "\(level.rawValue): \(shown)")
    case .checkpoint(let path): return .checkpoint(path)
    case .note(let markdown): notes.append(log.mask.hide(markdown))
    case .result(let outputs, let metrics): result = (outputs, metrics)
    case .error(let code, let message, let isRetryable, let slot, let line):
      let place = [slot.map { "input '\($0)'" }, line.map { "line \($0)" }].compactMap { $0 }
      let prefix = place.isEmpty ? "" : place.joined(separator: ", ") + ": "
      let isOurs = code.count == 5 && code.hasPrefix("P") && Int(code.dropFirst()) != nil
      fail(isOurs ? code : "P0301", log.mask.hide(prefix + message))
      self.isRetryable = isRetryable
    case .hello, .unknown: break
    }
    return nil
  }

  func fail(_ code: String, _ message: String) {
    if failure == nil { failure = StageFailure(code: code, message: message, excerpt: []) }
  }
}

extension Attempt {
  /// What went wrong, once the process has ended; nil when nothing did.
  ///
  /// - `memoryLimit`: Bytes.
  /// - `isSandboxed`: Whether a signal reaches us as an exit code above 128.
  func verdict(
    isPlugin: Bool, isSandboxed: Bool, memoryLimit: Int?, timeout: Double?
  ) -> StageFailure? {
    guard let exit else { return StageFailure(code: "P0302", message: "was lost", excerpt: []) }
    if ending == .timeout {
      return failed("P0303", "ran longer than its timeout of \(timeout ?? 0) s and was ended")
    }
    if ending == .cancelled { return failed("P0302", "was cancelled") }
    if let used = exit.overMemory {
      return failed(
        "P0304",
        "was ended at \(bytes(used)) of memory, over its limit of \(bytes(memoryLimit ?? 0)); "
          + "raise 'resources.memory' of the cell or let it work in smaller pieces")
    }
    if let failure { return failed(failure.code, failure.message) }
    // No signal is higher than 64: what ssh and others end with, 255, is no sign of one.
    let signals = 129...(128 + 64)
    let signal =
      exit.status < 0
      ? -exit.status : isSandboxed && signals.contains(exit.status) ? exit.status - 128 : 0
    if signal == 9 && ending == nil {
      return failed("P0302", "was killed (signal 9), perhaps by the kernel for want of memory")
    }
    if signal > 0 {
      return failed(
        "P0302", "died of signal \(signal) (\(String(cString: strsignal(Int32(signal)))))")
    }
    if exit.status != 0 { return failed("P0301", "ended with exit code \(exit.status)") }
    if isPlugin && !saidHello {
      return failed("P0306", "ended without a single message; a plugin starts with 'hello'")
    }
    if saidAnything && result == nil && isPlugin {
      return failed("P0306", "ended well but sent no 'result'")
    }
    return nil
  }

  private func failed(_ code: String, _ message: String) -> StageFailure {
    StageFailure(code: code, message: message, excerpt: log.tail)
  }
}

/// A size for people: `2.1 GiB`.
func bytes(_ count: Int) -> String {
  let units = ["B", "KiB", "MiB", "GiB", "TiB"]
  var size = Double(count)
  var unit = 0
  while size >= 1024 && unit < units.count - 1 {
    size /= 1024
    unit += 1
  }
  let tenths = Int((size * 10).rounded())
  return unit == 0 || tenths >= 1000 || tenths % 10 == 0
    ? "\(tenths / 10) \(units[unit])" : "\(tenths / 10).\(tenths % 10) \(units[unit])"
}
