import ContentHashing
import Fetching
import Foundation
public import StageKit

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

  public func run(_ parameters: Parameters, in context: StageContext) async throws {
    let items = try FetchItem.all(parameters.files)
    let fetcher = fetcher(parameters, context)
    let folder = try context.output("folder")
    // All that was fetched by an attempt that failed is there again for the next one.
    let downloads = context.resume ?? "\(context.scratch)/files"
    try FileManager.default.createDirectory(atPath: downloads, withIntermediateDirectories: true)
    let progress = FetchProgress(items, context)
    do {
      try await Self.inParallel(items) { index, item, isCancelled in
        var fetcher = fetcher
        fetcher.isCancelled = isCancelled
        let source = try fetcher.fetch(item.request, to: "\(downloads)/\(index)") {
          progress.update(index, $0, $1)
        }
        context.log(.info, "'\(item.name)' comes from \(source)")
      }
      try await Self.inParallel(items) { index, item, _ in
        try item.place("\(downloads)/\(index)", in: folder)
      }
    } catch let error as FetchError {
      if error.isRetryable { context.checkpoint(downloads) }
      throw StageError(
        code: StageError.Code(name: error.code.name), message: error.message,
        isRetryable: error.isRetryable)
    }
    context.metric("files", items.count)
    context.metric("bytes", progress.total)
  }

  private func fetcher(_ parameters: Parameters, _ context: StageContext) -> Fetcher {
    let environment = ProcessInfo.processInfo.environment
    let mirrors = (environment["PIPELINE_MIRROR"] ?? "").split(separator: ":").map(String.init)
    for mirror in mirrors where !FileManager.default.fileExists(atPath: mirror) {
      context.log(.warn, "the mirror '\(mirror)' does not exist")
    }
    return Fetcher(
      mirrors: mirrors,
      isOffline: environment["PIPELINE_OFFLINE"].map { $0 != "0" && !$0.isEmpty } ?? false,
      sizeLimit: parameters.sizeLimit, stallTimeout: parameters.timeout)
  }
}
