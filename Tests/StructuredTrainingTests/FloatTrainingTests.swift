import Formats
import NetworkImport
import NeuralNetworks
import ONNX
import SmartDeal
import StructuredTraining
import Tensors
import Testing

@Suite(.enabled(if: Mirror.isPresent, "\(Mirror.isAbsent)"))
struct FloatTrainingTests {
  @Test(arguments: [
    (NetworkTemplate.leNet300100, 266_200), (.smallConvolutions, 105_744),
    (.normalisedConvolutions, 105_744),
  ])
  func `networks have the weights that they are said to have`(
    template: NetworkTemplate, count: Int
  ) throws {
    let model = try template.model(
      channels: 1, height: 28, width: 28, classes: 10, random: RandomStream(seed: 1))
    let weights = model.graph.weightTensors().map(\.weights.count)
    #expect(weights.reduce(0, +) == count)
    // What is written is what the reader takes.
    #expect(try ONNXModel(FileContent(model.bytes(), name: "model")) == model)
  }

  @Test func `training learns digits, and the exported model answers like the network`() throws {
    let digits = try Digits()
    let trained = try digits.trained(epochs: 5)
    let score = try trained.score(digits.test)
    #expect(score.accuracy > 70)
    let again = try TrainableNetwork(
      ONNXModel(FileContent(trained.exported().bytes(), name: "model")))
    #expect(try again.score(digits.test) == score)
    #expect(try again.logits(digits.test).floats() == trained.logits(digits.test).floats())
  }

  @Test(arguments: NetworkTemplate.allCases)
  func `a training that is resumed ends in the same bytes`(template: NetworkTemplate) throws {
    let digits = try Digits(template, pictures: 64)
    let make = {
      try FloatTraining(
        digits.start, data: digits.train, test: digits.test,
        plan: TrainingPlan(
          epochs: 3, batch: 32, rate: 0.02, schedule: .steps([2], factor: 0.1)),
        random: RandomStream(seed: 4))
    }
    var straight = try make()
    try straight.advance()
    let checkpoint = try Safetensors(
      FileContent(straight.checkpoint().bytes(), name: "checkpoint"))
    while !straight.isFinished { try straight.advance() }
    var resumed = try make()
    try resumed.resume(from: checkpoint)
    while !resumed.isFinished { try resumed.advance() }
    #expect(try resumed.trained.exported().bytes() == straight.trained.exported().bytes())
    #expect(resumed.table.csv() == straight.table.csv())
  }

  @Test func `batch normalisation follows the pictures, and can be renewed over all of them`()
    throws
  {
    let digits = try Digits(.normalisedConvolutions, pictures: 96)
    var network = try digits.trained(epochs: 1)
    let moments = try #require(try network.network.state()["norm2.mean"])
    #expect(try moments.floats().contains { $0 != 0 })
    try network.renewMoments(on: digits.train, batch: 32)
    let renewed = try #require(try network.network.state()["norm2.mean"])
    // The first layer's mean over all pictures, from the mean of each third.
    let weights = try network.network.state()
    let maps = try digits.train.tensors[0].conv2d(
      #require(weights["layer1.weight"]), weights["layer1.bias"], padding: [1, 1])
    let wanted = try maps.mean(along: 0, 2, 3).floats()
    for (found, wanted) in try zip(renewed.floats(), wanted) {
      #expect(abs(found - wanted) < 1e-4 * max(1, abs(wanted)))
    }
    #expect(network.network.movingShare == 0.1)
  }

  @Test func `a new classifier keeps the features and tells other classes apart`() throws {
    let digits = try Digits(pictures: 64)
    let other = try digits.start.withNewClassifier(classes: 5, random: RandomStream(seed: 9))
    #expect(try other.logits(digits.test).shape == [200, 5])
    let before = try digits.start.network.state()
    let after = try other.network.state()
    #expect(try before["layer1.weight"]?.floats() == after["layer1.weight"]?.floats())
    #expect(after["layer3.weight"]?.shape == [5, 100] && after["layer3.bias"]?.shape == [5])
    // Labels up to nine do not fit five classes.
    let error = #expect(throws: TrainingError.self) { try other.score(digits.test) }
    #expect(error?.message == "a label is 9; the network tells 5 classes apart")
  }

  @Test func `a plan without meaning, or one that explodes, is one clear sentence`() throws {
    let digits = try Digits(pictures: 64)
    let plans: [(TrainingPlan, String)] = [
      (TrainingPlan(epochs: 0, rate: 0.1), "epochs is 0"),
      (TrainingPlan(epochs: 1, batch: 0, rate: 0.1), "batch is 0"),
      (TrainingPlan(epochs: 1, rate: .nan), "rate is nan"),
      (TrainingPlan(epochs: 1, rate: 0.1, momentum: 1), "momentum is 1.0"),
      (TrainingPlan(epochs: 1, rate: 0.1, weightDecay: -1), "weight decay is -1.0"),
      (TrainingPlan(epochs: 1, rate: 1, schedule: .plateau(final: 0)), "final is 0.0"),
      (TrainingPlan(epochs: 9, rate: 1e9), "lower the rate"),
    ]
    for (plan, part) in plans {
      let error = #expect(throws: TrainingError.self) {
        var training = try FloatTraining(
          digits.start, data: digits.train, test: digits.test, plan: plan,
          random: RandomStream(seed: 1))
        while !training.isFinished { try training.advance() }
      }
      #expect(error?.message.contains(part) == true, "\(error?.message ?? "none")")
    }
  }

  @Test func `a network that can't be trained says why`() throws {
    let model = try NetworkTemplate.leNet300100.model(
      channels: 1, height: 28, width: 28, classes: 10, random: RandomStream(seed: 1))
    var softmax = model
    softmax.graph.nodes.append(
      ONNXNode(
        name: "end", operator: "Softmax", inputs: [model.graph.outputs[0].name], outputs: ["p"]))
    softmax.graph.outputs[0].name = "p"
    var open = model
    open.graph.inputs[0].shape = [.symbol("n"), .unknown]
    var wide = model
    wide.graph.initializers[0].data = TensorData(
      wide.graph.initializers[0].data.doubles(), shape: wide.graph.initializers[0].data.shape)
    for (model, part) in [
      (softmax, "node 'end' (Softmax) ends the network"), (open, "leaves open"),
      (wide, "'layer1.weight' holds float64"),
    ] {
      let error = #expect(throws: TrainingError.self) { try TrainableNetwork(model) }
      #expect(error?.message.contains(part) == true, "\(error?.message ?? "none")")
    }
  }

  @Test func `schedules are those of the published code`() {
    let plateau = TrainingPlan.Schedule.plateau(final: 0.01)
    let factors = (0..<10).map { plateau.factor($0, of: 10) }
    let wanted: [Double] = [1, 1, 1, 1, 1, 1, 0.7525, 0.505, 0.2575, 0.01]
    for (found, wanted) in zip(factors, wanted) { #expect(abs(found - wanted) < 1e-12) }
    let steps = TrainingPlan.Schedule.steps([2, 4], factor: 0.1)
    for (epoch, wanted) in [1, 1, 0.1, 0.1, 0.01].enumerated() {
      #expect(abs(steps.factor(epoch, of: 5) - wanted) < 1e-12)
    }
  }
}
