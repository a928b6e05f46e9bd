public import PipelineSpec
public import SpecSyntax
import StageManifest
import StructuredValue

/// Turns the cells of a pipeline into a graph of instances, and reports everything that can be
/// found wrong without running anything.
public struct GraphBuilder {
  let pipeline: Pipeline
  let catalog: any PluginCatalog
  public private(set) var diagnostics: [Diagnostic] = []
  var instances: [Instance] = []
  var instancesOfCell: [String: [Int]] = [:]
  var cells: [String: StageCell] = [:]
  private var reported: Set<String> = []

  public init(pipeline: Pipeline, catalog: any PluginCatalog) {
    self.pipeline = pipeline
    self.catalog = catalog
  }

  /// - Returns: The graph, or nil where a mistake keeps it from being one.
  public mutating func build() -> Graph? {
    let stageCells = pipeline.cells.compactMap { cell in
      if case .stage(let stage) = cell { stage } else { nil }
    }
    for cell in stageCells { cells[cell.id.value] = cell }
    for cell in stageCells { expand(cell) }
    var needs = instances.indices.map { connect($0) }
    for index in instances.indices {
      guard let cell = cells[instances[index].cell] else { continue }
      needs[index] += order(cell)
      needs[index] = Array(Set(needs[index])).sorted()
    }
    checkPublishing()
    checkReferences()
    guard let order = sort(needs) else { return nil }
    guard !diagnostics.contains(where: { $0.severity == .error }) else { return nil }
    var users: [[Int]] = Array(repeating: [], count: instances.count)
    for (index, list) in needs.enumerated() { for need in list { users[need].append(index) } }
    return Graph(instances: instances, order: order, needs: needs, users: users)
  }

  mutating func report(
    _ code: String, _ message: String, at location: SourceLocation?, help: String? = nil,
    severity: Diagnostic.Severity = .error
  ) {
    // One mistake in a cell shows in each of its instances, and is one mistake.
    let identity =
      "\(code) \(message) \(location.map { "\($0.file):\($0.line):\($0.column)" } ?? "")"
    guard reported.insert(identity).inserted else { return }
    diagnostics.append(
      Diagnostic(code: code, severity: severity, message: message, location: location, help: help))
  }

  mutating func report(_ found: [Diagnostic]) {
    for diagnostic in found {
      report(
        diagnostic.code, diagnostic.message, at: diagnostic.location, help: diagnostic.help,
        severity: diagnostic.severity)
    }
  }
}

// MARK: - Matrix expansion

extension GraphBuilder {
  private mutating func expand(_ cell: StageCell) {
    guard let work = work(of: cell) else { return }
    instancesOfCell[cell.id.value] = []
    var names: Set<String> = []
    for matrix in combinations(of: cell) {
      let instance = instance(of: cell, matrix: matrix, work: work)
      guard names.insert(instance.name).inserted else {
        report(
          "P0102", "two combinations of the matrix have the name '\(instance.name)'",
          at: cell.matrix?.location ?? cell.id.location, help: "take one of them away")
        continue
      }
      instancesOfCell[cell.id.value]?.append(instances.count)
      instances.append(instance)
    }
  }

  /// All combinations of the matrix, in the order of its axes; one empty one where there is none.
  private mutating func combinations(of cell: StageCell) -> [[(axis: String, value: Value)]] {
    guard let matrix = cell.matrix else { return [[]] }
    let names: Value = ["params": .map(pipeline.params)]
    let (expanded, found) = matrix.combinations(names: names)
    report(found)
    if expanded.isEmpty && found.isEmpty {
      report("P0104", "the matrix of '\(cell.id.value)' is empty", at: cell.id.location)
    }
    return expanded
  }

  private mutating func work(of cell: StageCell) -> Instance.Work? {
    switch cell.action {
    case .command(let arguments): return .command(arguments)
    case .shell(let text): return .shell(text)
    case .plugin(let name, let major):
      guard let plugin = catalog.plugins[name] else {
        let near = nearest(name, among: catalog.plugins.keys.sorted())
        report(
          "P0130", "there is no stage '\(name)'", at: cell.actionLocation,
          help: near.map { "did you mean '\($0)'?" }
            ?? "looked in \(catalog.searchPath.joined(separator: ", ")); `pipeline stage list` shows all"
        )
        return nil
      }
      guard plugin.manifest.version.major == major else {
        report(
          "P0131",
          "the cell wants '\(name)@\(major)', but version \(plugin.manifest.version) is installed",
          at: cell.actionLocation,
          help: "say 'uses: \(name)@\(plugin.manifest.version.major)', or install version \(major)")
        return nil
      }
      return .plugin(plugin)
    }
  }

  /// What a command says of its slots is filled in when it is started.
  private static let slots: Set<String> = ["inputs", "outputs"]

  private mutating func instance(
    of cell: StageCell, matrix: [(axis: String, value: Value)], work: Instance.Work
  ) -> Instance {
    let axes = Dictionary(matrix.map { ($0.axis, $0.value) }) { first, _ in first }
    let (params, seed) = (pipeline.params, pipeline.seed)
    func names() -> Value {
      [
        "params": .map(params), "matrix": .map(axes),
        "seed": .int(Int(truncatingIfNeeded: seed)),
      ]
    }
    let id = cell.id.value
    // Sorted by axis, so that a name does not depend on the order in the file.
    let suffix = matrix.sorted { $0.axis < $1.axis }
      .map { "\($0.axis)=\($0.value.text)" }.joined(separator: ",")

    func expanded(_ value: Value, _ location: SourceLocation, deferred: Set<String> = []) -> Value {
      let (result, found) = Interpolation.expand(
        value, names: names(), deferred: deferred, at: location)
      report(found)
      return result
    }

    var given: [String: Located<Value>] = [:]
    for (name, value) in cell.params {
      given[name] = Located(expanded(value.value, value.location), at: value.location)
    }
    var instance = Instance(
      name: suffix.isEmpty ? id : "\(id)[\(suffix)]", cell: id, matrix: axes, work: work,
      inputs: [], outputs: [], parameters: given.mapValues(\.value), seed: pipeline.seed,
      environment: [:], tools: cell.tools, passes: [], secrets: cell.secrets,
      network: cell.network ?? false, isSandboxed: cell.isSandboxed,
      resources: ResourceRequest(cpus: cell.cpus, memory: cell.memory, gpus: cell.gpus),
      retry: RetryRule(max: cell.retryMax, on: cell.retryOn, backoff: cell.retryBackoff),
      timeout: cell.timeout,
      isCached: cell.isCached, salt: cell.salt, isEnabled: true, tags: cell.tags)
    for (name, value) in cell.environment {
      instance.environment[name] = expanded(value.value, value.location).text
    }
    if let when = cell.when {
      let value = expanded(when.value, when.location)
      if let flag = value.bool {
        instance.isEnabled = flag
      } else {
        report("P0111", "'when' is \(value.text), not true or false", at: when.location)
      }
    }
    switch work {
    case .plugin(let plugin):
      let (parameters, found) = plugin.manifest.parameters.resolve(given: given, cell: cell.id)
      report(found)
      instance.parameters = parameters
      instance.tools += plugin.manifest.tools
      instance.passes = plugin.manifest.passes
      instance.network = cell.network ?? plugin.manifest.network
      if !plugin.manifest.isSeeded { instance.seed = nil }
    case .command(let arguments):
      instance.seed = nil
      instance.work = .command(
        arguments.map {
          expanded(.string($0), cell.actionLocation, deferred: Self.slots).text
        })
    case .shell(let text):
      instance.seed = nil
      instance.work = .shell(
        expanded(.string(text), cell.actionLocation, deferred: Self.slots).text)
    }
    instance.outputs = outputs(of: cell, work: work, names: names)
    return instance
  }
}
