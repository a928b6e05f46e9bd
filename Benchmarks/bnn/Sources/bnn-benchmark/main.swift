import BayesianInference
import Foundation
import Statistics
import Tensors

// Rates of what a fit does most, on one thread, in seconds of CPU. Usage: bnn-benchmark FOLDER, with the
// folder as measure.py fills it.

let folder = CommandLine.arguments.count > 1 ? CommandLine.arguments[1] : "."

func table(_ name: String) throws -> LabelledRows {
  let rows = try String(contentsOfFile: "\(folder)/\(name).csv", encoding: .utf8)
    .split(separator: "\n").map { $0.split(separator: ",").compactMap { Double($0) } }
  return try LabelledRows(Rows(rows.map { Array($0.dropLast()) }), rows.map { $0[$0.count - 1] })
}

func pictures() throws -> LabelledRows {
  let pixels = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/pictures.f32"))
    .withUnsafeBytes { $0.bindMemory(to: Float.self).map { Double($0) } }
  let labels = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/labels.u8")).map { Double($0) }
  return try LabelledRows(Rows(pixels, count: labels.count, width: 784), labels)
}

func cpuSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
  return Double(time.tv_sec) + 1e-9 * Double(time.tv_nsec)
}

func posterior(
  _ rows: LabelledRows, _ likelihood: Likelihood, hidden: [Int], prior: Prior,
  _ arithmetic: Posterior.Arithmetic
) throws -> Posterior {
  try Posterior(
    network: try Network(
      inputs: rows.inputs.width, hidden: hidden, outputs: likelihood.outputs, activation: .relu),
    prior: prior, likelihood: likelihood, rows: rows, arithmetic: arithmetic)
}

let train = try table("train")
let test = try table("test")
let whitened = Prior.scaledByWidth(weights: [1, 1], biases: [1, 1])

// A trajectory's leapfrogs, all that HMC does around them included.
for arithmetic in Posterior.Arithmetic.allCases {
  let model = try posterior(
    train, .gaussian(.learned(shape: 6, rate: 6)), hidden: [50], prior: whitened, arithmetic)
  let method = try InferenceMethods.method(
    "hmc", options: ["chains": 1, "warmup": 150, "draws": 150, "steps": 80])
  let start = cpuSeconds()
  let fitted = try await method.fit(model, FitContext(random: RandomStream(seed: 2)))
  print("\(arithmetic.rawValue)_leapfrogs", fitted.passes / (cpuSeconds() - start))
  let metrics = try RegressionMetrics(
    fitted.predict(test.inputs, random: RandomStream(seed: 3)), test.targets)
  print("\(arithmetic.rawValue)_rmse", metrics.rmse)
  print("\(arithmetic.rawValue)_log_likelihood", metrics.mixtureLogLikelihood)
}

for arithmetic in Posterior.Arithmetic.allCases {
  let model = try posterior(
    train, .gaussian(.known(deviation: 0.3)), hidden: [50], prior: whitened, arithmetic)
  let epochs = 1000
  let method = try InferenceMethods.method(
    "dropout", options: ["dropout-rate": 0.05, "epochs": .int(epochs)])
  var start = cpuSeconds()
  let fitted = try await method.fit(model, FitContext(random: RandomStream(seed: 2)))
  let steps = epochs * (train.count / 128)
  print("\(arithmetic.rawValue)_dropout_steps", Double(steps) / (cpuSeconds() - start))
  start = cpuSeconds()
  _ = try fitted.predict(test.inputs, count: 10_000, random: RandomStream(seed: 3))
  print("\(arithmetic.rawValue)_dropout_passes", 10_000 / (cpuSeconds() - start))
}

// The protocol of MC dropout on one split of concrete: a rate of four by 200 passes over the last fifth of
// the rows, a fit to all of them, passes over the test rows; a tenth of the published epochs and passes.
let concrete = try table("concrete-train")
let concreteTest = try table("concrete-test")
let protocolModel = try posterior(
  concrete, .gaussian(.learned(shape: 1, rate: 0.01)), hidden: [50], prior: whitened, .single)
var begin = cpuSeconds()
let dropout = try await InferenceMethods.method("dropout", options: ["epochs": 400]).fit(
  protocolModel, FitContext(random: RandomStream(seed: 2)))
_ = try RegressionMetrics(
  dropout.predict(concreteTest.inputs, count: 1000, random: RandomStream(seed: 3)),
  concreteTest.targets)
print("dropout_protocols", 1 / (cpuSeconds() - begin))

// The reference for the gap, with the stage's defaults, on two threads: wall clock, which other work on the
// machine lengthens, half the seconds of CPU, and R̂ of the function.
let gap = try table("gap")
let gapModel = try Posterior(
  network: try Network(inputs: 1, hidden: [50], outputs: 1, activation: .tanh),
  prior: .scaledByWidth(weights: [3, 1], biases: [3, 1]),
  likelihood: .gaussian(.known(deviation: 0.1)), rows: gap, arithmetic: .single)
begin = cpuSeconds()
let clock = ContinuousClock.now
let reference = try await InferenceMethods.method("hmc").fit(
  gapModel, FitContext(random: RandomStream(seed: 2), workers: 2))
let duration = (ContinuousClock.now - clock).components
print("gap_cpu", (cpuSeconds() - begin) / 2)
print("gap_seconds", Double(duration.seconds) + 1e-18 * Double(duration.attoseconds))
let grid = Rows((0..<101).map { [-2.5 + 0.05 * Double($0)] })
let functions = try reference.predict(grid, random: RandomStream(seed: 3))
let convergence = try (0..<grid.count).map { try ChainDiagnostics(functions.chainValues(at: $0)) }
print("gap_rhat", convergence.compactMap { $0.rHat.value }.max() ?? 9)

let digits = try pictures()
let network = try posterior(
  digits, .categorical(classes: 10), hidden: [200, 200], prior: .isotropic(0.1405), .single)
let perEpoch = digits.count / 128
let sampler = { (steps: Int) in
  try InferenceMethods.method(
    "sghmc",
    options: [
      "learning-rate": 0.0313, "friction": 0.102, "iterations": .int(steps),
      "burn-in": .int(steps - 1), "draws": 1, "chains": 1, "batch": 128,
    ])
}
// Two lengths, so that what is done once falls out of the difference.
var seconds: [Double] = []
for epochs in [2, 12] {
  let start = cpuSeconds()
  _ = try await sampler(epochs * perEpoch).fit(network, FitContext(random: RandomStream(seed: 2)))
  seconds.append(cpuSeconds() - start)
}
print("single_sghmc_steps", Double(10 * perEpoch) / (seconds[1] - seconds[0]))
