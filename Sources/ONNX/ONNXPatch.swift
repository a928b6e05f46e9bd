public import Formats
import Foundation

/// A copy of an ONNX file in which initializers get other numbers, one after the other.
///
/// Only the numbers change, byte for byte in their places, and no more than one tensor is in memory. The
/// file bears another name until it is finished.
public final class ONNXPatch {
  private let path: String
  private let temporary: String
  private let handle: FileHandle
  private var isFinished = false

  private static let chunk = 1 << 22

  /// Copies a file.
  ///
  /// - Parameters:
  ///   - content: What ``ONNXModel/init(mapping:)`` read.
  ///   - path: Where the copy will be.
  /// - Throws: `FormatError` where no file can be made.
  public init(copying content: FileContent, to path: String) throws(FormatError) {
    self.path = path
    temporary = "\(path).part"
    guard FileManager.default.createFile(atPath: temporary, contents: nil),
      let handle = FileHandle(forUpdatingAtPath: temporary)
    else { throw ONNXPatch.unwritable(path, "it can't be made") }
    self.handle = handle
    for start in stride(from: 0, to: content.count, by: ONNXPatch.chunk) {
      let range = start..<min(start + ONNXPatch.chunk, content.count)
      try content.withBytes { (bytes) throws(FormatError) in
        try write(UnsafeRawBufferPointer(rebasing: bytes[range]))
      }
      content.release(range)
    }
  }

  deinit {
    try? handle.close()
    if !isFinished { try? FileManager.default.removeItem(atPath: temporary) }
  }

  /// Replaces an initializer's numbers.
  ///
  /// - Parameters:
  ///   - old: The initializer's, which tell the place; see `TensorData.place`.
  ///   - new: Of the same type and shape.
  /// - Throws: `FormatError` where the disk is full.
  public func replace(_ old: TensorData, with new: TensorData) throws(FormatError) {
    guard let place = old.place else { preconditionFailure("the numbers are in no file") }
    precondition(
      old.type == new.type && old.shape == new.shape,
      "\(new.type) of shape \(new.shape) for \(old.type) of shape \(old.shape)")
    do {
      try handle.seek(toOffset: UInt64(place.lowerBound))
    } catch {
      throw ONNXPatch.unwritable(path, "\(error)")
    }
    try new.withBytes { (bytes) throws(FormatError) in try write(bytes) }
  }

  /// Gives the file its name.
  ///
  /// - Throws: `FormatError` where it can't be written.
  public func finish() throws(FormatError) {
    do {
      try handle.close()
    } catch {
      throw ONNXPatch.unwritable(path, "\(error)")
    }
    guard rename(temporary, path) == 0 else {
      throw ONNXPatch.unwritable(path, "\(temporary) can't get its name")
    }
    isFinished = true
  }

  private func write(_ bytes: UnsafeRawBufferPointer) throws(FormatError) {
    guard let start = UnsafeMutableRawPointer(mutating: bytes.baseAddress) else { return }
    do {
      // Lent for this call only.
      try handle.write(
        contentsOf: Data(bytesNoCopy: start, count: bytes.count, deallocator: .none))
    } catch {
      throw ONNXPatch.unwritable(path, "\(error)")
    }
  }

  private static func unwritable(_ path: String, _ why: String) -> FormatError {
    FormatError(.unreadable, file: path, found: "the file can't be written: \(why)", expected: "")
  }
}
