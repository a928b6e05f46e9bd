public import SpecSyntax
import StructuredValue

/// What the user asked for besides the file.
public struct SpecOptions: Sendable {
  public var profile: String?
  /// `--set a.b=text`, in order.
  public var overrides: [(path: String, text: String)]

  public init(profile: String? = nil, overrides: [(path: String, text: String)] = []) {
    self.profile = profile
    self.overrides = overrides
  }
}

/// A pipeline as far as it could be read, and all that is wrong with it.
public struct ReadPipeline: Sendable {
  public var pipeline: Pipeline?
  public var diagnostics: [Diagnostic]
  /// Every file that was read, the main one first.
  public var files: [(path: String, text: String)]

  public init(
    pipeline: Pipeline?, diagnostics: [Diagnostic], files: [(path: String, text: String)]
  ) {
    self.pipeline = pipeline
    self.diagnostics = diagnostics
    self.files = files
  }
}

/// Reads `paper.yaml` and what it includes.
///
/// It touches no disk: `load` gives the files.
public struct PipelineReader {
  static let keys = [
    "pipeline", "name", "title", "authors", "params", "profiles", "include", "datasets", "cells",
    "seed", "salt",
  ]

  private let options: SpecOptions
  private let load: (String) throws -> String
  private var diagnostics: [Diagnostic] = []
  private var files: [(path: String, text: String)] = []
  private var params: Value = [:]
  private var profiles: [String: Value] = [:]
  private var profileLocations: [String: SourceLocation] = [:]
  private var cells: [Cell] = []
  private var title: String?
  private var name: String?
  private var seed: Located<Value>?
  private var salt: String?

  /// - `file`: Relative to the project's root, as all paths here.
  /// - `load`: Gives a file's text; its error is shown to the user.
  public static func read(
    file: String, options: SpecOptions, load: @escaping (String) throws -> String
  ) -> ReadPipeline {
    var reader = PipelineReader(options: options, load: load)
    reader.read(file, from: nil, chain: [])
    let pipeline = reader.finish(file)
    return ReadPipeline(
      pipeline: pipeline, diagnostics: reader.diagnostics, files: reader.files)
  }

  private init(options: SpecOptions, load: @escaping (String) throws -> String) {
    self.options = options
    self.load = load
  }

  private mutating func report(
    _ code: String, _ message: String, at location: SourceLocation?, help: String? = nil
  ) {
    diagnostics.append(
      Diagnostic(code: code, message: message, location: location, help: help))
  }
}

// MARK: - Files

extension PipelineReader {
  private mutating func loadText(_ path: String, from location: SourceLocation?) -> String? {
    do {
      let text = try load(path)
      files.append((path, text))
      return text
    } catch let diagnostic as Diagnostic {
      diagnostics.append(diagnostic)
      return nil
    } catch {
      report("P0201", "\(error)", at: location)
      return nil
    }
  }

  private mutating func read(_ file: String, from location: SourceLocation?, chain: [String]) {
    guard !chain.contains(file) else {
      report(
        "P0120", "files include each other: \((chain + [file]).joined(separator: " → "))",
        at: location)
      return
    }
    guard let text = loadText(file, from: location) else { return }
    let (node, found) = YAMLReader.read(text, file: file)
    diagnostics += found
    guard let node else { return }
    let reader = MapReader(node, subject: "the pipeline", keys: Self.keys)
    if let version = reader.string("pipeline") {
      if version.value != "v1" {
        report(
          "P0104", "the file is of version '\(version.value)', this program reads v1",
          at: version.location)
      }
    } else if chain.isEmpty {
      report(
        "P0104", "the file does not start with 'pipeline: v1'", at: node.location,
        help: "that line says which version of this format the file is written in")
    }
    // The outermost file names the whole.
    name = name ?? reader.string("name")?.value
    title = title ?? reader.string("title")?.value
    seed = seed ?? reader.node("seed")?.located
    salt = salt ?? reader.string("salt")?.value
    let includes = reader.strings("include")
    let position = cells.count
    var own: [Cell] = []
    // Included first: the including file's parameters win.
    for include in includes { self.include(include, chain + [file]) }
    let chapters = Array(cells[position...])
    cells.removeSubrange(position...)
    mergeParams(reader)
    for member in reader.map("datasets") { own += dataset(member).map { [.stage($0)] } ?? [] }
    if let list = reader.node("cells")?.list {
      for cell in list { own += read(cell: cell, chain: chain + [file]) }
    } else if let other = reader.node("cells") {
      reader.mistype("cells", other, wanted: "a list of cells")
    } else if chain.isEmpty && includes.isEmpty {
      report("P0104", "the pipeline has no cells", at: node.location)
    }
    cells += own + chapters
    diagnostics += reader.diagnostics
  }

  private mutating func include(_ path: Located<String>, _ chain: [String]) {
    guard let file = resolve(path) else { return }
    read(file, from: path.location, chain: chain)
  }

  /// A path relative to the file that names it, seen from the project's root.
  private mutating func resolve(_ path: Located<String>) -> String? {
    var steps = path.location.file.split(separator: "/").dropLast().map(String.init)
    for step in path.value.split(separator: "/") where step != "." {
      if step != ".." {
        steps.append(String(step))
      } else if steps.popLast() == nil {
        report("P0122", "the path '\(path.value)' leaves the project", at: path.location)
        return nil
      }
    }
    return steps.joined(separator: "/")
  }

  private mutating func mergeParams(_ reader: MapReader) {
    if let node = reader.node("params") {
      if node.map == nil {
        reader.mistype("params", node, wanted: "a map")
      } else {
        params = merged(params, node.value)
        refuseExpressions(in: node)
      }
    }
    for member in reader.map("profiles") {
      refuseExpressions(in: member.value)
      guard member.value.map != nil || member.value.scalar?.isNull == true else {
        reader.mistype(member.key, member.value, wanted: "a map of parameters")
        continue
      }
      profiles[member.key] = merged(
        profiles[member.key] ?? [:], member.value.map == nil ? [:] : member.value.value)
      profileLocations[member.key] = member.value.location
    }
  }

  /// Says where a parameter is written with another one, which is not filled in there.
  private mutating func refuseExpressions(in node: YAMLNode) {
    for member in node.map ?? [] { refuseExpressions(in: member.value) }
    for element in node.list ?? [] { refuseExpressions(in: element) }
    guard let text = node.string, text.contains("${params.") else { return }
    report(
      "P0111", "a parameter's value is taken as it is: '${params.…}' is filled in only in cells",
      at: node.location, help: "put the parts together in the cells that use them")
  }

  private mutating func dataset(_ member: YAMLNode.Member) -> StageCell? {
    let reader = MapReader(
      member.value, subject: "the data set '\(member.key)'",
      keys: ["url", "urls", "sha256", "bytes", "name", "unpack", "kind"])
    if !reader.has("sha256") {
      reader.report(
        Diagnostic(
          code: "P0104", message: "the data set '\(member.key)' lacks 'sha256'",
          location: member.keyLocation,
          help: "without a digest nobody knows what was used; `sha256sum FILE` prints it"))
    }
    diagnostics += reader.diagnostics
    let file = member.value.map?.filter { $0.key != "kind" }.map { ($0.key, $0.value.value) } ?? []
    var cell = StageCell(
      id: Located("dataset:\(member.key)", at: member.keyLocation),
      action: .plugin(name: "fetch", major: 1), actionLocation: member.keyLocation)
    cell.params["files"] = Located(
      [.map(Dictionary(file) { first, _ in first })], at: member.value.location)
    return cell
  }
}

// MARK: - Cells

extension PipelineReader {
  private mutating func read(cell node: YAMLNode, chain: [String]) -> [Cell] {
    guard let map = node.map else {
      report(
        "P0104", "a cell is \(node.value.typeName), where a map is needed", at: node.location,
        help: "a cell starts with 'text:', 'stage:', 'claim:' or 'include:'")
      return []
    }
    let kinds = ["text", "stage", "claim", "include"]
    let found = kinds.filter { kind in map.contains { $0.key == kind } }
    guard found.count == 1, let kind = found.first else {
      let first = map.first?.key ?? ""
      let near = nearest(first, among: kinds)
      report(
        found.isEmpty ? "P0103" : "P0104",
        found.isEmpty
          ? "a cell needs one of \(kinds.joined(separator: ", "))"
          : "a cell is either of \(found.joined(separator: " and ")), not both",
        at: node.location, help: near.map { "'\(first)': did you mean '\($0)'?" })
      return []
    }
    switch kind {
    case "text": return textCell(node).map { [.text($0)] } ?? []
    case "claim": return claimCell(node).map { [.claim($0)] } ?? []
    case "include":
      let reader = MapReader(node, subject: "the include cell", keys: ["include"])
      let position = cells.count
      for path in reader.strings("include") { include(path, chain) }
      diagnostics += reader.diagnostics
      defer { cells.removeSubrange(position...) }
      return Array(cells[position...])
    default:
      let (stage, found) = StageCellReader.read(node)
      diagnostics += found
      return stage.map { [.stage($0)] } ?? []
    }
  }

  private mutating func textCell(_ node: YAMLNode) -> TextCell? {
    let reader = MapReader(node, subject: "the text cell", keys: ["text"])
    let text = reader.string("text")
    diagnostics += reader.diagnostics
    guard let text else { return nil }
    guard text.value.hasSuffix(".md"), !text.value.contains("\n"), !text.value.contains(" "),
      let path = resolve(text)
    else {
      // A block scalar's text starts on the line after its indicator.
      var location = text.location
      if text.value.contains("\n") { location.line += 1 }
      return TextCell(markdown: Located(text.value, at: location))
    }
    guard let markdown = loadText(path, from: text.location) else { return nil }
    return TextCell(
      markdown: Located(markdown, at: SourceLocation(file: path, line: 1, column: 1)))
  }

  private mutating func claimCell(_ node: YAMLNode) -> ClaimCell? {
    let reader = MapReader(
      node, subject: "the claim",
      keys: ["claim", "published", "measured", "holds", "note"])
    defer { diagnostics += reader.diagnostics }
    guard let claim = reader.string("claim") else { return nil }
    guard let measured = reader.string("measured") else {
      if !reader.has("measured") { reader.need("measured", what: "a metric, such as srcc.lowest") }
      return nil
    }
    var published: Value?
    var source: String?
    if let node = reader.node("published") {
      if node.map != nil {
        let inner = MapReader(node, subject: "'published'", keys: ["value", "source"])
        published = inner.node("value")?.value
        source = inner.string("source")?.value
        reader.report(inner.diagnostics)
      } else {
        published = node.value
      }
    }
    guard let holds = reader.string("holds") else {
      if !reader.has("holds") { reader.need("holds", what: "a condition, such as '>= 0.5'") }
      return nil
    }
    guard let condition = Condition(holds.value) else {
      reader.report(
        Diagnostic(
          code: "P0104", message: "'\(holds.value)' is no condition", location: holds.location,
          help: "write '>= 0.5', 'between 0.8 and 0.9' or 'within 5% of published'"))
      return nil
    }
    if condition.needsPublished, published?.double == nil {
      reader.report(
        Diagnostic(
          code: "P0104", message: "'\(holds.value)' needs a number as published value",
          location: holds.location))
    }
    return ClaimCell(
      claim: claim.value, published: published, source: source, measured: measured,
      condition: condition, note: reader.string("note")?.value)
  }
}

// MARK: - The whole

extension PipelineReader {
  private mutating func finish(_ file: String) -> Pipeline? {
    guard !files.isEmpty else { return nil }
    let top = SourceLocation(file: file, line: 1, column: 1)
    if let profile = options.profile {
      if let values = profiles[profile] {
        for path in leaves(values) where params.value(at: path) == nil {
          report(
            "P0110", "the profile '\(profile)' sets '\(path)', which is no parameter",
            at: profileLocations[profile],
            help: nearest(path, among: leaves(params)).map { "did you mean '\($0)'?" })
        }
        params = merged(params, values)
      } else {
        let known = profiles.keys.sorted()
        report(
          "P0110", "there is no profile '\(profile)'", at: top,
          help: known.isEmpty
            ? "the pipeline has none" : "the profiles are \(known.joined(separator: ", "))")
      }
    }
    for (path, text) in options.overrides {
      let (node, found) = YAMLReader.read(text.isEmpty ? "''" : text, file: "--set \(path)")
      diagnostics += found
      guard let node else { continue }
      let value = node.value
      // What stands in quotes, or is empty, is meant as a text.
      if let old = params.value(at: path), !node.isQuoted, !isAlike(old, value) {
        report(
          "P0111",
          "--set gives '\(path)' \(value.typeName) \(value.json()), where the file has "
            + "\(old.typeName) \(old.json())", at: nil,
          help: "a text in quotes, as in --set '\(path)=\"text\"', may stand for anything")
        continue
      }
      if params.value(at: path) == nil {
        report(
          "P0110", "--set names '\(path)', which is no parameter", at: nil,
          help: nearest(path, among: leaves(params)).map { "did you mean '\($0)'?" }
            ?? "the parameters are \(leaves(params).joined(separator: ", "))")
      } else {
        params = setting(params, path.split(separator: ".").map(String.init)[...], value)
      }
    }
    let (expanded, found) = Interpolation.expand(
      seed?.value ?? 0, names: ["params": params], deferred: [], at: seed?.location ?? top)
    diagnostics += found
    guard let seed = expanded.int, seed >= 0 else {
      report("P0104", "'seed' must be an integer of at least 0", at: seed?.location)
      return nil
    }
    checkIdentities()
    let file = file.split(separator: "/").last.map(String.init) ?? file
    let stem = file.split(separator: ".").first.map(String.init) ?? file
    return Pipeline(
      name: name ?? stem, title: title ?? name ?? stem, params: params.map ?? [:],
      profiles: profiles.keys.sorted(), profile: options.profile, seed: UInt64(seed), salt: salt,
      cells: cells, files: files.map(\.path))
  }

  private mutating func checkIdentities() {
    var places: [String: SourceLocation] = [:]
    cells = cells.filter { cell in
      guard case .stage(let stage) = cell else { return true }
      if let first = places[stage.id.value] {
        diagnostics.append(
          Diagnostic(
            code: "P0102", message: "the stage '\(stage.id.value)' stands here twice",
            location: stage.id.location,
            notes: [Diagnostic.Note(message: "it stands here, too", location: first)]))
        return false
      }
      places[stage.id.value] = stage.id.location
      return true
    }
  }
}
