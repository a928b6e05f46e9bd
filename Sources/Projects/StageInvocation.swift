import Execution
import Foundation
import PipelineSpec
import Planning
import SpecSyntax
import StageManifest
import StructuredValue

/// One stage with its inputs and parameters as words of a command line:
/// `verify --network x.onnx --property y.vnnlib --timeout 60`.
public struct StageInvocation: Sendable {
  /// `name` or `name@major`.
  public var stage: String
  /// `--slot path` and `--parameter value` in any order, also `--name=value`; a flag without a value
  /// is true.
  public var arguments: [String]
  /// Relative paths are looked up here.
  public var workingFolder: String
  /// The absolute path of the folder that the outputs are written to.
  public var outputFolder: String
  public var seed: UInt64

  public init(
    stage: String, arguments: [String], workingFolder: String, outputFolder: String, seed: UInt64
  ) {
    self.stage = stage
    self.arguments = arguments
    self.workingFolder = workingFolder
    self.outputFolder = outputFolder
    self.seed = seed
  }
}

extension Project {
  /// Makes a pipeline of one stage.
  ///
  /// - Throws: `ProjectError` with everything that is wrong with the words, a caret under each.
  public func load(_ invocation: StageInvocation) throws -> LoadedPipeline {
    let parts = invocation.stage.split(separator: "@", maxSplits: 1).map(String.init)
    let name = parts.first ?? ""
    guard let manifest = catalog.plugins[name]?.manifest else {
      let known = catalog.plugins.keys.sorted()
      throw ProjectError(
        status: ProjectError.usage,
        "error P0130: there is no stage '\(name)'\n  help: "
          + (nearest(name, among: known).map { "did you mean '\($0)'?" }
            ?? "`pipeline stage list` shows all"))
    }
    var words = StageWords(manifest: manifest, invocation: invocation)
    words.read()
    guard words.diagnostics.isEmpty else {
      throw ProjectError(
        status: ProjectError.usage, Diagnostic.rendered(words.diagnostics) { _ in words.line })
    }
    let pipeline = Pipeline.single(
      Located(name, at: words.location(ofWord: 0)),
      major: parts.count > 1 ? Int(parts[1]) ?? -1 : manifest.version.major,
      inputs: words.inputs, params: words.parameters,
      publications: manifest.outputs.reduce(into: [:]) { paths, output in
        let file = output.value.file ?? output.key + kindExtension(output.value.kind)
        paths[output.key] = "\(invocation.outputFolder)/\(file)"
      }, seed: invocation.seed)
    do {
      return try check(
        ReadPipeline(
          pipeline: pipeline, diagnostics: [],
          files: [(StageWords.place, words.line)]),
        file: StageWords.place, options: SpecOptions())
    } catch let error as ProjectError {
      // It is the command that is wrong, not a file.
      throw ProjectError(status: ProjectError.usage, error.message)
    }
  }
}

/// Tells inputs from parameters by the stage's manifest.
private struct StageWords {
  static let place = "command line"

  let manifest: Manifest
  let workingFolder: String
  private let words: [String]
  /// The words as one line, for messages.
  let line: String
  private var columns: [Int] = []
  private(set) var inputs: [(slot: String, path: Located<String>)] = []
  private(set) var parameters: [String: Located<Value>] = [:]
  private(set) var diagnostics: [Diagnostic] = []

  init(manifest: Manifest, invocation: StageInvocation) {
    self.manifest = manifest
    workingFolder = invocation.workingFolder
    words = [invocation.stage] + invocation.arguments
    var line = ""
    for word in words {
      columns.append(line.count + 1)
      line += word + " "
    }
    self.line = line
  }

  func location(ofWord index: Int) -> SourceLocation {
    SourceLocation(file: Self.place, line: 1, column: columns[index])
  }

  mutating func read() {
    var index = 1
    while index < words.count {
      let word = words[index]
      let place = location(ofWord: index)
      index += 1
      guard word.hasPrefix("--"), word.count > 2 else {
        report("'\(word)' stands alone, where '--name value' is needed", at: place)
        continue
      }
      let sides = word.dropFirst(2).split(
        separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let path = sides[0].split(separator: ".").map(String.init)
      guard let head = path.first, let target = target(named: head) else {
        report(
          "the stage '\(manifest.name)' has no input or parameter '\(sides[0])'", at: place,
          help: suggestion(for: path.first ?? ""))
        if sides.count == 1, index < words.count, !words[index].hasPrefix("--") { index += 1 }
        continue
      }
      var text = sides.count > 1 ? String(sides[1]) : nil
      if text == nil, index < words.count, !words[index].hasPrefix("--") {
        text = words[index]
        index += 1
      }
      switch target {
      case .input(let slot): bind(slot, text, at: place)
      case .parameter(let name): set([name] + path.dropFirst(), text, at: place)
      }
    }
    reportMissing()
  }

  private mutating func reportMissing() {
    let place = location(ofWord: 0)
    for (slot, input) in manifest.inputs.sorted(by: { $0.key < $1.key })
    where input.isRequired && !inputs.contains(where: { $0.slot == slot }) {
      report(
        "the stage '\(manifest.name)' needs the input '--\(slot)' (\(input.kind))", at: place,
        help: input.doc.isEmpty ? nil : input.doc)
    }
    for (name, parameter) in manifest.parameters.parameters.sorted(by: { $0.key < $1.key })
    where parameter.isRequired && parameter.defaultValue == nil && parameters[name] == nil {
      report(
        "the stage '\(manifest.name)' needs the parameter '--\(name)'", at: place,
        help: parameter.doc.isEmpty ? nil : parameter.doc)
    }
  }

  private enum Target {
    case input(String)
    case parameter(String)
  }

  /// `max-coefficient` finds `maxCoefficient`, too.
  private func target(named name: String) -> Target? {
    func plain(_ name: String) -> String { name.lowercased().filter { $0 != "-" && $0 != "_" } }
    func find(_ names: some Sequence<String>) -> String? {
      names.first { $0 == name } ?? names.sorted().first { plain($0) == plain(name) }
    }
    return find(manifest.inputs.keys).map(Target.input)
      ?? find(manifest.parameters.parameters.keys).map(Target.parameter)
  }

  private func suggestion(for name: String) -> String {
    let known = manifest.inputs.keys.sorted() + manifest.parameters.parameters.keys.sorted()
    return nearest(name, among: known).map { "did you mean '--\($0)'?" }
      ?? "`pipeline stage describe \(manifest.name)` shows all"
  }

  private mutating func bind(_ slot: String, _ path: String?, at place: SourceLocation) {
    guard let path, !path.isEmpty else {
      return report("the input '--\(slot)' needs the path of a file or folder", at: place)
    }
    guard !inputs.contains(where: { $0.slot == slot }) else {
      return report(
        "the input '--\(slot)' stands here twice, but takes one path", at: place,
        help: "a pipeline file can gather several artifacts into one input")
    }
    let absolute =
      path.hasPrefix("/")
      ? path : URL(fileURLWithPath: "\(workingFolder)/\(path)").standardized.path
    guard FileManager.default.fileExists(atPath: absolute) else {
      return report("there is no file '\(path)' for the input '\(slot)'", at: place, code: "P0201")
    }
    inputs.append((slot, Located(absolute, at: place)))
  }

  private mutating func set(_ path: [String], _ text: String?, at place: SourceLocation) {
    let schema = manifest.parameters.parameters[path[0]]
    let value: Value
    if let text {
      if path.count == 1, schema?.type == "string" {
        value = .string(text)
      } else {
        let (node, found) = YAMLReader.read(text.isEmpty ? "''" : text, file: "--\(path[0])")
        diagnostics += found
        guard let node else { return }
        value = node.value
      }
    } else if schema?.type == "boolean" {
      value = true
    } else {
      return report("the parameter '--\(path[0])' needs a value", at: place, help: schema?.doc)
    }
    let known = parameters[path[0]]?.value ?? [:]
    parameters[path[0]] = Located(Self.setting(known, path.dropFirst(), value), at: place)
  }

  private static func setting(_ value: Value, _ path: ArraySlice<String>, _ new: Value) -> Value {
    guard let first = path.first else { return new }
    var map = value.map ?? [:]
    map[first] = setting(map[first] ?? [:], path.dropFirst(), new)
    return .map(map)
  }

  private mutating func report(
    _ message: String, at place: SourceLocation, help: String? = nil, code: String = "P0103"
  ) {
    diagnostics.append(Diagnostic(code: code, message: message, location: place, help: help))
  }
}
