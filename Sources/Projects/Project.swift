public import ArtifactStore
import ContentHashing
import Foundation
public import PipelineSpec
public import Planning
public import Provenance
import RunRecord
public import SpecSyntax
public import StageKit
import StructuredValue

/// A folder with pipelines, a store and, most often, a git repository.
public final class Project {
  /// The absolute path of the project's root.
  public let root: String
  public let store: ArtifactStore
  public let catalog: StageCatalog
  public let environment: [String: String]
  /// Nil outside of a repository.
  public let log: ProvenanceLog?
  /// Why there is no log although there may be a repository.
  public let logProblem: String?

  /// Holds an empty store for those who only look at a project that has none.
  private let scratch: ScratchFolder?

  /// - `root`: Absolute.
  /// - `builtIn`: The stages that are linked into the program.
  /// - `makesStore`: Whether to make a store where there is none; those who only look must not.
  /// - Throws: `StoreError` when the store cannot be used.
  public init(
    root: String, builtIn: [any Stage.Type], environment: [String: String], makesStore: Bool = true
  ) throws {
    self.root = root
    self.environment = environment
    let path = "\(root)/Artifacts"
    scratch =
      makesStore || FileManager.default.fileExists(atPath: "\(path)/format") ? nil : ScratchFolder()
    let store = try ArtifactStore.open(at: scratch?.path ?? path)
    self.store = store
    let given = environment["PIPELINE_STAGES"]?.split(separator: ":").map(String.init) ?? []
    catalog = StageCatalog(
      builtIn: builtIn, searchPath: given + ["\(root)/Stages"],
      digest: { try store.digest(ofPath: $0).digest }, observe: { store.observe($0) })
    do {
      log = try ProvenanceLog.open(containing: root)
      logProblem = nil
    } catch {
      log = nil
      logProblem = error.message
    }
  }

  /// The root of the project that a file or folder belongs to, or else the folder itself.
  public static func root(for folder: String) -> String {
    enclosingRoot(of: folder)
      ?? URL(fileURLWithPath: folder).standardizedFileURL.resolvingSymlinksInPath().path
  }

  /// The nearest folder at or above one that holds a store or a repository.
  public static func enclosingRoot(of folder: String) -> String? {
    var current = URL(fileURLWithPath: folder).standardizedFileURL.resolvingSymlinksInPath()
    while true {
      for mark in [".git", "Artifacts/format"]
      where FileManager.default.fileExists(atPath: current.appending(path: mark).path) {
        return current.path
      }
      if current.path == "/" { return nil }
      current = current.deletingLastPathComponent()
    }
  }

  /// Records outside of git.
  public var recordFolder: RecordFolder { RecordFolder(path: "\(root)/Artifacts/runs") }

  /// Where runs are recorded.
  public var history: any RunHistory { log ?? recordFolder }

  /// A path as it is called inside the project.
  public func relative(_ path: String) -> String? {
    let absolute = URL(fileURLWithPath: path).standardizedFileURL.resolvingSymlinksInPath().path
    guard absolute.hasPrefix(root + "/") else { return nil }
    return String(absolute.dropFirst(root.count + 1))
  }
}

/// A folder of its own that goes away with its owner.
private final class ScratchFolder {
  let path = NSTemporaryDirectory() + "/pipeline-look-\(UUID().uuidString)"

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

// MARK: - Reading a pipeline

/// A pipeline that has been read and checked.
public struct LoadedPipeline {
  public var pipeline: Pipeline
  public var graph: Graph
  /// Relative to the project's root.
  public var file: String
  public var files: [(path: String, text: String)]
  public var options: SpecOptions
  /// Warnings and hints.
  public var remarks: [Diagnostic]
}

extension Project {
  /// Reads and checks a pipeline.
  ///
  /// - Parameters:
  ///   - path: The pipeline's file.
  ///   - options: Profile and overrides.
  ///   - texts: What files are to hold instead of what they do, by their paths in the project.
  /// - Returns: The pipeline with its graph.
  /// - Throws: `ProjectError` with everything that is wrong with it, rendered.
  public func load(_ path: String, options: SpecOptions, instead texts: [String: String] = [:])
    throws -> LoadedPipeline
  {
    guard let file = relative(path) else {
      throw ProjectError(
        status: ProjectError.invalidPipeline,
        "error P0122: '\(path)' is not inside the project '\(root)'")
    }
    let read = PipelineReader.read(file: file, options: options) { [root, store] path in
      if let text = texts[path] { return text }
      let absolute = "\(root)/\(path)"
      store.observe(absolute)
      guard let data = FileManager.default.contents(atPath: absolute) else {
        throw ProjectError(
          status: ProjectError.missingInput,
          FileManager.default.fileExists(atPath: absolute)
            ? "'\(path)' cannot be read; is it a folder, or not yours?"
            : "there is no file '\(path)'")
      }
      guard let text = String(validating: data, as: UTF8.self) else {
        throw Self.notText(data, file: path)
      }
      return text
    }
    return try check(read, file: file, options: options)
  }

  /// Says where a file stops being UTF-8.
  private static func notText(_ data: Data, file: String) -> Diagnostic {
    var decoder = UTF8()
    var bytes = data.makeIterator()
    var valid = ""
    while case .scalarValue(let scalar) = decoder.decode(&bytes) {
      valid.unicodeScalars.append(scalar)
    }
    let lines = valid.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
    return Diagnostic(
      code: "P0101", message: "the file is not UTF-8 text from here on",
      location: SourceLocation(
        file: file, line: lines.count, column: (lines.last?.count ?? 0) + 1),
      help: "save it as UTF-8")
  }

  /// Checks what was read of a pipeline against the stages that there are.
  func check(_ read: ReadPipeline, file: String, options: SpecOptions) throws -> LoadedPipeline {
    var diagnostics = read.diagnostics
    var graph: Graph?
    if let pipeline = read.pipeline {
      var builder = GraphBuilder(pipeline: pipeline, catalog: catalog)
      graph = builder.build()
      diagnostics += builder.diagnostics
      diagnostics += catalog.diagnostics
    }
    let hasErrors = diagnostics.contains { $0.severity == .error }
    guard let pipeline = read.pipeline, let graph, !hasErrors else {
      let texts = Dictionary(read.files.map { ($0.path, $0.text) }) { first, _ in first }
      let isMissing = read.files.isEmpty && diagnostics.contains { $0.code == "P0201" }
      throw ProjectError(
        status: isMissing ? ProjectError.missingInput : ProjectError.invalidPipeline,
        Diagnostic.rendered(diagnostics) { texts[$0] })
    }
    return LoadedPipeline(
      pipeline: pipeline, graph: graph, file: file, files: read.files, options: options,
      remarks: diagnostics)
  }
}
