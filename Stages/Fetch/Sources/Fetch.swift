import ContentHashing
import Fetching
import Foundation
public import StageKit
import Synchronization

/// Fetches files that are known by their digest.
///
/// What comes out depends on the digests alone, never on where a file was had.
public struct Fetch: Stage {
  public struct Parameters: Decodable, Sendable {
    var files: [File]
    var sizeLimit: Int
    var timeout: Int

    struct File: Decodable, Sendable {
      var url: String?
      var urls: [String]?
      var sha256: String
      var bytes: Int?
      var name: String?
      var unpack: Bool
    }
  }

  public static var manifest: [UInt8] { PackageResources.stage_yaml }
  public static var code: String { CodeFingerprint.digest }

  public init() {}

  /// Transfers at the same time.
  private static let width = 4

  public func run(_ parameters: Parameters, in context: StageContext) async throws {
    let items = try FetchItem.all(parameters.files)
    let environment = ProcessInfo.processInfo.environment
    let fetcher = Fetcher(
      mirrors: (environment["PIPELINE_MIRROR"] ?? "").split(separator: ":").map(String.init),
      isOffline: environment["PIPELINE_OFFLINE"].map { $0 != "0" && !$0.isEmpty } ?? false,
      sizeLimit: parameters.sizeLimit, stallTimeout: parameters.timeout)
    let folder = try context.output("folder")
    let progress = FetchProgress(items, context)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (index, item) in items.enumerated() {
        if index >= Self.width { try await group.next() }
        group.addTask {
          try Self.fetch(item, fetcher, folder, context) { progress.update(index, $0, $1) }
        }
      }
      try await group.waitForAll()
    }
    context.metric("files", items.count)
    context.metric("bytes", progress.total)
  }

  private static func fetch(
    _ item: FetchItem, _ fetcher: Fetcher, _ folder: String, _ context: StageContext,
    progress: (Int, Int?) -> Void
  ) throws {
    let target = "\(folder)/\(item.name)"
    let place = item.isArchive ? "\(context.scratch)/\(item.request.sha256.hex)" : target
    do {
      try FileManager.default.createDirectory(
        atPath: (target as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
      try fetcher.fetch(item.request, to: place, progress: progress)
      if item.isArchive { try Archive.unpack(place, into: target) }
    } catch let error as FetchError {
      throw StageError(
        code: .failed, message: "error \(error.code.name): \(error.message)",
        isRetryable: error.code == .failed)
    }
  }
}

/// A file to fetch and where it goes.
struct FetchItem: Sendable {
  var request: FetchRequest
  /// Relative to the output's folder.
  var name: String
  var isArchive: Bool

  /// Checks all files before anything is transferred.
  ///
  /// - Throws: `StageError` naming the file and what is wrong with it.
  static func all(_ files: [Fetch.Parameters.File]) throws(StageError) -> [FetchItem] {
    var items: [FetchItem] = []
    var names: Set<String> = []
    for (index, file) in files.enumerated() {
      let item = try one(file, "files[\(index)]")
      guard names.insert(item.name).inserted else {
        throw StageError(
          code: .badParameter,
          message: "two files are called '\(item.name)'; give one of them another 'name'")
      }
      items.append(item)
    }
    return items
  }

  private static func one(_ file: Fetch.Parameters.File, _ place: String) throws(StageError)
    -> FetchItem
  {
    func wrong(_ message: String) -> StageError {
      StageError(code: .badParameter, message: "\(place): \(message)")
    }
    let sources = [file.url].compactMap { $0 } + (file.urls ?? [])
    guard let first = sources.first else { throw wrong("there is no 'url'") }
    guard let digest = Digest(file.sha256) else {
      throw wrong(
        "'\(file.sha256)' is no SHA-256 of 64 hexadecimal digits; `sha256sum FILE` prints it")
    }
    for source in sources {
      guard let components = URLComponents(string: source), components.host?.isEmpty == false,
        ["http", "https"].contains(components.scheme?.lowercased())
      else { throw wrong("'\(source)' is no https or http URL") }
    }
    let last = URLComponents(string: first)?.path.split(separator: "/").last.map(String.init)
    let name = file.name ?? last ?? ""
    let steps = name.split(separator: "/", omittingEmptySubsequences: false)
    guard !name.isEmpty, steps.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }) else {
      throw wrong("'\(name)' cannot name a file inside the folder; give a plain 'name'")
    }
    return FetchItem(
      request: FetchRequest(sources: sources, sha256: digest, size: file.bytes), name: name,
      isArchive: file.unpack)
  }
}

/// Adds up the progress of transfers that run at the same time.
private final class FetchProgress: Sendable {
  private struct State {
    var done: [Int]
    var sizes: [Int?]
  }

  private let state: Mutex<State>
  private let context: StageContext

  init(_ items: [FetchItem], _ context: StageContext) {
    state = Mutex(
      State(done: items.map { _ in 0 }, sizes: items.map(\.request.size)))
    self.context = context
  }

  var total: Int { state.withLock { $0.done.reduce(0, +) } }

  func update(_ index: Int, _ bytes: Int, _ size: Int?) {
    let (done, all) = state.withLock { state in
      state.done[index] = bytes
      state.sizes[index] = size ?? state.sizes[index]
      let sum = zip(state.done, state.sizes).reduce(0) { $0 + max($1.0, $1.1 ?? 0) }
      return (state.done.reduce(0, +), sum)
    }
    context.progress(done, of: all, unit: "B")
  }
}
