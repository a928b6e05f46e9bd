import Foundation
import StructuredValue

/// What a process and all that descend from it use of the machine, read from `/proc`.
struct ProcessUsage: Sendable {
  private var ticks = 0
  private var moment: ContinuousClock.Instant?

  init() {}

  private struct Entry {
    var process: Int32
    var parent: Int32
    /// Of its own, and of all that it has waited for: stages that ended since the last look.
    var ticks: Int
    var pages: Int
  }

  /// Processors in use since the last call, and bytes of memory now.
  mutating func measure(below root: Int32) -> Value {
    let entries = ProcessUsage.entries()
    let children = Dictionary(grouping: entries, by: \.parent)
    var family: [Entry] = entries.filter { $0.process == root }
    var open = family
    while let next = open.popLast() {
      let found = children[next.process] ?? []
      family += found
      open += found
    }
    let now = ContinuousClock.now
    let total = family.reduce(0) { $0 + $1.ticks }
    defer {
      ticks = total
      moment = now
    }
    let bytes = family.reduce(0) { $0 + $1.pages } * Int(sysconf(Int32(_SC_PAGESIZE)))
    guard let moment else { return ["cpus": .null, "memory": .int(bytes)] }
    let elapsed = (now - moment).components
    let seconds = Double(elapsed.seconds) + Double(elapsed.attoseconds) / 1e18
    let cpus = Double(max(0, total - ticks)) / Double(sysconf(Int32(_SC_CLK_TCK)))
    return [
      "cpus": .double((cpus / max(seconds, 0.001) * 100).rounded() / 100), "memory": .int(bytes),
    ]
  }

  private static func entries() -> [Entry] {
    ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { name in
      guard let process = Int32(name),
        let data = FileManager.default.contents(atPath: "/proc/\(name)/stat")
      else { return nil }
      // The name, in parentheses, may hold anything; what follows the last one is numbers.
      let text = String(decoding: data, as: UTF8.self)
      guard let end = text.lastIndex(of: ")") else { return nil }
      let fields = text[text.index(after: end)...].split(separator: " ")
      guard fields.count > 21, let parent = Int32(fields[1]), let pages = Int(fields[21])
      else { return nil }
      let ticks = fields[11...14].reduce(0) { $0 + (Int($1) ?? 0) }
      return Entry(process: process, parent: parent, ticks: ticks, pages: pages)
    }
  }
}
