import BayesianInference
import Tensors

/// Gradients and leapfrogs a second of a 13-50-1 network of rectifiers on 455 rows, one core.
let rows = 455
var random = RandomStream(seed: 1)
let inputs = Rows((0..<rows * 13).map { _ in random.normal() }, count: rows, width: 13)
let targets = (0..<rows).map { inputs.values[$0 * 13] + 0.3 * random.normal() }
let posterior = try Posterior(
  network: try Network(inputs: 13, hidden: [50], outputs: 1, activation: .relu),
  prior: .scaledByWidth(weights: [1, 1], biases: [1, 1]),
  likelihood: .gaussian(.learned(shape: 1, rate: 0.01)),
  rows: try LabelledRows(inputs, targets))

let energy = Energy(posterior)
let z = (0..<posterior.parameterCount).map { _ in 0.1 * random.normal() }
var gradient = z
let clock = ContinuousClock()
let count = 5000
for _ in 0..<500 { _ = energy.evaluate(z, gradient: &gradient) }
let spent = clock.measure { for _ in 0..<count { _ = energy.evaluate(z, gradient: &gradient) } }
print("gradients", Double(count) / (spent / .seconds(1)))

let method = try InferenceMethods.method(
  "hmc", options: ["chains": 1, "warmup": 50, "draws": 50, "steps": 80])
let start = clock.now
let fitted = try await method.fit(posterior, FitContext(random: RandomStream(seed: 2)))
print("leapfrogs", fitted.passes / ((clock.now - start) / .seconds(1)))
