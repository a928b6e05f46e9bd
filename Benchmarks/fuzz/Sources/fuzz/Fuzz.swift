import CAllocations
import Formats
import Foundation

/// The reader that the environment variable `FUZZ_READER` names.
private let reader: Reader = {
  let name = ProcessInfo.processInfo.environment["FUZZ_READER"] ?? ""
  guard let reader = Reader.all.first(where: { $0.name == name }) else {
    fatalError("FUZZ_READER is '\(name)'; known are \(Reader.all.map(\.name))")
  }
  return reader
}()

/// Whether to print why an input is refused.
private let explains = ProcessInfo.processInfo.environment["FUZZ_EXPLAIN"] != nil

/// What libFuzzer calls with every input.
@_cdecl("LLVMFuzzerTestOneInput")
public func readOneInput(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let reader = reader
  let factor = reader.isDeflated ? 4 * 1032 : 16
  allocations_begin(64 << 20 + factor * count)
  defer { allocations_end() }
  do {
    try reader.read(FileContent(UnsafeBufferPointer(start: start, count: count), name: "input"))
  } catch let error as FormatError {
    if explains { print(error) }
  } catch {
    fatalError("\(error) is no FormatError")
  }
  return 0
}
