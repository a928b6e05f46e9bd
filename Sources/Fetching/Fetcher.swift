import ContentHashing
import Foundation

/// Fetches files that are known by their digest: from a mirror's folder, or from the network.
///
/// Nothing appears under its final name that has not the right digest. A broken transfer leaves
/// `NAME.part` and is continued from there.
public struct Fetcher: Sendable {
  /// Folders laid out as HOST/PATH, looked into first.
  public var mirrors: [String]
  /// Whether the network is not to be used at all.
  public var isOffline: Bool
  /// Bytes that a file may have.
  public var sizeLimit: Int
  /// Seconds without a byte after which a transfer counts as broken.
  public var stallTimeout: Int
  /// How often a source is tried again after a passing failure.
  public var retries = 4
  /// Seconds before the second try; doubled for each further one.
  public var backoff = 1.0

  public init(
    mirrors: [String] = [], isOffline: Bool = false, sizeLimit: Int = 4 << 30,
    stallTimeout: Int = 60
  ) {
    self.mirrors = mirrors
    self.isOffline = isOffline
    self.sizeLimit = sizeLimit
    self.stallTimeout = stallTimeout
  }

  /// Fetches a file.
  ///
  /// - `progress`: Called with the bytes that are there, and of how many where that is known.
  /// - Throws: `FetchError` that names every source and what was wrong with it.
  public func fetch(
    _ request: FetchRequest, to path: String, progress: (Int, Int?) -> Void = { _, _ in }
  ) throws(FetchError) {
    var problems: [FetchError] = []
    var sources: [SourceURL] = []
    for text in request.sources { sources.append(try SourceURL(text)) }
    for source in sources {
      for mirror in mirrors {
        guard let place = source.mirrorPath else { continue }
        let file = "\(mirror)/\(place)"
        guard access(file, R_OK) == 0 else { continue }
        do {
          try copy(file, request, to: path, progress)
          return
        } catch {
          problems.append(error)
        }
      }
    }
    if isOffline {
      let looked =
        mirrors.isEmpty ? "" : " and not in the mirror \(mirrors.joined(separator: ", "))"
      throw problems.first
        ?? FetchError(
          .offline,
          "'\(sources.first?.shown ?? "")' is not fetched since the network is off\(looked); put the "
            + "file at MIRROR/\(sources.first?.mirrorPath ?? "HOST/PATH")")
    }
    for source in sources {
      do {
        try download(source, request, to: path, progress)
        return
      } catch {
        problems.append(error)
      }
    }
    guard problems.count > 1 else {
      throw problems.first ?? FetchError(.failed, "the file has no source")
    }
    throw FetchError(
      problems.contains { $0.code == .mismatch } ? .mismatch : .failed,
      problems.map(\.message).joined(separator: "; "))
  }

  private func copy(
    _ file: String, _ request: FetchRequest, to path: String, _ progress: (Int, Int?) -> Void
  ) throws(FetchError) {
    let part = try PartialFile(path)
    part.discard()
    guard let input = fopen(file, "rb") else {
      throw FetchError(.failed, "'\(file)' cannot be read: \(String(cString: strerror(errno)))")
    }
    defer { fclose(input) }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { buffer.deallocate() }
    while true {
      let count = fread(buffer.baseAddress, 1, buffer.count, input)
      guard count > 0 else { break }
      try part.append(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      guard part.size <= sizeLimit else { throw tooLarge(file) }
      progress(part.size, request.size)
    }
    try part.finish(request, from: file)
  }

  func tooLarge(_ place: String) -> FetchError {
    FetchError(
      .failed, "'\(place)' has more than \(sizeLimit) bytes; raise 'size-limit' if that is right")
  }

  // MARK: - The network

  private func download(
    _ source: SourceURL, _ request: FetchRequest, to path: String, _ progress: (Int, Int?) -> Void
  ) throws(FetchError) {
    let part = try PartialFile(path)
    var tries = 0
    while true {
      let transfer = Transfer(
        source: source, sizeLimit: sizeLimit, stallTimeout: stallTimeout, part: part,
        expected: request.size)
      let outcome = withoutActuallyEscaping(progress) { transfer.perform(progress: $0) }
      switch outcome {
      case .complete:
        try part.finish(request, from: source.shown)
        return
      case .startOver:
        part.discard()
      case .failed(let reason): throw FetchError(.failed, "\(source.shown): \(reason)")
      case .tooLarge:
        part.discard()
        throw tooLarge(source.shown)
      case .passing(let reason, let wait):
        guard tries < retries else {
          throw FetchError(
            .failed, "\(source.shown): \(reason), after \(tries + 1) tries; run again to continue")
        }
        Thread.sleep(forTimeInterval: min(wait ?? backoff * pow(2, Double(tries)), 120))
      }
      tries += 1
      guard tries <= retries + 1 else {
        throw FetchError(.failed, "\(source.shown): the transfer never completes")
      }
    }
  }
}
