import CZlib
public import Formats
import Foundation

/// Writes a compressed network layer by layer, so that no more than one layer is in memory.
///
/// The bytes are those of ``SDLFile/bytes(_:)``. The file bears another name until it is finished.
public final class SDLWriter {
  private let path: String
  private let temporary: String
  private let handle: FileHandle
  private let layers: Int
  private var written = 0
  private var byteCount = SDLWriter.headerSize
  /// The checksum of all bytes after the header.
  private var checksum = 0
  private var isFinished = false

  private static let headerSize = 16

  /// Starts a file.
  ///
  /// - Parameters:
  ///   - path: Where it will be.
  ///   - layers: How many will be appended.
  /// - Throws: `FormatError` where no file can be made.
  public init(path: String, layers: Int) throws(FormatError) {
    self.path = path
    self.layers = layers
    temporary = "\(path).part"
    guard FileManager.default.createFile(atPath: temporary, contents: nil),
      let handle = FileHandle(forWritingAtPath: temporary)
    else { throw SDLWriter.unwritable(path, "it can't be made") }
    self.handle = handle
    do {
      try handle.write(contentsOf: Data(count: SDLWriter.headerSize))
    } catch {
      throw SDLWriter.unwritable(path, "\(error)")
    }
  }

  deinit {
    try? handle.close()
    if !isFinished { try? FileManager.default.removeItem(atPath: temporary) }
  }

  /// Appends a layer.
  ///
  /// - Throws: ``SmartDealError`` for a name over 65,535 bytes; `FormatError` where the disk is full.
  public func append(_ layer: StoredLayer) throws {
    precondition(written < layers, "\(layers) layers were announced")
    var bytes: [UInt8] = []
    try SDLFile.append(layer, to: &bytes)
    bytes.withUnsafeBytes { bytes in
      checksum = Int(
        crc32_combine(
          UInt(checksum), UInt(SDLFile.checksum(bytes)), bytes.count))
    }
    try write(bytes)
    byteCount += bytes.count
    written += 1
  }

  /// Completes the file.
  ///
  /// - Returns: Its size.
  /// - Throws: `FormatError` where it can't be written.
  public func finish() throws(FormatError) -> Int {
    precondition(written == layers, "\(layers) layers were announced, \(written) appended")
    var header = SDLFile.magic
    SDLFile.append(UInt32(layers), to: &header)
    SDLFile.append(UInt64(byteCount + 4), to: &header)
    let whole = header.withUnsafeBytes {
      crc32_combine(
        UInt(SDLFile.checksum($0)), UInt(checksum), byteCount - SDLWriter.headerSize)
    }
    var trailer: [UInt8] = []
    SDLFile.append(UInt32(truncatingIfNeeded: whole), to: &trailer)
    try write(trailer)
    do {
      try handle.seek(toOffset: 0)
      try handle.write(contentsOf: Data(header))
      try handle.close()
    } catch {
      throw SDLWriter.unwritable(path, "\(error)")
    }
    guard rename(temporary, path) == 0 else {
      throw SDLWriter.unwritable(path, "\(temporary) can't get its name")
    }
    isFinished = true
    return byteCount + 4
  }

  private func write(_ bytes: [UInt8]) throws(FormatError) {
    do {
      try handle.write(contentsOf: Data(bytes))
    } catch {
      throw SDLWriter.unwritable(path, "\(error)")
    }
  }

  private static func unwritable(_ path: String, _ why: String) -> FormatError {
    FormatError(.unreadable, file: path, found: "the file can't be written: \(why)", expected: "")
  }
}
