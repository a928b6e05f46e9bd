import ArgumentParser
import BuiltinStages
import Foundation
import Projects
import Provenance
import RunRecord
import SpecSyntax

/// What a shell may offer while a command is typed.
///
/// The names of cells are found by looking at the lines of the pipeline files, not by reading them as
/// YAML: an answer has to be there before the next key.
enum Completions {
  static let pipelineFile = CompletionKind.file(extensions: ["yaml", "yml"])

  static let stages = CompletionKind.custom { arguments, _, _ in
    files(arguments).flatMap { names(of: "stage", in: $0) }.unique
  }

  static let forced = CompletionKind.custom { arguments, _, _ in
    ["all"] + files(arguments).flatMap { names(of: "stage", in: $0) }.unique
  }

  static let profiles = CompletionKind.custom { arguments, _, _ in
    members(of: "profiles", arguments)
  }

  static let parameters = CompletionKind.custom { arguments, _, _ in
    members(of: "params", arguments).map { $0 + "=" }
  }

  /// Runs by id, newest first, and what else names one.
  static let revisions = CompletionKind.custom { arguments, _, _ in
    let runs = (try? project(arguments)?.history.runs(limit: 20)) ?? []
    return ["latest", "latest~1"] + runs.map(\.id)
  }

  /// Outputs and metrics of the latest run.
  static let artifacts = CompletionKind.custom { arguments, _, _ in
    guard let record = try? project(arguments)?.history.resolve("latest") else { return [] }
    return record.instances.flatMap { instance in
      (instance.outputs.map(\.slot) + instance.metrics.keys.sorted())
        .map { "\(instance.name).\($0)" }
    }
  }

  static let outputs = CompletionKind.custom { arguments, _, _ in
    guard let record = try? project(arguments)?.history.resolve("latest") else { return [] }
    return record.instances.flatMap { instance in
      instance.outputs.map { "\(instance.name).\($0.slot)" }
    }
  }

  /// Built-in stages and those in the project's folder.
  static let plugins = CompletionKind.custom { arguments, _, _ in
    enter(arguments)
    let folder = "\(Project.root(for: FileManager.default.currentDirectoryPath))/Stages"
    let given = ProcessInfo.processInfo.environment["PIPELINE_STAGES"] ?? ""
    let own = ([folder] + given.split(separator: ":").map(String.init)).flatMap { folder in
      ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).compactMap { name in
        (try? String(contentsOfFile: "\(folder)/\(name)/stage.yaml", encoding: .utf8)).flatMap {
          value(of: "stage", in: $0)
        }
      }
    }
    return (BuiltinStages.all.map { $0.name } + own).unique.sorted()
  }

  // MARK: - Looking

  /// Goes where `-C` says.
  private static func enter(_ arguments: [String]) {
    for (index, argument) in arguments.enumerated() {
      let next = index + 1 < arguments.count ? arguments[index + 1] : nil
      if argument == "-C" || argument == "--directory", let next {
        _ = FileManager.default.changeCurrentDirectoryPath(next)
      }
    }
  }

  private static func project(_ arguments: [String]) -> Project? {
    enter(arguments)
    let root = Project.root(for: FileManager.default.currentDirectoryPath)
    // Asking a shell's question must not make a store.
    guard FileManager.default.fileExists(atPath: "\(root)/Artifacts/format") else { return nil }
    return try? Project(root: root, builtIn: [], environment: [:], makesStore: false)
  }

  /// The texts of the pipeline file that the arguments name and of all that it includes.
  private static func files(_ arguments: [String]) -> [String] {
    enter(arguments)
    let named = arguments.last {
      ($0.hasSuffix(".yaml") || $0.hasSuffix(".yml")) && FileManager.default.fileExists(atPath: $0)
    }
    guard let first = named ?? (try? PipelineOptions.defaultFile()) else { return [] }
    var texts: [String] = []
    var waiting = [first]
    var seen: Set<String> = []
    while let path = waiting.popLast() {
      guard seen.insert(path).inserted, seen.count < 200,
        let text = try? String(contentsOfFile: path, encoding: .utf8)
      else { continue }
      texts.append(text)
      let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
      waiting += names(of: "include", in: text).reversed().map { folder + $0 }
    }
    return texts
  }

  /// The values of a key in cells: `- stage: one` and `- {stage: two, …}`.
  private static func names(of key: String, in text: String) -> [String] {
    text.split(separator: "\n").compactMap { line in
      let start = line.drop { $0 == " " || $0 == "-" || $0 == "{" }
      guard start.startIndex != line.startIndex, start.hasPrefix(key + ":") else { return nil }
      return value(String(start.dropFirst(key.count + 1)))
    }
  }

  /// The value of a key at the start of a line.
  private static func value(of key: String, in text: String) -> String? {
    text.split(separator: "\n").first { $0.hasPrefix(key + ":") }
      .flatMap { value(String($0.dropFirst(key.count + 1))) }
  }

  private static func value(_ text: String) -> String? {
    let value = text.prefix { !",}#".contains($0) }
      .trimmingCharacters(in: CharacterSet(charactersIn: " \"'"))
    return value.isEmpty ? nil : value
  }

  /// The keys of a map at the top of the pipeline file, which may be long, so it is read as YAML only
  /// up to the cells.
  private static func members(of key: String, _ arguments: [String]) -> [String] {
    guard let text = files(arguments).first else { return [] }
    let head = text.split(separator: "\n", omittingEmptySubsequences: false)
      .prefix { !$0.hasPrefix("cells:") }.joined(separator: "\n")
    let map = YAMLReader.read(head, file: "").0?.map?.first { $0.key == key }?.value.map ?? []
    return map.map(\.key)
  }
}

extension [String] {
  /// Without repetitions, in the order of the first.
  fileprivate var unique: [String] {
    var seen: Set<String> = []
    return filter { seen.insert($0).inserted }
  }
}
