import Foundation
import SpecSyntax
import StructuredValue

extension DVCConverter {
  /// The pipeline file.
  mutating func pipeline(name: String, file: String) -> String {
    var lines = [
      "# Made from \(file) by `pipeline import`. Each command runs in a folder of its own, in which its",
      "# inputs lie under the names that \(file) gave them; what it does not declare is not there.",
      "pipeline: v1", "name: \(YAMLText.scalar(name))",
    ]
    if !parameters.isEmpty {
      lines.append("params:")
      lines += YAMLText.block(parameters, indent: 2)
    }
    lines += ["cells:", "  - text: |", "      # \(name)", "", "      Imported from `\(file)`."]
    for stage in stages { lines += self.lines(of: stage) }
    return lines.joined(separator: "\n") + "\n"
  }

  private mutating func lines(of stage: ConvertedStage) -> [String] {
    var lines = ["  - stage: \(stage.id)"]
    if let text = stage.dvc.description {
      lines.append("    description: \(Value.string(text).json())")
    }
    if let expansion = stage.expansion { lines.append("    \(expansion)") }
    if stage.dvc.isAlwaysChanged { lines.append("    cache: false") }
    var inputs = self.inputs(of: stage)
    var taken = Set(inputs.map(\.slot))
    let parameterFiles = self.parameterFiles(of: stage, &inputs, &taken)
    if !inputs.isEmpty {
      lines.append("    inputs:")
      for input in inputs {
        lines.append("      \(input.slot): \(YAMLText.scalar(input.reference))")
      }
    }
    if !stage.outs.isEmpty {
      lines.append("    outputs:")
      for out in stage.outs {
        let (path, unknown) = template(stage, stage.combinations[0]).ours(out.path)
        report(unknown, out.out.path.location)
        lines.append(
          "      \(out.slot): {kind: \(out.kind), publish: \(Value.string(path).json())}")
      }
    }
    lines.append("    run: |")
    lines += YAMLText.literal(script(stage, inputs, parameterFiles), indent: 6)
    let shown =
      (stage.outs.contains { $0.kind == "metrics" } ? ["metrics"] : [])
      + stage.outs.filter { $0.out.role == .plots && $0.kind == "table/csv" }
      .map { "{table: \($0.slot)}" }
    if !shown.isEmpty { lines.append("    show: [\(shown.joined(separator: ", "))]") }
    return lines
  }

  // MARK: - Parameter files

  /// The parameter files that the command reads, with the lines that they shall hold.
  ///
  /// Each holds just what the stage declares, so that the key changes with these values only.
  private mutating func parameterFiles(
    of stage: ConvertedStage, _ inputs: inout [ConvertedInput], _ taken: inout Set<String>
  ) -> [(path: String, text: String)] {
    var keys: [String: [String]] = [:]
    var order: [String] = []
    for parameters in stage.dvc.params {
      let path = DVCConverter.join(stage.dvc.folder, parameters.file)
      let isOurs = DVCConverter.stem(parameters.file) == nil
      let stem = DVCConverter.stem(parameters.file)
      let known = isOurs ? self.parameters : stem.flatMap { self.parameters[$0]?.map } ?? [:]
      guard !known.isEmpty, ["yaml", "yml", "json"].contains(PathText(path).ending)
      else {
        note(
          "'\(parameters.file)' is an input of the stage '\(stage.dvc.name)' as a whole: its values "
            + "are no parameters of the pipeline", at: parameters.location)
        inputs.append(
          ConvertedInput(
            slot: DVCConverter.slot(path, taken: &taken), reference: "./\(path)", path: path,
            below: nil, isCopied: true))
        continue
      }
      if keys[path] == nil { order.append(path) }
      let wanted = parameters.keys.isEmpty ? known.keys.sorted() : parameters.keys
      for key in wanted {
        let name = template(stage, stage.combinations[0]).filled(key)
        guard Value.map(known).value(at: name) != nil else {
          note("there is no parameter '\(name)' in '\(parameters.file)'", at: parameters.location)
          continue
        }
        keys[path, default: []].append(stem.map { "\($0).\(name)" } ?? name)
      }
    }
    return order.map { path in
      let stem = DVCConverter.stem(path)
      return (path, DVCConverter.json(keys[path] ?? [], Value.map(parameters), without: stem))
    }
  }

  /// JSON, which is YAML too, with a reference for every value.
  private static func json(_ names: [String], _ values: Value, without stem: String?) -> String {
    var tree: [String: Value] = [:]
    func insert(_ path: ArraySlice<Substring>, _ value: Value, _ into: inout [String: Value]) {
      guard let first = path.first.map(String.init) else { return }
      if path.count == 1 {
        into[first] = value
      } else {
        var inner = into[first]?.map ?? [:]
        insert(path.dropFirst(), value, &inner)
        into[first] = .map(inner)
      }
    }
    for name in names {
      let short = stem.map { String(name.dropFirst($0.count + 1)) } ?? name
      let isText = values.value(at: name)?.string != nil
      insert(
        short.split(separator: ".")[...],
        .string(isText ? "\u{1}\"${params.\(name)}\"\u{1}" : "\u{1}${params.\(name)}\u{1}"), &tree)
    }
    // A reference to anything but a text stands bare, where it becomes JSON.
    func write(_ value: Value) -> String {
      switch value {
      case .map(let members):
        "{"
          + members.sorted { $0.key < $1.key }
          .map { "\(Value.string($0.key).json()): \(write($0.value))" }.joined(separator: ", ")
          + "}"
      case .string(let text): text.replacing("\u{1}", with: "")
      default: value.json()
      }
    }
    return write(.map(tree))
  }

  // MARK: - The command

  private mutating func script(
    _ stage: ConvertedStage, _ inputs: [ConvertedInput], _ files: [(path: String, text: String)]
  ) -> [String] {
    let template = template(stage, stage.combinations[0])
    var unknown: [String] = []
    func ours(_ text: String) -> String {
      let result = template.ours(text)
      unknown += result.unknown
      return result.text
    }
    let paths = inputs.map(\.path) + files.map(\.path) + stage.outs.map(\.path)
    let folders = Set(paths.map { PathText(ours($0)).folder })
      .union([stage.dvc.folder.map { ours(DVCConverter.normal($0)) } ?? ""])
      .filter { !$0.isEmpty }.sorted()
    var lines = ["mkdir project", "cd project"]
    if !folders.isEmpty {
      lines.append("mkdir -p " + folders.map(DVCConverter.quote).joined(separator: " "))
    }
    for input in inputs {
      let source =
        "\"${inputs.\(input.slot)}\"" + (input.below.map { "/" + DVCConverter.quote($0) } ?? "")
      let verb = input.isCopied ? "cp -R" : "ln -s"
      lines.append("\(verb) \(source) \(DVCConverter.quote(ours(input.path)))")
    }
    if inputs.contains(where: \.isCopied) { lines.append("chmod -R u+w .") }
    for file in files {
      lines += ["cat > \(DVCConverter.quote(file.path)) <<'END'", file.text, "END"]
    }
    let commands = stage.dvc.commands.map(ours)
    // DVC's shell takes a variable that is not set for an empty one.
    if commands.contains(where: { $0.replacing(#/\$\{(params|matrix)\./#, with: "").contains("$") })
    {
      lines.append("set +u")
    }
    if let folder = stage.dvc.folder, DVCConverter.normal(folder) != "" {
      lines.append("(")
      lines.append("  cd \(DVCConverter.quote(ours(DVCConverter.normal(folder))))")
      lines += commands.flatMap { $0.split(separator: "\n").map { "  \($0)" } }
      lines.append(")")
    } else {
      lines += commands.flatMap { $0.split(separator: "\n").map(String.init) }
    }
    for out in stage.outs {
      lines.append("mv \(DVCConverter.quote(ours(out.path))) \"${outputs.\(out.slot)}\"")
    }
    report(unknown, stage.dvc.location)
    return lines
  }

  /// A path as one word of the shell; our references inside are filled in before the shell sees it.
  private static func quote(_ path: String) -> String {
    let plain = path.allSatisfy {
      $0.isASCII && ($0.isLetter || $0.isNumber || "_-./${}".contains($0))
    }
    if plain && !path.contains("$") { return path }
    return "\"\(path.replacing("\"", with: "\\\""))\""
  }
}
