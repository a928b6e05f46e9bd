import ContentHashing
import Foundation

/// Fetches files that are known by their digest: from a mirror's folder, or from the network.
///
/// Nothing appears under its final name that has not the right digest. A broken transfer leaves
/// `NAME.part` and is continued from there. Proxies are taken from the usual variables.
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
  /// Bytes that a broken try must have gained for the count of tries to begin anew.
  public var worthwhile = 1 << 20
  /// Asked about once a second from the transfer's own thread; true ends it and keeps its part.
  public var isCancelled: @Sendable () -> Bool = { false }

  public init(
    mirrors: [String] = [], isOffline: Bool = false, sizeLimit: Int = 4 << 30,
    stallTimeout: Int = 60
  ) {
    self.mirrors = mirrors
    self.isOffline = isOffline
    self.sizeLimit = sizeLimit
    self.stallTimeout = stallTimeout
  }

  /// Fetches a file; one that is already there is left as it is.
  ///
  /// It blocks its thread for as long as that takes.
  ///
  /// - `progress`: Called with the bytes that are there, and of how many where that is known.
  /// - Returns: Where it came from: a path, or a URL without a password.
  /// - Throws: `FetchError` that names every source and what was wrong with it.
  @discardableResult
  public func fetch(
    _ request: FetchRequest, to path: String, progress: (Int, Int?) -> Void = { _, _ in }
  ) throws(FetchError) -> String {
    let sources = try request.checkedSources()
    if let size = request.size, size > sizeLimit {
      throw tooLarge(sources.first?.shown ?? path, size)
    }
    if let size = Fetcher.size(ofFile: path), Fetcher.digest(path) == request.sha256 {
      progress(size, size)
      return path
    }
    var problems: [FetchError] = []
    for file in places(of: sources) {
      do {
        try copy(file, request, to: path, progress)
        return file
      } catch {
        if error.code == .cancelled { throw error }
        problems.append(error)
      }
    }
    guard !isOffline else { throw offline(sources, problems) }
    for source in sources {
      do {
        try download(source, request, to: path, progress)
        return source.shown
      } catch {
        if error.code == .cancelled { throw error }
        problems.append(error)
      }
    }
    throw FetchError(problems)
  }

  func tooLarge(_ place: String, _ size: Int? = nil) -> FetchError {
    let found = size.map { ", namely \($0)" } ?? ""
    return FetchError(
      .failed,
      "'\(place)' has more than \(sizeLimit) bytes\(found); raise 'size-limit' if that is right")
  }

  private func cancelled(_ place: String) -> FetchError {
    FetchError(.cancelled, "'\(place)' was not fetched to its end", isRetryable: true)
  }
}

// MARK: - Mirrors

extension Fetcher {
  /// The files of the mirrors that stand for the sources.
  private func places(of sources: [SourceURL]) -> [String] {
    sources.compactMap(\.mirrorPath)
      .flatMap { place in mirrors.map { "\($0)/\(place)" } }
      .filter { Fetcher.size(ofFile: $0) != nil && access($0, R_OK) == 0 }
  }

  private func offline(_ sources: [SourceURL], _ problems: [FetchError]) -> FetchError {
    guard let source = sources.first, problems.isEmpty else { return FetchError(problems) }
    let looked =
      mirrors.isEmpty ? "" : " and not in the mirror \(mirrors.joined(separator: ", "))"
    return FetchError(
      .offline,
      "'\(source.shown)' is not fetched since the network is off\(looked); put the file at "
        + "MIRROR/\(source.mirrorPath ?? "HOST/PATH")")
  }

  private func copy(
    _ file: String, _ request: FetchRequest, to path: String, _ progress: (Int, Int?) -> Void
  ) throws(FetchError) {
    let size = Fetcher.size(ofFile: file) ?? 0
    if let wanted = request.size, size != wanted {
      throw FetchError(
        .mismatch, "'\(file)' has \(size) bytes instead of \(wanted); replace or remove it")
    }
    guard size <= sizeLimit else { throw tooLarge(file, size) }
    // Not `.part`, which a transfer may have left and may yet continue.
    let copy = try PartialFile(path, suffix: ".copy")
    copy.discard()
    do throws(FetchError) {
      let count = try PartialFile.read(file) { bytes throws(FetchError) in
        if isCancelled() { throw cancelled(file) }
        try copy.append(bytes)
        progress(copy.size, request.size ?? size)
      }
      guard count != nil else {
        throw FetchError(.failed, "'\(file)' cannot be read: \(String(cString: strerror(errno)))")
      }
      try copy.finish(request, from: file)
    } catch {
      copy.discard()
      throw error
    }
  }

  /// Bytes; nil where there is no regular file.
  private static func size(ofFile path: String) -> Int? {
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    return Int(status.st_size)
  }

  private static func digest(_ path: String) -> Digest? {
    var hasher = SHA256()
    guard PartialFile.read(path, take: { hasher.update($0) }) != nil else { return nil }
    return hasher.finish()
  }
}

// MARK: - The network

extension Fetcher {
  private func download(
    _ source: SourceURL, _ request: FetchRequest, to path: String, _ progress: (Int, Int?) -> Void
  ) throws(FetchError) {
    let part = try PartialFile(path)
    var tries = 0
    var restarts = 0
    while true {
      guard !isCancelled() else { throw cancelled(source.shown) }
      let start = part.size
      let transfer = Transfer(source: source, fetcher: self, part: part, expected: request.size)
      let isThere = start > 0 && start == request.size
      let outcome =
        isThere
        ? .complete(isContinued: true)
        : withoutActuallyEscaping(progress) { transfer.perform(progress: $0) }
      switch outcome {
      case .complete(let isContinued):
        do {
          return try part.finish(request, from: source.shown)
        } catch {
          // The part itself may have been damaged, or another file's: a whole transfer decides.
          guard isContinued, error.code == .mismatch else { throw error }
          restarts += 1
        }
      case .startOver:
        part.discard()
        restarts += 1
      case .refused(let error):
        part.discard()
        throw error
      case .failed(let reason): throw FetchError(.failed, "\(source.shown): \(reason)")
      case .cancelled: throw cancelled(source.shown)
      case .passing(let reason, let wait):
        tries = part.size - start >= worthwhile ? 1 : tries + 1
        guard tries <= retries else {
          let count = tries == 1 ? "one try" : "\(tries) tries"
          throw FetchError(
            .failed, "\(source.shown): \(reason), after \(count); run again to continue",
            isRetryable: true)
        }
        try pause(min(wait ?? backoff * pow(2, Double(tries - 1)), 120), source)
      }
      guard restarts <= 2 else {
        throw FetchError(.failed, "\(source.shown): the server never gives the whole file")
      }
    }
  }

  /// Waits some seconds, but no longer than until the transfer is cancelled.
  private func pause(_ seconds: Double, _ source: SourceURL) throws(FetchError) {
    let end = ContinuousClock.now + .seconds(seconds)
    while ContinuousClock.now < end {
      guard !isCancelled() else { throw cancelled(source.shown) }
      Thread.sleep(forTimeInterval: min(0.1, seconds))
    }
  }
}
