public import ContentHashing
import Foundation
public import Planning
public import SpecSyntax
public import StageKit
import StageManifest

/// The plugins that a project may use: those built in, and every folder with a `stage.yaml` below
/// one of the search path's folders.
public final class StageCatalog: PluginCatalog {
  public let searchPath: [String]
  /// What is wrong with manifests that were found.
  public private(set) var diagnostics: [Diagnostic] = []
  private let builtIn: [any Stage.Type]
  private let digest: (String) throws -> Digest
  private let observe: (String) -> Void
  private var found: [String: Plugin]?

  /// - `digest`: The digest of a file; through the store's index it costs a look instead of a read.
  public init(
    builtIn: [any Stage.Type], searchPath: [String], digest: @escaping (String) throws -> Digest,
    observe: @escaping (String) -> Void
  ) {
    self.builtIn = builtIn
    self.searchPath = searchPath
    self.digest = digest
    self.observe = observe
  }

  public var plugins: [String: Plugin] {
    if let found { return found }
    var plugins: [String: Plugin] = [:]
    for folder in searchPath.reversed() {
      observe(folder)
      var beside: [String: String] = [:]
      for name in ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted() {
        guard let plugin = read("\(folder)/\(name)") else { continue }
        let stage = plugin.manifest.name
        if let other = beside[stage] {
          warn(
            "the folder '\(other)' beside this one has a stage '\(stage)', too; this one is used",
            "\(folder)/\(name)")
        }
        beside[stage] = name
        plugins[stage] = plugin
      }
    }
    for stage in builtIn {
      let (manifest, problems) = Manifest.read(
        text: String(decoding: stage.manifest, as: UTF8.self), file: "\(stage)/stage.yaml")
      diagnostics += problems
      if let manifest {
        if case .folder(let folder)? = plugins[manifest.name]?.home {
          warn(
            "'\(manifest.name)' is built in, and this one is not used; give it another name", folder
          )
        }
        plugins[manifest.name] = Plugin(manifest: manifest, code: stage.code, home: .builtIn)
      }
    }
    found = plugins
    return plugins
  }

  private func warn(_ message: String, _ folder: String) {
    diagnostics.append(
      Diagnostic(
        code: "P0132", severity: .warning, message: message,
        location: SourceLocation(file: "\(folder)/stage.yaml", line: 1, column: 1)))
  }

  /// A plugin in a folder; nil where the folder is none, or holds the sources of a built-in stage.
  private func read(_ folder: String) -> Plugin? {
    let file = "\(folder)/stage.yaml"
    observe(file)
    guard let text = try? String(contentsOfFile: file, encoding: .utf8) else {
      if FileManager.default.fileExists(atPath: file) {
        warn("the manifest is not UTF-8 text, or cannot be read", folder)
      }
      return nil
    }
    let (manifest, problems) = Manifest.read(text: text, file: file)
    guard let manifest else {
      diagnostics += problems
      return nil
    }
    guard !manifest.exec.isEmpty else {
      if !FileManager.default.fileExists(atPath: "\(folder)/Sources") {
        warn("the manifest of '\(manifest.name)' lacks 'exec', the command that it runs", folder)
      }
      return nil
    }
    do {
      return Plugin(manifest: manifest, code: try code(of: manifest, folder), home: .folder(folder))
    } catch {
      diagnostics.append(
        Diagnostic(
          code: "P0132", message: "the code of '\(manifest.name)' cannot be read: \(error)",
          location: SourceLocation(file: file, line: 1, column: 1)))
      return nil
    }
  }

  /// The digest of all files that the manifest names as code, or of all files of the folder where
  /// it names none: rather too many than one too few.
  private func code(of manifest: Manifest, _ folder: String) throws -> String {
    let all = try FileManager.default.subpathsOfDirectory(atPath: folder)
      .filter { !$0.hasPrefix("Tests/") && !$0.contains("__pycache__") && $0 != "README.md" }
      .sorted()
    observe(folder)
    let patterns = manifest.code
    var listing: [String] = []
    for path in all {
      let isNamed =
        patterns.isEmpty || path == "stage.yaml"
        || patterns.contains { fnmatch($0.replacing("/**", with: "/*"), path, 0) == 0 }
      var isFolder: ObjCBool = false
      if !isNamed { continue }
      observe("\(folder)/\(path)")
      guard
        FileManager.default.fileExists(atPath: "\(folder)/\(path)", isDirectory: &isFolder),
        !isFolder.boolValue
      else { continue }
      listing.append("\(path) \(try digest("\(folder)/\(path)").hex)")
    }
    return Digest.of(listing.joined(separator: "\n")).hex
  }
}
