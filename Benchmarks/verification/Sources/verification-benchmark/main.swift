// The parts of a search, timed one by one. peer.py does the first with auto_LiRPA, on the same parts.
// Usage: verification-benchmark MIRROR FOLDER. Writes parts for the peer into FOLDER, and prints one
// line a case: its name and processor seconds, or a number after an equals sign. One thread.

import Foundation
import LearnedBranching
import Verification

let mirror = CommandLine.arguments[1] + "/raw.githubusercontent.com"
let folder = CommandLine.arguments[2]

/// The first file below the mirror whose path ends so.
func file(_ ending: String) throws -> String {
  let found = FileManager.default.enumerator(atPath: mirror)?.compactMap { $0 as? String }
    .filter { $0.hasSuffix(ending) }.min()
  guard let found else { throw CocoaError(.fileNoSuchFile) }
  return "\(mirror)/\(found)"
}

/// The fastest of some rounds, in processor seconds, which other programs do not count in.
func fastest(_ rounds: Int, _ body: () throws -> Void) rethrows -> Double {
  var best = Double.infinity
  for _ in 0..<rounds {
    let clock = ProcessorClock()
    try body()
    best = min(best, clock.seconds)
  }
  return best
}

func report(_ name: String, _ seconds: Double) {
  print(name, seconds)
  fflush(nil)
}

func property(_ table: String, _ row: Int, _ network: ReLUNetwork) throws -> (Box, OutputRow) {
  let property = try Property.read(
    path: file("cifar_exp/\(table).pkl"), row: row, images: file("test_batch"), for: network)
  return (property.problems[0].box, property.problems[0].clauses[0].rows[0])
}

let base = try ReLUNetwork.read(checkpoint: file("models/cifar_base_kw.pth"))

// MARK: Parts of one search

/// Parts of a property by halving the first part in line again and again, BaBSR's choice each time.
let (box, row) = try property("base_med", 27, base)
let bounder = Bounder(base, box: box)
let oracle = BounderOracle(bounder, row: row)
var babsr = BaBSR()
var parts = [bounder.root()]
parts[0].lowerBound = bounder.lowerBounds(of: parts, row: row, steps: 60)[0]
while parts.count < 64 {
  let part = parts.removeFirst()
  let relu = babsr.choose(for: [part], asking: oracle)[0]
  // A part that is proved is split no less.
  parts += bounder.boundedChildren(of: part, relu, row: row, steps: 16)
    .filter { $0.lowerBound != .infinity }
}

/// Parts with CROWN's slopes and no multipliers, from which both sides start.
func started(_ parts: [Subproblem]) -> [Subproblem] {
  parts.map { part in
    var part = part
    part.dual = DualPoint(
      alpha: part.bounds.map { layer in
        zip(layer.lower, layer.upper).map { $0 < 0 && $1 > 0 ? ($1 > -$0 ? 1 : 0) : 0 }
      }, beta: part.splits.map { _ in 0 })
    return part
  }
}
let fresh = started(parts)

/// For the peer: box and row, then each part's bounds and splits, all float32 or int32.
struct Numbers {
  var bytes = Data()

  mutating func append(_ numbers: [Double]) {
    for number in numbers { withUnsafeBytes(of: Float(number)) { bytes.append(contentsOf: $0) } }
  }

  mutating func append(_ numbers: [Int]) {
    for number in numbers { withUnsafeBytes(of: Int32(number)) { bytes.append(contentsOf: $0) } }
  }
}
@MainActor func write(_ parts: [Subproblem], to name: String) throws {
  var numbers = Numbers()
  numbers.append([box.lower.count, parts.count, base.outputCount] + base.reluCounts)
  numbers.append(box.lower + box.upper + row.coefficients)
  for part in parts {
    for layer in part.bounds { numbers.append(layer.lower + layer.upper) }
    let splits = part.splits.flatMap { [$0.relu.layer, $0.relu.neuron, $0.isOn ? 1 : -1] }
    numbers.append([part.splits.count] + splits)
  }
  try numbers.bytes.write(to: URL(fileURLWithPath: "\(folder)/\(name).bin"))
}
try write(fresh, to: "parts")

let (few, many) = (10, 30)
let shortTime = fastest(5) { _ = bounder.lowerBounds(of: fresh, row: row, steps: few) }
let longTime = fastest(5) { _ = bounder.lowerBounds(of: fresh, row: row, steps: many) }
report("step", (longTime - shortTime) / Double(many - few))
for steps in [0, 20] {
  let bounds = bounder.lowerBounds(of: fresh, row: row, steps: steps)
  print("bound-after-\(steps) =", bounds.reduce(0, +) / Double(bounds.count))
}

// MARK: BaBSR's scores beside a backward pass

report("backward", fastest(10) { _ = bounder.lowerBounds(of: parts, row: row, steps: 0) })
report("babsr", fastest(10) { _ = oracle.babsrScores(of: parts) })

// MARK: A decision of the graph network beside bounding its children

let snapshot = try file(
  "best_snapshot_None_0_val_acc_0.826_loss_val_0.1036_epoch_57.pt")
let published = BranchingNetwork(
  try BranchingParameters(snapshot: .init(path: snapshot)), rounds: 1)
/// As dense as a trained one: the published network's forward half is dead and costs nothing.
let whole = BranchingNetwork(BranchingParameters(seed: 1), rounds: 1)
let eight = Array(parts.prefix(8))
var choices: [ReLUIndex] = []
for (name, network) in [("whole", whole), ("published", published)] {
  for first in [false, true] {
    var options = GraphBranching.Options()
    options.hasFailSafe = false
    options.scoresFirstLayer = first
    var rule = GraphBranching(network, otherwise: BaBSR(), options: options)
    report(
      "decision-\(name)-\(first ? "all" : "later")",
      fastest(20) { choices = rule.choose(for: eight, asking: oracle) } / 8)
  }
}
report("features", fastest(20) { _ = oracle.states(of: eight) } / 8)
let splits = Array(zip(eight, choices))
let childSteps = bounder.options.childSteps
report("children", fastest(10) { _ = oracle.childBounds(of: splits, steps: childSteps) } / 8)
print("child-steps =", childSteps)
try write(
  started(splits.flatMap { bounder.boundedChildren(of: $0, $1, row: row, steps: 0) }),
  to: "children")

/// Times what each decision of a search by the usual rule takes, and what bounding its children does.
struct TimedRule: BranchingRule {
  final class Times: @unchecked Sendable {
    var (count, deciding, bounding) = (0, 0.0, 0.0)
  }
  var rule: GraphBranching
  /// The same without the fail-safe, which bounds children itself.
  var pass: GraphBranching
  let steps: Int
  let times: Times
  var name: String { rule.name }

  mutating func choose(
    for subproblems: [Subproblem], asking oracle: any BranchingOracle
  ) -> [ReLUIndex] {
    var clock = ProcessorClock()
    let choices = pass.choose(for: subproblems, asking: oracle)
    times.deciding += clock.seconds
    clock = ProcessorClock()
    _ = oracle.childBounds(of: Array(zip(subproblems, choices)), steps: steps)
    times.bounding += clock.seconds
    times.count += choices.count
    return rule.choose(for: subproblems, asking: oracle)
  }
}
let search27 = Property(problems: [Problem(box: box, clauses: [Clause(rows: [row])])])
for first in [true, false] {
  var options = GraphBranching.Options()
  options.scoresFirstLayer = first
  let checked = GraphBranching(published, otherwise: BaBSR(), options: options)
  options.hasFailSafe = false
  let times = TimedRule.Times()
  let rule = TimedRule(
    rule: checked, pass: GraphBranching(published, otherwise: BaBSR(), options: options),
    steps: childSteps, times: times)
  var search = SearchOptions()
  search.keepsCertificate = false
  let outcome = try Verifier(base, search).verify(search27, rule: rule)
  let name = first ? "all" : "later"
  report("searched-decision-\(name)", times.deciding / Double(times.count))
  report("searched-children-\(name)", times.bounding / Double(times.count))
  print("searched-branches-\(name) =", outcome.branches)
}

// How many passes the decisions of a whole search take, where descendants may use an ancestor's scores.
for generations in [0, 2] {
  var options = GraphBranching.Options()
  options.generations = generations
  let ledger = GraphBranching.Ledger()
  var search = SearchOptions()
  search.keepsCertificate = false
  let rule = GraphBranching(published, otherwise: BaBSR(), options: options, ledger: ledger)
  let outcome = try Verifier(base, search).verify(search27, rule: rule)
  let counts = ledger.counts
  print("passes-\(generations) =", Double(counts.passes) / Double(counts.decisions))
  print("search-branches-\(generations) =", outcome.branches)
}

// MARK: Root bounds beside the planet relaxation's optimum

for (table, number, name) in [
  ("base_easy", 565, "base"), ("base_easy", 212, "base"), ("wide", 7, "wide"), ("deep", 0, "deep"),
] {
  let network = try ReLUNetwork.read(checkpoint: file("models/cifar_\(name)_kw.pth"))
  let (box, row) = try property(table, number, network)
  // The published bounds of layers, of which the optimum is known by linear programs.
  let optimum =
    SequentialSearch.isAvailable
    ? SequentialSearch(network, box: box, row: row).run(branches: 0).rootBound : .nan
  for steps in [20, 30, 40, 60] {
    var bound = -Double.infinity
    let time = fastest(3) {
      let bounder = Bounder(network, box: box, options: .fixed(.parallel))
      bound = bounder.lowerBounds(of: [bounder.root()], row: row, steps: steps)[0]
    }
    let gap = (optimum - bound) / abs(optimum)
    guard gap < 0.01 || steps == 60 else { continue }
    report("root-\(table)-\(number)", time)
    print("gap-\(table)-\(number) =", gap)
    print("steps-\(table)-\(number) =", steps)
    break
  }
  let time = fastest(2) {
    let bounder = Bounder(network, box: box)
    _ = bounder.lowerBounds(of: [bounder.root()], row: row, steps: 60)
  }
  report("optimised-root-\(table)-\(number)", time)
}
