internal import CTorchInterface
import Foundation
import Synchronization

/// What holds for all tensors of a process: threads, determinism, devices, and facts to report.
public enum TensorRuntime {
  /// How many threads an operation uses; results may differ in rounding between counts.
  ///
  /// While something runs on one thread (``onOneThread(_:)``) the number waits until it has ended.
  ///
  /// - Throws: ``TensorError`` where LibTorch cannot be opened, or for a count below 1.
  public static func setThreads(_ count: Int) throws {
    guard count > 0, count <= 4096 else {
      throw TensorError(.mismatch, "\(count) is no number of threads; take 1 to 4096")
    }
    let functions = try TorchLibrary.functions()
    single.withLock { state in
      if state.users > 0 {
        state.before = count
      } else {
        functions.pointee.set_threads(Int32(count))
      }
    }
  }

  /// The number of threads that an operation uses.
  ///
  /// - Throws: ``TensorError`` where LibTorch cannot be opened.
  public static func threads() throws -> Int {
    Int(try TorchLibrary.functions().pointee.threads())
  }

  /// Runs tensor operations on one thread: small ones are faster so, and the bytes of their results
  /// don't depend on the number of cores.
  ///
  /// OpenMP's number of threads belongs to the thread that asks, the BLAS's to the process: each of
  /// those that overlap sets both to 1, and the last sets them back.
  ///
  /// - Returns: What `body` returns.
  /// - Throws: What `body` throws; ``TensorError`` where LibTorch cannot be opened.
  public static func onOneThread<Result>(_ body: () throws -> Result) throws -> Result {
    let functions = try TorchLibrary.functions()
    single.withLock { state in
      if state.users == 0 { state.before = Int(functions.pointee.threads()) }
      functions.pointee.set_threads(1)
      state.users += 1
    }
    defer {
      single.withLock { state in
        state.users -= 1
        if state.users == 0 { functions.pointee.set_threads(Int32(state.before)) }
      }
    }
    return try body()
  }

  private static let single = Mutex((users: 0, before: 1))

  /// Refuses operations whose results vary from run to run, instead of running them.
  ///
  /// - Throws: ``TensorError`` where LibTorch cannot be opened.
  public static func setDeterministic(_ isOn: Bool) throws {
    try TorchLibrary.functions().pointee.set_deterministic(isOn)
  }

  /// The number of CUDA devices; 0 where LibTorch was built without.
  ///
  /// - Throws: ``TensorError`` where LibTorch cannot be opened.
  public static func cudaDevices() throws -> Int {
    Int(try TorchLibrary.functions().pointee.cuda_devices())
  }

  /// LibTorch's version, such as 1.13.1.
  ///
  /// - Throws: ``TensorError`` where LibTorch cannot be opened.
  public static func version() throws -> String {
    taken(try TorchLibrary.functions().pointee.version())
  }

  /// Where matrix products are computed.
  ///
  /// - Throws: ``TensorError`` where LibTorch cannot be opened.
  public static func blas() throws -> BLAS {
    BLAS(path: taken(try TorchLibrary.functions().pointee.blas()))
  }

  /// The most memory that the process has used, in bytes.
  public static var peakMemory: Int {
    var usage = rusage()
    getrusage(Int32(RUSAGE_SELF.rawValue), &usage)
    // The kernel updates the one late, and the other never looks back.
    return max(usage.ru_maxrss * 1024, memory)
  }

  /// The memory that the process uses now, in bytes.
  public static var memory: Int {
    guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else {
      return 0
    }
    let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
  }
}
