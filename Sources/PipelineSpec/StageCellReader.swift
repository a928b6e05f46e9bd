import SpecSyntax
import StructuredValue

/// Reads the fields of a stage cell.
struct StageCellReader {
  static let keys = [
    "stage", "uses", "run", "inputs", "outputs", "params", "matrix", "foreach", "resources",
    "retry", "timeout", "when", "cache", "salt", "sandbox", "network", "secrets", "env", "tools",
    "needs", "show", "tags", "description", "external",
  ]
  static let showKinds = ["metrics", "figure", "table", "text"]

  static func read(_ node: YAMLNode) -> (StageCell?, [Diagnostic]) {
    let id = node.map?.first { $0.key == "stage" }?.value
    let subject = "the stage '\(id?.scalar?.text ?? "?")'"
    let reader = MapReader(node, subject: subject, keys: keys)
    guard let name = reader.string("stage") else { return (nil, reader.diagnostics) }
    if !isIdentifier(name.value) {
      reader.report(
        Diagnostic(
          code: "P0104", message: "'\(name.value)' cannot name a stage", location: name.location,
          help: "a name has lower-case letters, digits, '-' and '_', and starts with a letter"))
    }
    guard let (action, location) = action(reader) else { return (nil, reader.diagnostics) }
    var cell = StageCell(id: name, action: action, actionLocation: location)
    readConnections(reader, &cell)
    readMatrix(reader, &cell)
    readResources(reader, &cell)
    readRules(reader, &cell)
    cell.show = show(reader)
    return (cell, reader.diagnostics)
  }

  private static func isIdentifier(_ text: String) -> Bool {
    guard let first = text.utf8.first, first >= UInt8(ascii: "a"), first <= UInt8(ascii: "z") else {
      return false
    }
    return text.utf8.allSatisfy { byte in
      (byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z"))
        || (byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")) || "-_".utf8.contains(byte)
    }
  }

  private static func action(_ reader: MapReader) -> (StageCell.Action, SourceLocation)? {
    if let uses = reader.node("uses"), let run = reader.node("run") {
      reader.report(
        Diagnostic(
          code: "P0104", message: "\(reader.subject) has 'uses' and 'run'", location: run.location,
          help: "take one away",
          notes: [Diagnostic.Note(message: "'uses' stands here", location: uses.location)]))
      return nil
    }
    if let uses = reader.string("uses") {
      let parts = uses.value.split(separator: "@", maxSplits: 1).map(String.init)
      guard parts.count == 2, let major = Int(parts[1]) else {
        reader.report(
          Diagnostic(
            code: "P0104", message: "'\(uses.value)' does not say which version it wants",
            location: uses.location, help: "write '\(parts.first ?? "name")@1'"))
        return nil
      }
      return (.plugin(name: parts[0], major: major), uses.location)
    }
    guard let run = reader.node("run") else {
      if !reader.has("uses") {
        reader.need("uses", what: "a plugin such as fetch@1, or 'run' with a command")
      }
      return nil
    }
    if let text = run.string { return (.shell(text), run.location) }
    let arguments = reader.strings("run").map(\.value)
    guard !arguments.isEmpty else {
      reader.mistype("run", run, wanted: "a command: a text for the shell or a list of arguments")
      return nil
    }
    return (.command(arguments), run.location)
  }

  private static func readConnections(_ reader: MapReader, _ cell: inout StageCell) {
    cell.inputs = reader.map("inputs").map { member in
      StageCell.InputBinding(
        name: Located(member.key, at: member.keyLocation), reference: member.value.located)
    }
    for member in reader.map("outputs") {
      let name = Located(member.key, at: member.keyLocation)
      if let kind = member.value.string {
        cell.outputs.append(
          StageCell.OutputDeclaration(name: name, kind: kind, publish: nil, isOptional: false))
        continue
      }
      let output = MapReader(
        member.value, subject: "the output '\(member.key)'", keys: ["kind", "publish", "optional"])
      cell.outputs.append(
        StageCell.OutputDeclaration(
          name: name, kind: output.string("kind")?.value, publish: output.string("publish"),
          isOptional: output.bool("optional") ?? false))
      reader.report(output.diagnostics)
    }
    for name in cell.inputs.map(\.name) + cell.outputs.map(\.name) {
      if let problem = SlotName.problem(name.value, at: name.location) { reader.report(problem) }
    }
    for member in reader.map("params") { cell.params[member.key] = member.value.located }
    for member in reader.map("env") { cell.environment[member.key] = member.value.located }
    cell.needs = reader.strings("needs")
    cell.tools = reader.strings("tools").map(\.value)
    cell.secrets = reader.strings("secrets").map(\.value)
    cell.tags = reader.strings("tags").map(\.value)
    cell.description = reader.string("description")?.value
  }

  private static func readMatrix(_ reader: MapReader, _ cell: inout StageCell) {
    if let node = reader.node("foreach") {
      if node.map != nil {
        reader.report(
          Diagnostic(
            code: "P0104", message: "'foreach' over a stage's output is not supported yet",
            location: node.location, help: "write the list in the file"))
        return
      }
      cell.matrix = Matrix(
        location: node.location, axes: [], include: [], exclude: [], foreach: node.located)
      return
    }
    guard let node = reader.node("matrix") else { return }
    var matrix = Matrix(location: node.location, axes: [], include: [], exclude: [], foreach: nil)
    for member in reader.map("matrix") {
      switch member.key {
      case "include", "exclude":
        guard let list = member.value.list else {
          reader.mistype(member.key, member.value, wanted: "a list of maps")
          continue
        }
        if member.key == "include" {
          matrix.include = list.map(\.located)
        } else {
          matrix.exclude = list.map(\.located)
        }
      default: matrix.axes.append((member.key, member.value.located))
      }
    }
    cell.matrix = matrix
  }

  private static func readResources(_ reader: MapReader, _ cell: inout StageCell) {
    if let node = reader.node("resources") {
      let resources = MapReader(
        node, subject: "'resources' of \(reader.subject)", keys: ["cpus", "memory", "gpus", "time"])
      cell.cpus = resources.int("cpus", atLeast: 1) ?? 1
      cell.gpus = resources.int("gpus", atLeast: 0) ?? 0
      if let memory = resources.node("memory") {
        cell.memory = memory.scalar.flatMap { bytes($0.text) }
        if cell.memory == nil { resources.mistype("memory", memory, wanted: "a size such as 2GiB") }
      }
      cell.timeout = seconds("time", resources)
      reader.report(resources.diagnostics)
    }
    cell.timeout = seconds("timeout", reader) ?? cell.timeout
    if let node = reader.node("retry") {
      if let count = node.scalar?.int, count >= 0 {
        cell.retryMax = count
      } else {
        let retry = MapReader(
          node, subject: "'retry' of \(reader.subject)", keys: ["max", "on", "backoff"])
        cell.retryMax = retry.int("max", atLeast: 0) ?? 1
        cell.retryBackoff = seconds("backoff", retry) ?? 1
        for condition in retry.strings("on") {
          let isKnown =
            ["signal", "timeout", "memory", "retryable"].contains(condition.value)
            || (condition.value.hasPrefix("exit:") && Int(condition.value.dropFirst(5)) != nil)
          if isKnown {
            cell.retryOn.append(condition.value)
          } else {
            retry.report(
              Diagnostic(
                code: "P0104", message: "unknown condition '\(condition.value)' for a retry",
                location: condition.location,
                help: "the conditions are signal, timeout, memory, retryable and exit:CODE"))
          }
        }
        reader.report(retry.diagnostics)
      }
    }
  }

  private static func readRules(_ reader: MapReader, _ cell: inout StageCell) {
    cell.when = reader.node("when")?.located
    cell.isCached = reader.bool("cache") ?? true
    cell.isExternal = reader.bool("external") ?? false
    cell.salt = reader.string("salt")?.value
    cell.network = reader.bool("network")
    if let node = reader.node("sandbox") {
      // YAML 1.2 reads `off` as a text, and so do we.
      switch node.scalar?.text {
      case "strict": cell.isSandboxed = true
      case "off": cell.isSandboxed = false
      default:
        reader.report(
          Diagnostic(
            code: "P0104", message: "'sandbox' is '\(node.scalar?.text ?? "")'",
            location: node.location, help: "it is 'strict' or 'off'"))
      }
    }
  }

  private static func show(_ reader: MapReader) -> [Located<StageCell.ShowItem>] {
    guard let node = reader.node("show") else { return [] }
    guard let list = node.list else {
      reader.mistype("show", node, wanted: "a list such as [metrics, {figure: scatter}]")
      return []
    }
    return list.compactMap { element in
      item(element, reader).map { Located($0, at: element.location) }
    }
  }

  private static func item(_ node: YAMLNode, _ reader: MapReader) -> StageCell.ShowItem? {
    if node.string == "metrics" { return .metrics([]) }
    let item = MapReader(node, subject: "'show' of \(reader.subject)", keys: showKinds + ["rows"])
    defer { reader.report(item.diagnostics) }
    if item.has("metrics") { return .metrics(item.strings("metrics").map(\.value)) }
    if let slot = item.string("figure") { return .figure(slot.value) }
    if let slot = item.string("table") {
      return .table(slot.value, rows: item.int("rows", atLeast: 1))
    }
    if let slot = item.string("text") { return .text(slot.value) }
    if item.diagnostics.isEmpty {
      item.report(
        Diagnostic(
          code: "P0104", message: "an item of 'show' names nothing", location: node.location,
          help: "write metrics, {figure: slot}, {table: slot} or {text: slot}"))
    }
    return nil
  }

  /// `512MiB`, `2GiB`, `1.5GB`, or plain bytes.
  static func bytes(_ text: String) -> Int? {
    let number = text.prefix { $0.isNumber || $0 == "." }
    let unit = text.dropFirst(number.count).drop { $0 == " " }
    let factors: [String: Double] = [
      "": 1, "B": 1, "KiB": 0x1p10, "MiB": 0x1p20, "GiB": 0x1p30, "TiB": 0x1p40, "KB": 1e3,
      "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "K": 0x1p10, "M": 0x1p20, "G": 0x1p30,
    ]
    guard let value = Double(number), let factor = factors[String(unit)], value * factor < 1e18
    else { return nil }
    return Int(value * factor)
  }

  /// Ten years: clocks count in integers, which a longer wait could leave.
  private static let longestSeconds = 3650.0 * 86400

  /// `90`, `90s`, `20m`, `2h`, `1d`, in seconds.
  private static func seconds(_ key: String, _ reader: MapReader) -> Double? {
    guard let node = reader.node(key) else { return nil }
    let text = node.scalar?.text ?? ""
    let number = text.prefix { $0.isNumber || $0 == "." }
    let factors: [String: Double] = ["": 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400]
    guard let value = Double(number), let factor = factors[String(text.dropFirst(number.count))],
      value > 0
    else {
      reader.mistype(key, node, wanted: "a duration such as 90s, 20m or 2h")
      return nil
    }
    guard value * factor <= longestSeconds else {
      reader.mistype(key, node, wanted: "a duration of at most ten years")
      return nil
    }
    return value * factor
  }
}
