import Foundation
import NeuralNetworks
import Tensors
import Testing

struct OptimizerTests {
  /// A module that is one vector, so that its gradient can be chosen freely.
  struct Vector: Module {
    var value: Tensor

    init(_ values: [Double]) throws { value = try Tensor(values) }

    mutating func forward(_ input: Tensor, _ pass: inout Pass) throws -> Tensor {
      try (value * input).sum()
    }

    mutating func visit(_ visitor: inout Visitor) throws {
      try visitor.parameter("value", &value)
    }
  }

  /// Steps along given gradients, and the values after each.
  static func path(_ optimizer: some Optimizer, _ gradients: [Double]) throws -> [Double] {
    var optimizer = optimizer
    var vector = try Vector([1])
    return try gradients.map { gradient in
      var pass = Pass.inference
      let input = try Tensor([gradient])
      try vector.train(&optimizer) { try $0.forward(input, &pass) }
      return try vector.value.double()
    }
  }

  static func isClose(_ left: [Double], _ right: [Double]) -> Bool {
    zip(left, right).allSatisfy { abs($0 - $1) < 1e-12 } && left.count == right.count
  }

  @Test func `plain descent moves by rate times gradient`() throws {
    #expect(OptimizerTests.isClose(try OptimizerTests.path(SGD(rate: 0.1), [2, -1]), [0.8, 0.9]))
  }

  @Test func `momentum, Nesterov's momentum and decay follow their recurrences`() throws {
    let gradients = [2.0, -1, 0.5]
    var (weight, velocity) = (1.0, 0.0)
    var expected: [Double] = []
    var nesterov: [Double] = []
    for gradient in gradients {
      velocity = 0.9 * velocity + gradient
      weight -= 0.1 * velocity
      expected.append(weight)
    }
    let plain = SGD(rate: 0.1, momentum: 0.9)
    #expect(OptimizerTests.isClose(try OptimizerTests.path(plain, gradients), expected))
    (weight, velocity) = (1, 0)
    for gradient in gradients {
      let decayed = gradient + 0.01 * weight
      velocity = 0.9 * velocity + decayed
      weight -= 0.1 * (decayed + 0.9 * velocity)
      nesterov.append(weight)
    }
    let other = SGD(rate: 0.1, momentum: 0.9, isNesterov: true, weightDecay: 0.01)
    #expect(OptimizerTests.isClose(try OptimizerTests.path(other, gradients), nesterov))
  }

  @Test(arguments: [false, true])
  func `Adam follows the algorithm of its paper`(isDecoupled: Bool) throws {
    let gradients = [2.0, -1, 0.5, 3]
    var (weight, mean, square) = (1.0, 0.0, 0.0)
    var expected: [Double] = []
    for (index, gradient) in gradients.enumerated() {
      var gradient = gradient
      if isDecoupled { weight *= 1 - 0.1 * 0.02 } else { gradient += 0.02 * weight }
      mean = 0.9 * mean + 0.1 * gradient
      square = 0.999 * square + 0.001 * gradient * gradient
      var (first, second) = (1.0, 1.0)
      for _ in 0...index { (first, second) = (first * 0.9, second * 0.999) }
      weight -= 0.1 * (mean / (1 - first)) / ((square / (1 - second)).squareRoot() + 1e-8)
      expected.append(weight)
    }
    let optimizer = Adam(rate: 0.1, weightDecay: 0.02, isDecoupled: isDecoupled)
    #expect(OptimizerTests.isClose(try OptimizerTests.path(optimizer, gradients), expected))
  }

  @Test(arguments: ["sgd", "adam"])
  func `training resumed from its state ends with the same bytes`(name: String) throws {
    func trained(_ optimizer: some Optimizer) throws -> [[Double]] {
      func step(_ vector: inout Vector, _ optimizer: inout some Optimizer) throws {
        try vector.train(&optimizer) { try $0.value.square().sum() }
      }
      var through = try Vector([1, -2])
      var whole = optimizer
      for _ in 0..<6 { try step(&through, &whole) }
      var halfway = try Vector([1, -2])
      var first = optimizer
      for _ in 0..<3 { try step(&halfway, &first) }
      var second = optimizer
      try second.restore(first.state)
      for _ in 0..<3 { try step(&halfway, &second) }
      return [try through.value.doubles(), try halfway.value.doubles()]
    }
    let values =
      name == "sgd"
      ? try trained(SGD(rate: 0.1, momentum: 0.9)) : try trained(Adam(rate: 0.1))
    #expect(values[0] == values[1])
  }

  /// Files keep tensors by size of their type and name: here the bias comes before the weight.
  @Test(arguments: ["sgd", "adam"])
  func `a state that comes back from a file in another order is the same state`(
    name: String
  ) throws {
    func check(_ optimizer: some Optimizer) throws {
      func step(_ layer: inout Linear, _ optimizer: inout some Optimizer) throws {
        let input = try Tensor([1.0, -2, 0.5], shape: [1, 3]).to(.float32)
        try layer.train(&optimizer) { layer in
          var pass = Pass.training(RandomStream(seed: 1))
          return try layer.forward(input, &pass).square().sum()
        }
      }
      var whole = try Linear(3, 2, random: RandomStream(seed: 3))
      var through = optimizer
      for _ in 0..<3 { try step(&whole, &through) }
      var halfway = whole
      let path = NSTemporaryDirectory() + "state-\(UUID().uuidString).safetensors"
      try through.state.write(safetensors: path)
      let back = try ParameterTree(safetensors: path)
      try #expect(back.names != through.state.names)
      for _ in 0..<3 { try step(&whole, &through) }
      var resumed = optimizer
      try resumed.restore(back)
      for _ in 0..<3 { try step(&halfway, &resumed) }
      for (first, second) in try zip(whole.parameters().tensors, halfway.parameters().tensors) {
        #expect(try first.floats() == second.floats())
      }
    }
    if name == "sgd" { try check(SGD(rate: 0.01, momentum: 0.9)) } else { try check(Adam()) }
  }

  @Test func `gradients of another module are refused`() throws {
    var vector = try Vector([1])
    var optimizer = SGD(rate: 1)
    let other = try ParameterTree(names: ["other"], tensors: [Tensor([1.0])])
    #expect(throws: ModuleError.self) { try optimizer.step(&vector, other) }
    #expect(throws: ModuleError.self) { try optimizer.step(&vector, ParameterTree()) }
    var adam = Adam()
    #expect(throws: ModuleError.self) { try adam.restore(ParameterTree()) }
    let half = try ParameterTree(
      names: ["steps", "mean.value"], tensors: [Tensor(1), Tensor([1.0])])
    #expect(throws: ModuleError.self) { try adam.restore(half) }
  }

  @Test(arguments: [SGD(rate: 1, momentum: 0.5), Adam()] as [any Optimizer])
  func `an optimizer that remembers one module refuses another`(optimizer: any Optimizer) throws {
    var optimizer = optimizer
    var vector = try Vector([1])
    try optimizer.step(&vector, vector.parameters())
    var larger = try Linear(2, 3, random: RandomStream(seed: 1))
    let gradients = try larger.parameters()
    #expect(throws: ModuleError.self) { try optimizer.step(&larger, gradients) }
  }

  @Test func `schedules have their values at start, turn and end`() {
    #expect(Schedule.constant.factor(at: 7) == 1)
    #expect(
      [0, 2, 5].map(Schedule.steps([2, 5], factor: 0.1).factor(at:)).map { ($0 * 100).rounded() }
        == [100, 10, 1])
    #expect(Schedule.exponential(factor: 0.5).factor(at: 3) == 0.125)
    let cosine = Schedule.cosine(steps: 10, floor: 0.1)
    #expect(cosine.factor(at: 0) == 1 && abs(cosine.factor(at: 5) - 0.55) < 1e-12)
    #expect(abs(cosine.factor(at: 10) - 0.1) < 1e-12 && abs(cosine.factor(at: 99) - 0.1) < 1e-12)
    let cycles = Schedule.cyclicalCosine(period: 4)
    #expect(cycles.factor(at: 4) == 1 && abs(cycles.factor(at: 6) - 0.5) < 1e-12)
    #expect(Schedule.linear(steps: 4, end: 0.5).factor(at: 2) == 0.75)
    let warm = Schedule.warmup(steps: 4, then: .linear(steps: 10))
    #expect(warm.factor(at: 0) == 0.25 && warm.factor(at: 3) == 1 && warm.factor(at: 9) == 0.5)
  }
}
