import ContentHashing
import Foundation
import RunRecord
import StructuredValue
import Testing

/// The coders that Swift synthesises and Foundation runs are the reference.
struct RecordJSONTests {
  @Test(arguments: 0..<60) func `a record's bytes are those of Foundation's encoder`(seed: UInt64)
    throws
  {
    var draw = RecordDraw(seed: seed)
    let record = draw.record()
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let reference = try encoder.encode(record)
    #expect(record.jsonBytes == Array(reference))
    #expect(
      try JSONReader.read(Array(reference), as: RunRecord.self)
        == JSONDecoder().decode(RunRecord.self, from: reference))
  }

  @Test(arguments: 0..<60) func `what is damaged is refused where Foundation refuses it`(
    seed: UInt64
  ) {
    var draw = RecordDraw(seed: seed)
    let whole = draw.record().jsonBytes
    for _ in 0..<20 {
      var json = whole
      let position = Int.random(in: 0..<json.count, using: &draw)
      switch Int.random(in: 0..<3, using: &draw) {
      case 0: json[position] ^= 1 << UInt8.random(in: 0..<8, using: &draw)
      case 1: json.removeSubrange(position...)
      default: json.remove(at: position)
      }
      let found = try? JSONReader.read(json, as: RunRecord.self)
      let reference = try? JSONDecoder().decode(RunRecord.self, from: Data(json))
      #expect(found == reference, "\(String(decoding: json, as: UTF8.self))")
    }
  }

  @Test(arguments: 0..<60) func `what planning wants of a record is what the record says`(
    seed: UInt64
  ) throws {
    var draw = RecordDraw(seed: seed)
    let record = draw.record()
    let whole = try PastRun(parts: RecordParts(head: record.jsonBytes))
    let past = try PastRun(parts: RecordParts(of: record))
    let read = try JSONReader.read(record.jsonBytes, as: RunRecord.self)
    #expect(Set(past.instances.keys) == Set(read.instances.map(\.name)))
    #expect(Set(whole.instances.keys) == Set(past.instances.keys))
    #expect(try RunRecord(parts: RecordParts(of: record)) == read)
    for instance in read.instances.reversed() {
      // Of two with one name the first counts, as it does everywhere.
      guard let first = read.instances.first(where: { $0.name == instance.name }),
        let known = past.instances[instance.name],
        // Sought without the others.
        let sought = try PastRun(parts: RecordParts(of: record)).instance(named: instance.name)
      else {
        Issue.record("'\(instance.name)' is not found")
        continue
      }
      #expect(sought.key == first.key && sought.seconds == first.seconds)
      #expect(known.outcome == first.outcome)
      #expect(known.key == first.key)
      #expect(known.seconds == first.seconds)
      #expect(known.error == first.error)
      #expect(known.keyFields == first.keyFields)
    }
  }

  @Test func `unknown members are skipped, missing ones named`() throws {
    var draw = RecordDraw(seed: 1)
    let record = draw.record()
    let json = String(decoding: record.jsonBytes, as: UTF8.self)
    let longer = json.replacingOccurrences(of: "\"id\":", with: "\"added\":[{\"x\":[1]}],\"id\":")
    #expect(try JSONReader.read(Array(longer.utf8), as: RunRecord.self).id == record.id)
    let shorter = json.replacingOccurrences(of: "\"platform\":", with: "\"form\":")
    let error = #expect(throws: JSONError.self) {
      try JSONReader.read(Array(shorter.utf8), as: RunRecord.self)
    }
    #expect(error?.description.contains("an object with 'platform'") == true)
  }
}

/// Draws records (SplitMix64).
private struct RecordDraw: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }

  mutating func flag() -> Bool { Bool.random(using: &self) }
  mutating func count() -> Int { Int.random(in: 0..<4, using: &self) }

  mutating func text() -> String {
    let words = ["a", "rank", "é", "\"", "\\", "\n", "<b>", "x=1", " ", "a/b", "\u{1}", "💥"]
    return (0..<count() * 2).map { _ in words.randomElement(using: &self) ?? "" }.joined()
  }

  mutating func optional<Content>(_ make: (inout Self) -> Content) -> Content? {
    flag() ? make(&self) : nil
  }

  mutating func list<Content>(_ make: (inout Self) -> Content) -> [Content] {
    (0..<count()).map { _ in make(&self) }
  }

  mutating func map<Content>(_ make: (inout Self) -> Content) -> [String: Content] {
    Dictionary(list { draw in (draw.text(), make(&draw)) }) { first, _ in first }
  }

  mutating func value() -> Value {
    switch Int.random(in: 0..<8, using: &self) {
    case 0: .null
    case 1: .bool(flag())
    case 2: .int(Int(truncatingIfNeeded: next()))
    case 3: .double(Double.random(in: -1...1, using: &self))
    case 4: .double(2)
    case 5: .list(list { $0.text() }.map { .string($0) })
    case 6: .map(map { .string($0.text()) })
    default: .string(text())
    }
  }

  mutating func digest() -> Digest { .of(text()) }

  mutating func instance() -> InstanceRecord {
    let outcomes: [InstanceRecord.Outcome] = [
      .executed, .cached, .failed, .skipped, .blocked, .cancelled,
    ]
    return InstanceRecord(
      name: text(), cell: text(), matrix: map { $0.value() }, plugin: optional { $0.text() },
      version: optional { $0.text() }, outcome: outcomes.randomElement(using: &self) ?? .cached,
      why: text(), key: optional { $0.digest() }, keyFields: map { $0.value() },
      inputs: list { draw in
        InputRecord(
          slot: draw.text(), kind: draw.text(), digest: draw.digest(), from: draw.text())
      },
      outputs: list { draw in
        ArtifactRecord(
          slot: draw.text(), kind: draw.text(), digest: draw.digest(), isTree: draw.flag(),
          size: draw.count(), published: draw.optional { $0.text() })
      },
      metrics: map { draw in
        MetricRecord(
          value: draw.value(), unit: draw.optional { $0.text() },
          direction: draw.optional { $0.flag() ? .higher : .lower },
          doc: draw.optional { $0.text() })
      },
      notes: list { $0.text() }, attempts: count(),
      seconds: Double(count()) / 3, cpuSeconds: Double(count()), peakMemory: count() << 20,
      log: optional { $0.digest() }, sandbox: text(),
      error: optional { draw in
        StageFailure(code: draw.text(), message: draw.text(), excerpt: draw.list { $0.text() })
      })
  }

  mutating func cell() -> RecordedCell {
    switch Int.random(in: 0..<3, using: &self) {
    case 0: return .text(text())
    case 1:
      let show = list { draw -> StageCellRecord.ShowItem in
        switch draw.count() {
        case 0: .metrics(draw.list { $0.text() })
        case 1: .figure(slot: draw.text())
        case 2: .table(slot: draw.text(), rows: draw.optional { $0.count() })
        default: .text(slot: draw.text())
        }
      }
      return .stage(
        StageCellRecord(id: text(), uses: text(), description: optional { $0.text() }, show: show))
    default:
      let verdicts: [ClaimRecord.Verdict] = [.holds, .fails, .unmeasured]
      return .claim(
        ClaimRecord(
          claim: text(), published: optional { $0.value() }, source: optional { $0.text() },
          measured: text(), measuredValue: optional { $0.value() }, holds: text(),
          verdict: verdicts.randomElement(using: &self) ?? .holds, note: optional { $0.text() }))
    }
  }

  mutating func record() -> RunRecord {
    let statuses: [RunRecord.Status] = [.succeeded, .failed, .interrupted]
    return RunRecord(
      id: text(), started: text(), finished: text(),
      status: statuses.randomElement(using: &self) ?? .failed,
      tool: RunRecord.Tool(version: text()),
      source: optional { draw in
        RunRecord.Source(
          commit: draw.optional { $0.text() }, tree: draw.optional { $0.text() },
          branch: draw.optional { $0.text() }, remote: draw.optional { $0.text() },
          dirty: draw.flag(), snapshot: draw.optional { $0.text() })
      },
      file: text(),
      specification: list { RunRecord.SpecificationFile(path: $0.text(), text: $0.text()) },
      name: text(), title: text(), profile: optional { $0.text() }, overrides: map { $0.value() },
      parameters: map { $0.value() }, platform: text(), cells: list { $0.cell() },
      instances: list { $0.instance() })
  }
}
