// The cases of Benchmarks/tensor in Swift; peer.cpp and peer.py have the same ones.
// Usage: tensor-benchmark [THREADS [CUDA DEVICE]]. Prints one line a case: its name and the nanoseconds
// of one pass.

import Foundation
import NeuralNetworks
import Tensors

/// The fastest of `rounds` rounds of `passes` passes, a pass in nanoseconds.
///
/// A device works behind the program's back: a round ends when its last result can be read.
func measure(_ name: String, rounds: Int, passes: Int, _ body: () throws -> Tensor) throws {
  for _ in 0..<max(1, passes / 4) { _ = try body().sum().double() }
  var best = Double.infinity
  for _ in 0..<rounds {
    let start = DispatchTime.now().uptimeNanoseconds
    var last = try body()
    for _ in 1..<passes { last = try body() }
    if last.device != .cpu { _ = try last.sum().double() }
    best = min(best, Double(DispatchTime.now().uptimeNanoseconds - start) / Double(passes))
  }
  print(name, best)
}

/// ResNet-20 for CIFAR-10 (He et al. 2016, section 4.2), with projections where the size changes.
func resNet20(_ random: RandomStream) throws -> Sequential {
  func convolution(_ inputs: Int, _ outputs: Int, _ stride: Int, kernel: Int = 3) throws -> Conv2d {
    try Conv2d(
      inputs, outputs, kernel: kernel, stride: stride, padding: kernel / 2, hasBias: false,
      random: random.child("\(inputs) \(outputs) \(stride) \(kernel)"))
  }
  var modules: [any Module] = [try convolution(3, 16, 1), try BatchNorm(16), Activation.relu]
  var channels = 16
  for outputs in [16, 32, 64] {
    for block in 0..<3 {
      let stride = block == 0 && outputs > 16 ? 2 : 1
      let body = try Sequential(
        convolution(channels, outputs, stride), BatchNorm(outputs), Activation.relu,
        convolution(outputs, outputs, 1), BatchNorm(outputs))
      let shortcut =
        stride == 1
        ? nil
        : try Sequential(convolution(channels, outputs, stride, kernel: 1), BatchNorm(outputs))
      modules.append(Residual(body, shortcut: shortcut))
      channels = outputs
    }
  }
  modules += [Pool2d.adaptiveAverage(1), Flatten(), try Linear(64, 10, random: random)]
  return Sequential(modules)
}

func run() throws {
  let numbers = CommandLine.arguments.dropFirst().map { Int($0) ?? 1 }
  let threads = numbers.first ?? 1
  let device = numbers.count > 1 ? Device.cuda(numbers[1]) : .cpu
  try TensorRuntime.setThreads(threads)
  if let warning = try TensorRuntime.blas().warning { print("WARNING:", warning) }
  print("# LibTorch \(try TensorRuntime.version()), BLAS \(try TensorRuntime.blas())")
  var random = RandomStream(seed: 1)

  func normal(_ shape: Int...) throws -> Tensor { try random.normal(shape).to(device) }

  let small = try normal(4)
  let other = try normal(4)
  try measure("call", rounds: 20, passes: 20_000) { try small + other }

  let left = try normal(1024, 1024)
  let right = try normal(1024, 1024)
  try measure("matmul", rounds: 12, passes: 2) { try left.matmul(right) }

  let image = try normal(16, 64, 32, 32).asLeaf()
  let kernel = try normal(64, 64, 3, 3).asLeaf()
  try measure("convolution", rounds: 12, passes: 2) {
    let output = try image.conv2d(kernel, padding: [1, 1])
    return try gradients(of: [output.sum()], wrt: [image, kernel])[1]
  }

  let inputs = try normal(32, 13)
  let targets = try normal(32, 1)
  var regression = try Sequential(
    Linear(13, 50, random: random.child(1)), Activation.relu, Linear(50, 1, random: random.child(2))
  )
  try regression.mapState { try $0.to(device) }
  var descent = SGD(rate: 1e-3, momentum: 0.9)
  try measure("mlp-step", rounds: 20, passes: 500) {
    var pass = Pass.training(random)
    return try regression.train(&descent) {
      try $0.forward(inputs, &pass).meanSquaredError(targets)
    }
  }

  let images = try normal(32, 3, 32, 32)
  let classes = try random.integers(below: 10, [32]).to(device)
  var network = try resNet20(random.child(3))
  try network.mapState { try $0.to(device) }
  var optimizer = SGD(rate: 1e-3, momentum: 0.9)
  try measure("resnet20-step", rounds: 5, passes: 2) {
    var pass = Pass.training(random)
    return try network.train(&optimizer) { try $0.forward(images, &pass).crossEntropy(classes) }
  }
}

try run()
