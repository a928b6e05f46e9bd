import PipelineSpec
import SpecSyntax
import StageManifest
import StructuredValue

// MARK: - Outputs

extension GraphBuilder {
  mutating func outputs(
    of cell: StageCell, work: Instance.Work, names: () -> Value
  ) -> [Instance.OutputSlot] {
    var slots: [Instance.OutputSlot] = []
    if case .plugin(let plugin) = work {
      for (name, output) in plugin.manifest.outputs.sorted(by: { $0.key < $1.key }) {
        slots.append(
          Instance.OutputSlot(
            name: name, kind: output.kind, isRequired: output.isRequired, publish: nil))
      }
      for declared in cell.outputs where !slots.contains(where: { $0.name == declared.name.value })
      {
        let names = slots.map(\.name)
        report(
          "P0123", "stage '\(plugin.manifest.name)' has no output '\(declared.name.value)'",
          at: declared.name.location,
          help: nearest(declared.name.value, among: names).map { "did you mean '\($0)'?" }
            ?? "its outputs are \(names.joined(separator: ", "))")
      }
    } else {
      for declared in cell.outputs {
        checkKind(declared.kind, at: declared.name.location)
        slots.append(
          Instance.OutputSlot(
            name: declared.name.value, kind: declared.kind ?? "file",
            isRequired: !declared.isOptional, publish: nil))
      }
    }
    for declared in cell.outputs {
      guard let publish = declared.publish,
        let index = slots.firstIndex(where: { $0.name == declared.name.value })
      else { continue }
      let (text, found) = Interpolation.expand(
        .string(publish.value), names: names(), deferred: [], at: publish.location)
      report(found)
      slots[index].publish = projectPath(text.text, at: publish.location, of: cell)
    }
    return slots
  }

  /// Any word may be a kind, but one that is nearly one of ours is a slip.
  private mutating func checkKind(_ kind: String?, at location: SourceLocation) {
    let known = [
      "table/csv", "figure/vega-lite", "metrics", "json", "text", "model", "tensor", "file",
      "folder",
    ]
    guard let kind, !known.contains(kind), !["table", "tensors", "any"].contains(kind) else {
      return
    }
    let near =
      known.first { $0.hasPrefix(kind + "/") || $0.hasSuffix("/" + kind) }
      ?? nearest(kind, among: known)
    guard let near else { return }
    report(
      "P0123", "no kind is called '\(kind)'", at: location, help: "did you mean '\(near)'?",
      severity: .warning)
  }

  /// A path of a cell, relative to the project's root; an external one may be absolute or start
  /// with `..`.
  mutating func projectPath(
    _ path: String, at location: SourceLocation, of cell: StageCell
  ) -> String? {
    let bare = path.hasPrefix("file:") ? String(path.dropFirst(5)) : path
    guard !bare.hasPrefix("/") else {
      if cell.isExternal { return bare }
      report(
        "P0122", "the path '\(bare)' is absolute", at: location,
        help: "paths are relative to the pipeline file and stay inside the project; "
          + "a cell with 'external: true' may name others")
      return nil
    }
    var steps = location.file.split(separator: "/").dropLast().map(String.init)
    for step in bare.split(separator: "/") where step != "." {
      if step != ".." || (cell.isExternal && steps.last ?? ".." == "..") {
        steps.append(String(step))
      } else if steps.popLast() == nil {
        report(
          "P0122", "the path '\(bare)' leaves the project", at: location,
          help: "copy the file into the project, fetch it with a digest, "
            + "or say 'external: true' in the cell")
        return nil
      }
    }
    return steps.joined(separator: "/")
  }
}

// MARK: - Inputs

extension GraphBuilder {
  /// Resolves the inputs of an instance.
  ///
  /// - Returns: The instances that it needs.
  mutating func connect(_ index: Int) -> [Int] {
    let instance = instances[index]
    guard let cell = cells[instance.cell] else { return [] }
    let params = pipeline.params
    var declared: [String: ManifestInput] = [:]
    if case .plugin(let plugin) = instance.work { declared = plugin.manifest.inputs }
    var needs: [Int] = []
    for binding in cell.inputs {
      let slot = binding.name.value
      var manifestInput: ManifestInput?
      if case .plugin(let plugin) = instance.work {
        guard let input = declared[slot] else {
          let known = declared.keys.sorted()
          report(
            "P0123", "stage '\(plugin.manifest.name)' has no input '\(slot)'",
            at: binding.name.location,
            help: nearest(slot, among: known).map { "did you mean '\($0)'?" }
              ?? (known.isEmpty
                ? "it takes none" : "its inputs are \(known.joined(separator: ", "))"))
          continue
        }
        manifestInput = input
      }
      let (value, found) = Interpolation.expand(
        binding.reference.value, names: ["params": .map(params), "matrix": .map(instance.matrix)],
        deferred: [], at: binding.reference.location)
      report(found)
      guard
        let (source, kind) = source(
          value, at: binding.reference.location, for: instance, of: cell, wanted: manifestInput)
      else { continue }
      if let wanted = manifestInput {
        check(kind, fits: wanted.kind, slot: slot, at: binding.reference.location)
        if case .gathered = source, !wanted.isMany {
          report(
            "P0123", "the input '\(slot)' takes one artifact, not several",
            at: binding.reference.location,
            help: "pin every axis: 'stage[axis=value].slot'")
          continue
        }
      }
      instances[index].inputs.append(
        Instance.InputSlot(
          name: slot, kind: manifestInput?.kind ?? kind, source: source, reference: value.text))
      switch source {
      case .artifact(let need, _): needs.append(need)
      case .gathered(let items): needs += items.map(\.instance)
      case .path: break
      }
    }
    guard !declared.isEmpty else { return needs }
    let given = Set(cell.inputs.map(\.name.value))
    for (slot, input) in declared.sorted(by: { $0.key < $1.key })
    where input.isRequired && !given.contains(slot) {
      report(
        "P0123", "the cell '\(cell.id.value)' lacks the input '\(slot)' (\(input.kind))",
        at: cell.id.location, help: "add it below 'inputs:'")
    }
    return needs
  }

  private mutating func check(
    _ kind: String, fits wanted: String, slot: String, at location: SourceLocation
  ) {
    // `file` and `folder` say nothing about the content, so they go with anything.
    let loose: Set<String> = ["file", "folder", "any"]
    guard kind != wanted, !loose.contains(kind), !loose.contains(wanted) else { return }
    report("P0123", "the input '\(slot)' wants \(wanted), but is given \(kind)", at: location)
  }

  /// What a reference stands for: one artifact, several, or a path.
  private mutating func source(
    _ value: Value, at location: SourceLocation, for instance: Instance, of cell: StageCell,
    wanted: ManifestInput?
  ) -> (Instance.Source, kind: String)? {
    let texts: [String]
    switch value {
    case .string(let text): texts = [text]
    case .list(let list): texts = list.compactMap(\.string)
    default:
      report(
        "P0104", "an input is \(value.typeName), where 'stage.slot' or a path is needed",
        at: location)
      return nil
    }
    var gathered: [Instance.Gathered] = []
    var kind = "file"
    for text in texts {
      let reference: InputReference
      do {
        reference = try InputReference.parse(text, at: location)
      } catch {
        report(error.code, error.message, at: location, help: error.help)
        return nil
      }
      switch reference {
      case .path(let path):
        guard !path.contains("*") else {
          report(
            "P0104", "'\(path)' is a pattern, which an input cannot be yet", at: location,
            help: "name the folder: all of its files become one input")
          return nil
        }
        guard let path = projectPath(path, at: location, of: cell) else { return nil }
        guard texts.count == 1 else {
          report("P0104", "a list of inputs holds a path; use a folder or a glob", at: location)
          return nil
        }
        return (.path(path), wanted?.kind ?? "file")
      case .artifact(let stage, let selector, let slot):
        guard
          let (found, isOne) = select(stage, selector, slot, for: instance, at: location)
        else { return nil }
        kind =
          found.first.flatMap { item in
            instances[item.instance].outputs.first { $0.name == slot }?.kind
          } ?? kind
        if texts.count == 1, isOne, let only = found.first, !(wanted?.isMany ?? false) {
          return (.artifact(instance: only.instance, slot: slot), kind)
        }
        gathered += found
      }
    }
    return (.gathered(gathered), kind)
  }

  /// The instances of a stage that a reference names.
  private mutating func select(
    _ stage: String, _ selector: Selector?, _ slot: String, for user: Instance,
    at location: SourceLocation
  ) -> ([Instance.Gathered], isOne: Bool)? {
    guard let candidates = instancesOfCell[stage], let cell = cells[stage] else {
      // A cell with an unknown plugin has been reported already.
      if cells[stage] == nil {
        report(
          "P0123", "there is no stage cell '\(stage)'", at: location,
          help: nearest(stage, among: cells.keys.sorted()).map { "did you mean '\($0)'?" })
      }
      return nil
    }
    if let first = candidates.first, !instances[first].outputs.contains(where: { $0.name == slot })
    {
      let known = instances[first].outputs.map(\.name)
      report(
        "P0123", "the stage '\(stage)' has no output '\(slot)'", at: location,
        help: nearest(slot, among: known).map { "did you mean '\($0)'?" }
          ?? "its outputs are \(known.joined(separator: ", "))")
      return nil
    }
    let axes = Set(candidates.flatMap { instances[$0].matrix.keys })
    for axis in (selector?.pins.keys).map(Array.init) ?? [] where !axes.contains(axis) {
      report(
        "P0123", "the stage '\(stage)' has no matrix axis '\(axis)'", at: location,
        help: axes.isEmpty
          ? "it has no matrix" : "its axes are \(axes.sorted().joined(separator: ", "))")
      return nil
    }
    let pins: [String: String]
    if let selector {
      pins = selector.pins
    } else {
      // Without brackets, the axes that both cells share say which instance is meant.
      pins = user.matrix.filter { axes.contains($0.key) }.mapValues(\.text)
    }
    let matching = candidates.filter { candidate in
      pins.allSatisfy { instances[candidate].matrix[$0.key]?.text == $0.value }
    }
    guard !matching.isEmpty else {
      let wanted = pins.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
      let known = candidates.prefix(8).map { instances[$0].name }
      report(
        "P0123", "no instance of '\(stage)' has \(wanted.joined(separator: ","))", at: location,
        help: "there are \(known.joined(separator: ", "))\(candidates.count > 8 ? ", …" : "")")
      return nil
    }
    let isOne = selector == nil || axes.allSatisfy { pins[$0] != nil }
    if selector == nil && matching.count > 1 {
      report(
        "P0123",
        "'\(stage).\(slot)' names \(matching.count) instances of '\(cell.id.value)'", at: location,
        help: "gather them with '\(stage)[*].\(slot)', or pin one")
      return nil
    }
    let items = matching.map { candidate in
      let matrix = instances[candidate].matrix
      let name =
        matrix.isEmpty
        ? stage
        : matrix.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.text)" }
          .joined(separator: ",")
      return Instance.Gathered(name: name, matrix: matrix, instance: candidate, slot: slot)
    }
    return (items, isOne)
  }

  /// The instances that `needs:` puts before those of a cell.
  mutating func order(_ cell: StageCell) -> [Int] {
    cell.needs.flatMap { need -> [Int] in
      if let found = instancesOfCell[need.value] { return found }
      if cells[need.value] == nil {
        report(
          "P0123", "'needs' names '\(need.value)', which is no stage cell", at: need.location,
          help: nearest(need.value, among: cells.keys.sorted()).map { "did you mean '\($0)'?" })
      }
      return []
    }
  }
}

// MARK: - Checks of the whole

extension GraphBuilder {

  /// What cells show and claims measure must be there.
  mutating func checkReferences() {
    for cell in pipeline.cells {
      switch cell {
      case .stage(let stage): checkShown(stage)
      case .claim(let claim): checkMetric(claim.measured.value, at: claim.measured.location)
      case .text(let text):
        for reference in Prose.references(text.markdown.value) {
          var location = text.markdown.location
          location.line += reference.line
          if reference.name.hasPrefix("params.") {
            let path = reference.name.dropFirst("params.".count)
            if Value.map(pipeline.params).value(at: path) == nil {
              report("P0110", "there is no parameter '\(path)'", at: location)
            }
          } else {
            checkMetric(reference.name, at: location)
          }
        }
      }
    }
  }

  private mutating func checkShown(_ cell: StageCell) {
    guard let first = instancesOfCell[cell.id.value]?.first else { return }
    let instance = instances[first]
    for item in cell.show {
      let slot: String
      switch item.value {
      case .metrics: continue
      case .figure(let name), .table(let name, _), .text(let name): slot = name
      }
      guard !instance.outputs.contains(where: { $0.name == slot }) else { continue }
      let known = instance.outputs.map(\.name)
      report(
        "P0123", "'show' names '\(slot)', which is no output of '\(cell.id.value)'",
        at: item.location,
        help: nearest(slot, among: known).map { "did you mean '\($0)'?" }
          ?? "its outputs are \(known.joined(separator: ", "))")
    }
  }

  private mutating func checkMetric(_ text: String, at location: SourceLocation) {
    guard let reference = MetricReference.parse(text) else {
      report(
        "P0110", "'\(text)' is no metric", at: location,
        help: "write 'stage.metric' or 'stage[axis=value].metric'")
      return
    }
    guard let candidates = instancesOfCell[reference.stage] else {
      if cells[reference.stage] == nil {
        report(
          "P0110", "'\(text)': there is no stage cell '\(reference.stage)'", at: location,
          help: nearest(reference.stage, among: cells.keys.sorted()).map { "did you mean '\($0)'?" }
        )
      }
      return
    }
    let pins = reference.selector?.pins ?? [:]
    let matching = candidates.filter { candidate in
      pins.allSatisfy { instances[candidate].matrix[$0.key]?.text == $0.value }
    }
    if matching.count != 1 {
      report(
        "P0110", "'\(text)' names \(matching.count) instances of '\(reference.stage)'",
        at: location, help: "a metric is one number: pin every axis of the matrix")
    }
    guard let first = candidates.first, case .plugin(let plugin) = instances[first].work,
      !plugin.manifest.metrics.isEmpty, plugin.manifest.metrics[reference.metric] == nil
    else { return }
    let known = plugin.manifest.metrics.keys.sorted()
    report(
      "P0110", "'\(plugin.manifest.name)' measures no '\(reference.metric)'", at: location,
      help: nearest(reference.metric, among: known).map { "did you mean '\($0)'?" }
        ?? "it measures \(known.joined(separator: ", "))")
  }

  /// An order in which needs come first; nil, and a report with the cycle, where there is none.
  mutating func sort(_ needs: [[Int]]) -> [Int]? {
    var order: [Int] = []
    order.reserveCapacity(needs.count)
    var state = Array(repeating: 0, count: needs.count)  // 1: on the path, 2: in the order
    for start in needs.indices where state[start] == 0 {
      // An explicit stack: chains may be thousands of stages long.
      var path: [(node: Int, next: Int)] = [(start, 0)]
      state[start] = 1
      while let (node, next) = path.last {
        if next == needs[node].count {
          state[node] = 2
          order.append(node)
          path.removeLast()
          continue
        }
        path[path.count - 1].next += 1
        let need = needs[node][next]
        if state[need] == 1 {
          let cycle = path.drop { $0.node != need }.map { instances[$0.node].name }
          let names = (cycle + [instances[need].name]).reversed().joined(separator: " → ")
          report(
            "P0120", "the stages wait for each other: \(names)",
            at: cells[instances[need].cell]?.id.location,
            help: "an arrow reads 'is used by'; take one of these inputs away")
          return nil
        }
        if state[need] == 0 {
          state[need] = 1
          path.append((need, 0))
        }
      }
    }
    return order
  }
}
