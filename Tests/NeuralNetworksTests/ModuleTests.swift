import Foundation
import NeuralNetworks
import Tensors
import Testing

struct ModuleTests {
  @Test func `parameters and buffers have the names of their places`() throws {
    let network = try everyLayer(random: RandomStream(seed: 1))
    let parameters = try network.parameters()
    #expect(
      parameters.names == [
        "0.weight", "0.bias", "1.weight", "1.bias", "3.body.0.weight", "6.weight", "6.bias",
        "7.weight", "7.bias", "9.weight",
      ])
    #expect(
      Set(try network.state().names).subtracting(parameters.names) == [
        "1.running_mean", "1.running_var",
      ])
    #expect(parameters["3.body.0.weight"]?.shape == [4, 2, 3, 3])
    #expect(parameters.branch("6").names == ["weight", "bias"])
    #expect(parameters.elementCount == 72 + 4 + 8 + 72 + 96 + 6 + 12 + 18)
  }

  @Test func `the same stream makes the same network`() throws {
    let first = try everyLayer(random: RandomStream(seed: 1)).parameters()
    let second = try everyLayer(random: RandomStream(seed: 1)).parameters()
    let other = try everyLayer(random: RandomStream(seed: 2)).parameters()
    for (index, tensor) in first.tensors.enumerated() {
      #expect(try tensor.isEqual(to: second.tensors[index]))
    }
    #expect(try !first.flattened().isEqual(to: other.flattened()))
  }

  @Test func `gradients of every layer agree with central differences`() throws {
    let network = try everyLayer(dtype: .float64, random: RandomStream(seed: 3))
    var random = RandomStream(seed: 4)
    let images = try random.normal([3, 2, 4, 4], dtype: .float64)
    let classes = try Tensor([0, 2, 1])
    let worst = try checkGradients(at: network.parameters().tensors) { tensors in
      var copy = network
      try copy.setParameters(tensors)
      var pass = Pass.training(RandomStream(seed: 5))
      return try copy.forward(images, &pass).crossEntropy(classes)
    }
    #expect(worst.error < 1e-6, "\(worst)")
  }

  @Test func `training one copy leaves the other as it was`() throws {
    var network = try everyLayer(random: RandomStream(seed: 1))
    let copy = network
    let before = try copy.state().map { try $0.copy() }
    var random = RandomStream(seed: 2)
    let images = try random.normal([8, 2, 4, 4])
    let classes = try random.integers(below: 3, [8])
    var optimizer = SGD(rate: 0.1, momentum: 0.9)
    for step in 0..<3 {
      var pass = Pass.training(random.child(step))
      try network.train(&optimizer) { try $0.forward(images, &pass).crossEntropy(classes) }
    }
    for (name, tensor) in zip(before.names, before.tensors) {
      #expect(try copy.state()[name]?.isEqual(to: tensor) == true, "\(name)")
      // Normalisation takes away what the bias before it adds, so that this one has no gradient.
      guard name != "0.bias" else { continue }
      #expect(try network.state()[name]?.isEqual(to: tensor) == false, "\(name)")
    }
  }

  @Test func `a snapshot of the parameters does not move with the network`() throws {
    var network = try Linear(3, 2, random: RandomStream(seed: 1))
    var optimizer = Adam(rate: 0.1)
    let input = try Tensor.ones([4, 3])
    try network.train(&optimizer) { try $0.weight.sum() + $0.bias!.sum() + input.sum() }
    let snapshot = try network.parameters()
    let values = try snapshot.flattened().floats()
    try network.train(&optimizer) { try $0.weight.sum() + $0.bias!.sum() }
    #expect(try snapshot.flattened().floats() == values)
    #expect(try network.parameters().flattened().floats() != values)
  }

  @Test func `inference draws nothing, changes nothing and records nothing`() throws {
    let network = try Sequential(
      Linear(4, 4, random: RandomStream(seed: 1)), BatchNorm(4), Dropout(0.5))
    let input = try Tensor.ones([2, 4])
    let first = try network(input)
    #expect(try first.isEqual(to: network(input)) && !first.needsGradient)
    #expect(try network.state()["1.running_mean"]?.floats() == [0, 0, 0, 0])
  }

  @Test func `dropout keeps the mean, in training or where it is always on`() throws {
    var dropout = try Dropout(0.3)
    var pass = Pass.training(RandomStream(seed: 6))
    let ones = try Tensor.ones([100_000])
    let dropped = try dropout.forward(ones, &pass)
    // Five standard errors of a number that is 0 or 1 / 0.7.
    #expect(abs(try dropped.mean().double() - 1) < 5 * 0.655 / 316)
    #expect(Set(try dropped.floats()).count == 2)
    #expect(try dropout(ones).isEqual(to: ones))
    var always = try Dropout(0.3, isAlwaysOn: true)
    var inference = Pass.inference
    #expect(try !always.forward(ones, &inference).isEqual(to: ones))
    #expect(throws: ModuleError.self) { try Dropout(1) }
  }

  @Test func `batch normalisation uses the batch in training and its memory after`() throws {
    var layer = try BatchNorm(2, momentum: 0.25, dtype: .float64)
    let input = try Tensor([1.0, 10, 3, 30], shape: [2, 2])
    var pass = Pass.training(RandomStream(seed: 1))
    let output = try layer.forward(input, &pass)
    #expect(try output.mean(along: 0).isClose(to: .zeros([2], dtype: .float64), absolute: 1e-12))
    #expect(try layer.runningMean.doubles() == [0.5, 5])
    // The running variance is the unbiased one: 2 and 200.
    #expect(try layer.runningVariance.doubles() == [1.25, 50.75])
    let expected = try (input - layer.runningMean) / (layer.runningVariance + 1e-5).sqrt()
    #expect(try layer(input).isClose(to: expected))
  }

  @Test func `members run as they would alone`() throws {
    let networks = try (0..<3).map {
      try everyLayer(dtype: .float64, random: RandomStream(seed: UInt64($0)))
    }
    var random = RandomStream(seed: 9)
    let images = try random.normal([5, 2, 4, 4], dtype: .float64)
    let together = try Sequential.joined(networks)(
      images.unsqueezed(0).expanded([3, -1, -1, -1, -1]))
    #expect(together.shape == [3, 5, 3])
    for (index, network) in networks.enumerated() {
      #expect(try together[index].isClose(to: network(images), absolute: 1e-12))
    }
    #expect(throws: ModuleError.self) { try Sequential.joined([]) }
  }

  @Test func `per-sample gradients are those of each sample alone`() throws {
    var network = try everyLayer(dtype: .float64, random: RandomStream(seed: 3))
    var random = RandomStream(seed: 4)
    let images = try random.normal([4, 2, 4, 4], dtype: .float64)
    let classes = try Tensor([0, 2, 1, 1])
    let (losses, gradients) = try network.perSampleGradients(images) {
      try $0.crossEntropy(classes, reduction: .none)
    }
    for sample in 0..<4 {
      let (value, alone) = try network.valueAndGradients { network in
        var pass = Pass.inference
        return try network.forward(images[sample..<sample + 1], &pass)
          .crossEntropy(classes[sample..<sample + 1])
      }
      #expect(try losses[sample].isClose(to: value))
      for (index, gradient) in alone.tensors.enumerated() {
        #expect(
          try gradients.tensors[index][sample].isClose(to: gradient, absolute: 1e-12),
          "\(alone.names[index])")
      }
    }
  }

  @Test func `a state that does not fit is refused, and changes nothing`() throws {
    var network = try Linear(3, 2, random: RandomStream(seed: 1))
    let before = try network.parameters().flattened().floats()
    let state = try ParameterTree(
      names: ["weight", "offset"], tensors: [.ones([3, 3]), .ones([2])])
    let error = #expect(throws: ModuleError.self) { try network.load(state) }
    #expect(
      error?.message == "the state does not fit: 'weight' has shape [3, 3], not [2, 3]; "
        + "'bias' is missing; 'offset' has no place in the module")
    #expect(try network.parameters().flattened().floats() == before)
    try network.load(ParameterTree(names: ["bias"], tensors: [.ones([2])]), isPartial: true)
    #expect(try network.bias?.floats() == [1, 1])
    #expect(throws: ModuleError.self) { try network.setParameters([.ones([2, 3])]) }
    #expect(throws: ModuleError.self) {
      try ParameterTree(names: ["a", "a"], tensors: [.ones([1]), .ones([1])])
    }
  }

  @Test func `a tree is a vector, and back`() throws {
    let tree = try everyLayer(random: RandomStream(seed: 1)).parameters()
    let vector = try tree.flattened()
    let back = try tree.unflattened(vector * 2)
    #expect(back.names == tree.names)
    for (index, tensor) in back.tensors.enumerated() {
      #expect(try tensor.isEqual(to: tree.tensors[index] * 2))
    }
    #expect(throws: TensorError.self) { try tree.unflattened(vector[1...]) }
  }

  @Test func `gradients are clipped by norm or value`() throws {
    let tree = try ParameterTree(names: ["a", "b"], tensors: [Tensor([3.0]), Tensor([-4.0])])
    #expect(try tree.norm() == 5)
    #expect(try tree.clipped(toNorm: 1).flattened().isClose(to: Tensor([0.6, -0.8])))
    #expect(try tree.clipped(toNorm: 6).flattened().doubles() == [3, -4])
    #expect(try tree.clipped(toValue: 3.5).flattened().doubles() == [3, -3.5])
    let infinite = try ParameterTree(names: ["a"], tensors: [Tensor([Double.infinity])])
    #expect(throws: ModuleError.self) { try infinite.clipped(toNorm: 1) }
  }

  @Test func `messages are summed and averaged at their targets`() throws {
    let messages = try Tensor([1.0, 10, 2, 20, 3, 30], shape: [3, 2])
    let targets = try Tensor([2, 0, 2])
    #expect(
      try MessagePassing.sum(messages, to: targets, nodes: 4).doubles() == [
        2, 20, 0, 0, 4, 40, 0, 0,
      ])
    #expect(
      try MessagePassing.mean(messages, to: targets, nodes: 4).doubles() == [
        2, 20, 0, 0, 2, 20, 0, 0,
      ])
    // A path of two nodes: each sees itself and the other, scaled by 1/2.
    var layer = try GraphConvolution(1, 1, dtype: .float64, random: RandomStream(seed: 1))
    layer.linear.weight = try .ones([1, 1], dtype: .float64)
    layer.linear.bias = try Tensor([5.0])
    #expect(throws: ModuleError.self) { try layer(Tensor([1.0, 3], shape: [2, 1])) }
    layer.adjacency = try MessagePassing.normalized(Tensor([0.0, 1, 1, 0], shape: [2, 2]))
    #expect(
      try layer(Tensor([1.0, 3], shape: [2, 1])).isClose(to: Tensor([7.0, 7], shape: [2, 1])))
  }

  @Test func `an embedding takes rows`() throws {
    let layer = try Embedding(5, 2, random: RandomStream(seed: 1))
    let rows = try layer(Tensor([4, 0, 4], shape: [1, 3]))
    #expect(rows.shape == [1, 3, 2])
    #expect(try rows[0, 0].isEqual(to: layer.weight[4]))
  }
}
