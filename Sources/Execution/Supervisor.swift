import CSupervisor
import Foundation

/// The Swift face of the process that starts the stages and outlives none of them.
///
/// Used from the scheduler's thread only.
final class Supervisor {
  let socket: Int32
  private let process: pid_t

  /// What becomes of a process.
  enum Event {
    case started(attempt: UInt64, pid: Int)
    case notStarted(attempt: UInt64, reason: String)
    case exited(attempt: UInt64, Exit)
  }

  struct Exit {
    /// The exit code, or minus the signal's number.
    var status: Int
    var cpuSeconds: Double
    var peakMemory: Int
    /// Bytes in use when the memory limit struck.
    var overMemory: Int?
  }

  struct Request {
    var attempt: UInt64
    var name: String
    var arguments: [String]
    var environment: [String: String]
    var directory: String
    var memoryLimit: Int?
    var standardInput: Int32
    var standardOutput: Int32
    var standardError: Int32
    var messages: Int32
  }

  /// Forks the supervisor; to be called before the process has further threads.
  init() throws {
    var pid: pid_t = 0
    socket = supervisor_start(&pid)
    guard socket >= 0 else {
      throw ExecutionError.infrastructure("cannot start the supervisor: \(errorText())")
    }
    process = pid
  }

  deinit {
    // The closed socket tells it to end; waiting keeps it from staying behind as a zombie.
    close(socket)
    waitpid(process, nil, 0)
  }

  func spawn(_ request: Request) throws {
    let environment = request.environment.map { "\($0.key)=\($0.value)" }.sorted()
    let status = withCStrings(request.arguments) { arguments in
      withCStrings(environment) { environment in
        request.name.withCString { name in
          request.directory.withCString { directory in
            var raw = supervisor_request(
              id: request.attempt, argv: arguments, envp: environment, attempt: name,
              directory: directory, memory_limit: UInt64(request.memoryLimit ?? 0),
              standard_input: request.standardInput, standard_output: request.standardOutput,
              standard_error: request.standardError, messages: request.messages)
            return supervisor_spawn(socket, &raw)
          }
        }
      }
    }
    guard status == 0 else {
      throw ExecutionError.infrastructure("cannot reach the supervisor: \(errorText())")
    }
  }

  func signal(_ number: Int32, attempt: UInt64) {
    // A failure means that the supervisor is gone, which the next `events` reports.
    _ = supervisor_signal(socket, attempt, number)
  }

  /// All events that have arrived.
  ///
  /// - Throws: `ExecutionError` when the supervisor has died; its stages have died with it.
  func events() throws -> [Event] {
    var events: [Event] = []
    var raw = supervisor_event()
    while true {
      switch supervisor_receive(socket, &raw) {
      case 0: return events
      case 1: events.append(Event(raw))
      default:
        throw ExecutionError.infrastructure(
          "the supervisor of the stages died (out of memory?); run again to continue")
      }
    }
  }
}

extension Supervisor.Event {
  fileprivate init(_ raw: supervisor_event) {
    switch Int(raw.kind) {
    case Int(SUPERVISOR_STARTED.rawValue): self = .started(attempt: raw.id, pid: Int(raw.pid))
    case Int(SUPERVISOR_NOT_STARTED.rawValue):
      self = .notStarted(attempt: raw.id, reason: errorText(raw.status))
    default:
      self = .exited(
        attempt: raw.id,
        Supervisor.Exit(
          status: Int(raw.status), cpuSeconds: Double(raw.cpu_microseconds) / 1e6,
          peakMemory: Int(raw.peak_memory),
          overMemory: raw.over_memory > 0 ? Int(raw.over_memory) : nil))
    }
  }
}

/// What the operating system says about an error number.
func errorText(_ number: Int32 = errno) -> String { String(cString: strerror(number)) }

/// Lends an array of C strings that ends with a null pointer.
private func withCStrings<Result>(
  _ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Result
) -> Result {
  let copies = strings.map { strdup($0) }
  defer { copies.forEach { free($0) } }
  let pointers = copies.map { UnsafePointer($0) } + [nil]
  return pointers.withUnsafeBufferPointer { buffer in
    guard let base = buffer.baseAddress else { preconditionFailure("never empty") }
    return body(base)
  }
}
