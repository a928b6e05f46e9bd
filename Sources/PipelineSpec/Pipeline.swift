public import SpecSyntax
public import StructuredValue

/// A pipeline as its author wrote it, typed, with the place of everything.
public struct Pipeline: Sendable {
  public var name: String
  public var title: String
  /// After includes, profile and overrides.
  public var params: [String: Value]
  public var profiles: [String]
  /// The profile in force.
  public var profile: String?
  public var seed: UInt64
  public var salt: String?
  /// In reading order, those of included chapters among them.
  public var cells: [Cell]
  /// The files that it was read from, in the project.
  public var files: [String] = []
}

/// An item of the notebook.
public enum Cell: Sendable {
  case text(TextCell)
  // Indirect: a list of cells is copied on its way, and a stage has some thirty fields.
  indirect case stage(StageCell)
  case claim(ClaimCell)
}

public struct TextCell: Sendable {
  /// With `{{ … }}` not yet filled in.
  public var markdown: Located<String>
}

/// What the paper says, what we measure, and when the one carries over to the other.
public struct ClaimCell: Sendable {
  public var claim: String
  public var published: Value?
  public var source: String?
  public var measured: Located<String>
  public var condition: Condition
  public var note: String?
}

/// A named step.
public struct StageCell: Sendable {
  public var id: Located<String>
  public var action: Action
  public var actionLocation: SourceLocation
  public var inputs: [InputBinding] = []
  public var outputs: [OutputDeclaration] = []
  /// Values in which `${…}` is still open.
  public var params: [String: Located<Value>] = [:]
  public var matrix: Matrix?
  public var cpus = 1
  /// Bytes.
  public var memory: Int?
  public var gpus = 0
  public var retryMax = 0
  public var retryOn: [String] = []
  /// Seconds.
  public var retryBackoff = 1.0
  /// Seconds.
  public var timeout: Double?
  public var when: Located<Value>?
  public var isCached = true
  /// Whether its paths may be absolute or lead out of the project.
  public var isExternal = false
  public var salt: String?
  public var isSandboxed = true
  public var network: Bool?
  public var secrets: [String] = []
  public var environment: [String: Located<Value>] = [:]
  public var tools: [String] = []
  public var needs: [Located<String>] = []
  public var show: [Located<ShowItem>] = []
  public var tags: [String] = []
  public var description: String?

  public enum Action: Sendable {
    /// `uses: name@major`
    case plugin(name: String, major: Int)
    /// `run:` with a list: arguments for no shell.
    case command([String])
    /// `run:` with a text: for `sh -eu -c`.
    case shell(String)
  }

  public struct InputBinding: Sendable {
    public var name: Located<String>
    /// A reference or a list of them.
    public var reference: Located<Value>
  }

  public struct OutputDeclaration: Sendable {
    public var name: Located<String>
    public var kind: String?
    public var publish: Located<String>?
    public var isOptional: Bool
  }

  public enum ShowItem: Hashable, Sendable {
    /// All metrics where the list is empty.
    case metrics([String])
    case figure(String)
    case table(String, rows: Int?)
    case text(String)
  }
}

/// The combinations that a stage is executed for.
public struct Matrix: Sendable {
  public var location: SourceLocation
  /// Each axis with its list, or an expression that gives one.
  public var axes: [(name: String, values: Located<Value>)]
  /// Combinations to add.
  public var include: [Located<Value>]
  /// Combinations to leave out: those that agree with all members of one of these maps.
  public var exclude: [Located<Value>]
  /// Instead of axes: the combinations themselves.
  public var foreach: Located<Value>?

  public init(
    location: SourceLocation, axes: [(name: String, values: Located<Value>)],
    include: [Located<Value>], exclude: [Located<Value>], foreach: Located<Value>?
  ) {
    self.location = location
    self.axes = axes
    self.include = include
    self.exclude = exclude
    self.foreach = foreach
  }
}

extension Matrix {
  /// Combinations that axes may have: with more, the plan alone would take minutes and gigabytes.
  static let combinationLimit = 200_000

  /// All combinations, the last axis changing fastest.
  ///
  /// - `names`: What expressions may name: `params`.
  public func combinations(names: Value) -> ([[(axis: String, value: Value)]], [Diagnostic]) {
    var diagnostics: [Diagnostic] = []
    func expand(_ value: Located<Value>) -> Value {
      let (expanded, found) = Interpolation.expand(
        value.value, names: names, deferred: [], at: value.location)
      diagnostics += found
      return expanded
    }
    func pairs(_ value: Value, at location: SourceLocation) -> [(axis: String, value: Value)] {
      guard let map = value.map else {
        diagnostics.append(
          Diagnostic(
            code: "P0104", message: "a combination of the matrix must be a map",
            location: location))
        return []
      }
      return map.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
    if let foreach {
      guard let list = expand(foreach).list else {
        diagnostics.append(
          Diagnostic(
            code: "P0104", message: "'foreach' must be a list of maps", location: foreach.location))
        return ([], diagnostics)
      }
      return (list.map { pairs($0, at: foreach.location) }, diagnostics)
    }
    var result: [[(axis: String, value: Value)]] = axes.isEmpty ? [] : [[]]
    var count = 1.0
    for axis in axes {
      guard let values = expand(axis.values).list, !values.isEmpty else {
        diagnostics.append(
          Diagnostic(
            code: "P0104", message: "the matrix axis '\(axis.name)' needs a list of values",
            location: axis.values.location))
        return ([], diagnostics)
      }
      if Set(values).count < values.count {
        diagnostics.append(
          Diagnostic(
            code: "P0104", message: "the matrix axis '\(axis.name)' has a value twice",
            location: axis.values.location))
        return ([], diagnostics)
      }
      count *= Double(values.count)
      guard count <= Double(Self.combinationLimit) else {
        diagnostics.append(
          Diagnostic(
            code: "P0104",
            message: "the matrix has more than \(Self.combinationLimit) combinations",
            location: axis.values.location,
            help: "split it over several stages, or list the combinations with 'foreach'"))
        return ([], diagnostics)
      }
      result = result.flatMap { row in values.map { row + [(axis.name, $0)] } }
    }
    let excluded = exclude.map { pairs(expand($0), at: $0.location) }
    result.removeAll { row in
      excluded.contains { pattern in
        pattern.allSatisfy { part in row.contains { $0.axis == part.axis && $0.value == part.value }
        }
      }
    }
    return (result + include.map { pairs(expand($0), at: $0.location) }, diagnostics)
  }
}

/// When a claim holds.
public struct Condition: Hashable, Sendable, CustomStringConvertible {
  enum Rule: Hashable, Sendable {
    case compare(String, Double)
    case between(Double, Double)
    case within(Double, isPercent: Bool)
  }
  let rule: Rule
  /// As the author wrote it.
  public let description: String

  /// Reads `>= 0.5`, `between 0.8 and 0.9`, `within 0.02 of published` or `within 5% of published`.
  public init?(_ text: String) {
    let words = text.split(separator: " ").map(String.init)
    description = text
    let bare = text.replacing(" ", with: "")
    for sign in [">=", "<=", "==", "!=", ">", "<"] where bare.hasPrefix(sign) {
      guard let number = Double(bare.dropFirst(sign.count)) else { return nil }
      rule = .compare(sign, number)
      return
    }
    if words.count == 4, words[0] == "between", words[2] == "and", let low = Double(words[1]),
      let high = Double(words[3]), low <= high
    {
      rule = .between(low, high)
    } else if words.count == 4, words[0] == "within", words[2] == "of", words[3] == "published" {
      let isPercent = words[1].hasSuffix("%")
      guard let number = Double(isPercent ? String(words[1].dropLast()) : words[1]), number >= 0
      else { return nil }
      rule = .within(number, isPercent: isPercent)
    } else {
      return nil
    }
  }

  /// Whether it needs a published number.
  public var needsPublished: Bool {
    if case .within = rule { true } else { false }
  }

  /// - Returns: Nil where the condition needs a published number and there is none.
  public func holds(measured: Double, published: Double?) -> Bool? {
    switch rule {
    case .compare(let sign, let limit):
      return switch sign {
      case ">=": measured >= limit
      case "<=": measured <= limit
      case ">": measured > limit
      case "<": measured < limit
      case "==": measured == limit
      default: measured != limit
      }
    case .between(let low, let high): return measured >= low && measured <= high
    case .within(let distance, let isPercent):
      guard let published else { return nil }
      return abs(measured - published) <= (isPercent ? distance / 100 * abs(published) : distance)
    }
  }
}
