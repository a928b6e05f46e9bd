public import RunRecord

/// What a list of runs shows of one run, readable without its record.
public struct RunSummary: Codable, Hashable, Sendable {
  public var id: String
  /// The pipeline's name.
  public var name: String
  public var status: RunRecord.Status
  /// UTC, ISO 8601, whole seconds.
  public var started: String
  public var finished: String
  /// The commit that HEAD named when the run started.
  public var source: String?
  public var branch: String?
  public var dirty: Bool
  /// How many instances ended how, by outcome (`executed`, `cached`, …); no zeros.
  public var outcomes: [String: Int]
  /// How many claims came out how, by verdict (`holds`, `fails`, `unmeasured`); no zeros.
  public var claims: [String: Int]

  public init(of record: RunRecord) {
    id = record.id
    name = record.name
    status = record.status
    started = record.started
    finished = record.finished
    source = record.source?.commit
    branch = record.source?.branch
    dirty = record.source?.dirty ?? false
    outcomes = counts(record.instances.map(\.outcome.rawValue))
    claims = counts(record.claims.map(\.verdict.rawValue))
  }
}

private func counts(_ names: [String]) -> [String: Int] {
  Dictionary(names.map { ($0, 1) }, uniquingKeysWith: +)
}

extension RunRecord {
  var claims: [ClaimRecord] {
    cells.compactMap { if case .claim(let claim) = $0 { claim } else { nil } }
  }
}

// MARK: - As a commit message

extension RunSummary {
  /// A sentence for people, then trailers that `init(message:)` reads back.
  var message: String {
    var text = "Run \(id) of '\(oneLine(name))' \(status.rawValue)"
    let parts = [
      Self.outcomeOrder.compactMap { name in outcomes[name].map { "\($0) \(name)" } },
      claimWords,
    ].flatMap { $0 }
    if !parts.isEmpty { text += ": " + parts.joined(separator: ", ") }
    text += "\n\n"
    for (key, value) in trailers { text += "Run-\(key): \(value)\n" }
    return text
  }

  private static let outcomeOrder = [
    "executed", "cached", "failed", "skipped", "blocked", "cancelled",
  ]

  private var claimWords: [String] {
    let total = claims.values.reduce(0, +)
    guard total > 0 else { return [] }
    return ["\(claims["holds"] ?? 0) of \(total) \(total == 1 ? "claim holds" : "claims hold")"]
  }

  private var trailers: [(String, String)] {
    var lines = [
      ("Id", id), ("Name", oneLine(name)), ("Status", status.rawValue), ("Started", started),
      ("Finished", finished),
    ]
    if let source { lines.append(("Source", source)) }
    if let branch { lines.append(("Branch", oneLine(branch))) }
    if source != nil || dirty { lines.append(("Dirty", dirty ? "yes" : "no")) }
    for (name, count) in outcomes.sorted(by: { $0.key < $1.key }) {
      lines.append(("Outcome", "\(name) \(count)"))
    }
    for (name, count) in claims.sorted(by: { $0.key < $1.key }) {
      lines.append(("Claims", "\(name) \(count)"))
    }
    return lines
  }

  /// Reads a commit's message; nil where the commit records no run, such as a merge of logs.
  init?(message: String) {
    var fields: [Substring: String] = [:]
    var outcomes: [String: Int] = [:]
    var claims: [String: Int] = [:]
    for line in message.split(separator: "\n") where line.hasPrefix("Run-") {
      guard let colon = line.firstIndex(of: ":") else { continue }
      let key = line[..<colon].dropFirst(4)
      let value = line[colon...].dropFirst(2)
      let words = value.split(separator: " ")
      switch key {
      case "Outcome": if words.count == 2 { outcomes[String(words[0])] = Int(words[1]) }
      case "Claims": if words.count == 2 { claims[String(words[0])] = Int(words[1]) }
      default: fields[key] = String(value)
      }
    }
    guard let id = fields["Id"], let status = fields["Status"].flatMap(RunRecord.Status.init)
    else { return nil }
    self.id = id
    self.status = status
    name = fields["Name"] ?? ""
    started = fields["Started"] ?? ""
    finished = fields["Finished"] ?? ""
    source = fields["Source"]
    branch = fields["Branch"]
    dirty = fields["Dirty"] == "yes"
    self.outcomes = outcomes
    self.claims = claims
  }
}

private func oneLine(_ text: String) -> String {
  text.split(whereSeparator: \.isNewline).joined(separator: " ")
}
