internal import CTorchInterface
import Foundation

/// The library that calls LibTorch, opened when the first tensor is made.
enum TorchLibrary {
  typealias Functions = UnsafePointer<CTorchFunctions>

  /// Its functions.
  ///
  /// - Throws: ``TensorError`` where it cannot be opened.
  static func functions() throws -> Functions {
    guard let table else { throw failure }
    return table
  }

  /// Its functions, for those who hold a tensor already, which nothing else can have made.
  static var opened: Functions { table.unsafelyUnwrapped }

  nonisolated(unsafe) private static let table: Functions? = try? outcome.get()

  private static var failure: TensorError {
    guard case .failure(let error) = outcome else { preconditionFailure("it is open") }
    return error
  }

  nonisolated(unsafe) private static let outcome: Result<Functions, TensorError> = Result {
    () throws(TensorError) in try open()
  }

  private static func open() throws(TensorError) -> Functions {
    var problems: [String] = []
    for candidate in candidates {
      guard let library = dlopen(candidate, RTLD_NOW | RTLD_LOCAL) else {
        problems.append(dlerror().map { String(cString: $0) } ?? candidate)
        continue
      }
      guard let symbol = dlsym(library, CTORCH_ENTRY),
        let table = unsafeBitCast(symbol, to: CTorchOpen.self)(CTORCH_VERSION)
      else {
        throw TensorError(
          .library, "\(candidate) is of another version of this program; build both again")
      }
      return table
    }
    // A library that is there, but lacks one that it needs, says more than those that are not there.
    let problem =
      problems.first { !$0.contains("\(fileName): cannot open shared object file") }
      ?? "no \(fileName) beside the program, in ../lib/pipeline or on the library path"
    throw TensorError(
      .library,
      "LibTorch cannot be opened (\(problem)); install Debian's packages libtorch-dev and "
        + "libopenblas0-pthread, or build with LIBTORCH=/path/to/libtorch, then run 'make build'")
  }

  private static let fileName = "libCTorch.so"

  /// Beside the program, in the library folder of an installed one, and on the system's path.
  private static var candidates: [String] {
    guard let program = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    else { return [fileName] }
    let folder = URL(fileURLWithPath: program).deletingLastPathComponent()
    return [
      folder.appending(path: fileName).path,
      folder.appending(path: "../lib/pipeline/\(fileName)").standardizedFileURL.path,
      fileName,
    ]
  }
}

/// Takes over a text that the library allocated.
func taken(_ text: UnsafeMutablePointer<CChar>?) -> String {
  guard let text else { return "" }
  defer { free(text) }
  return String(cString: text)
}

/// Runs a function of the library that can fail, and turns its text into an error.
@inline(__always)
func checked<Result>(
  _ code: TensorError.Code = .computation, _ call: String = "",
  _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result?
) throws -> Result {
  var message: UnsafeMutablePointer<CChar>?
  guard let result = body(&message) else {
    throw TensorError(code, call.isEmpty ? taken(message) : "\(call): \(taken(message))")
  }
  return result
}
