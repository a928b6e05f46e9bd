import Formats
import NeuralNetworks
import ONNX
import SmartDeal
import StructuredTraining
import Tensors
import Testing

@Suite(.enabled(if: Mirror.isPresent, "\(Mirror.isAbsent)"))
struct AlternatingTrainingTests {
  private static func make(
    _ digits: Digits, _ network: TrainableNetwork, theta: Double = 0.02, average: Int? = nil,
    threads: Int = 1
  ) throws -> AlternatingTraining {
    try AlternatingTraining(
      network, data: digits.train, test: digits.test,
      plan: TrainingPlan(epochs: 3, batch: 32, rate: 0.01, schedule: .steps([2], factor: 0.5)),
      options: .init(
        decomposition: DecompositionOptions(threshold: theta), averageFrom: average,
        threads: threads),
      random: RandomStream(seed: 5))
  }

  @Test func `the network is what its file holds, and smaller than it was`() throws {
    let digits = try Digits()
    let network = try digits.trained()
    var training = try Self.make(digits, network)
    while !training.isFinished { try training.advance() }
    let best = training.best
    let file = try SDLFile(FileContent(best.compressed.file, name: "weights.sdl"))
    let tensors = try best.network.weightTensors()
    #expect(file.layers.map(\.name) == tensors.map(\.name))
    for (layer, tensor) in zip(file.layers, tensors) {
      #expect(try file.weights(of: layer) == tensor.weights)
    }
    #expect(try best.network.score(digits.test) == best.score)
    #expect(best.compressed.sizes.fileBytes == best.compressed.file.count)
    let sizes = best.compressed.sizes
    #expect(sizes.ratio(.reference) > 8 && sizes.ratio(.training) < sizes.ratio(.reference))
    // Accuracy is lost, but not what was learnt.
    let before = try network.score(digits.test).accuracy
    #expect(best.score.accuracy > before - 10)
  }

  /// Of 3 and 48 kernel rows half, rounded up, in all filters at once; fully connected layers keep theirs.
  @Test func `pruned rows are zero after each decomposition, and inside the structure for good`()
    throws
  {
    let digits = try Digits(.smallConvolutions, pictures: 64)
    let pruning = PruningList([0.5, 0.5, 1, 1])
    var turns = try AlternatingTraining(
      digits.start, data: digits.train, test: digits.test,
      plan: TrainingPlan(epochs: 2, batch: 32, rate: 0.01),
      options: .init(decomposition: .init(threshold: 0.02), pruning: pruning),
      random: RandomStream(seed: 5))
    var inside = try StructureTraining(
      digits.start, data: digits.train, test: digits.test,
      plan: TrainingPlan(epochs: 2, batch: 32, rate: 0.01),
      options: .init(decomposition: .init(threshold: 0.02), pruning: pruning),
      random: RandomStream(seed: 5))
    try turns.advance()
    try inside.advance()
    for result in [turns.start, turns.last, inside.start, inside.last] {
      let tensors = try result.network.weightTensors()
      for (tensor, wanted) in zip(tensors, [2, 24]) {
        let (filters, rows) = (tensor.shape[0], tensor.shape[1] * 3)
        let zero = (0..<rows).count { row in
          (0..<filters).allSatisfy { filter in
            tensor.weights[(filter * rows + row) * 3..<(filter * rows + row + 1) * 3]
              .allSatisfy { $0 == 0 }
          }
        }
        #expect(zero >= wanted && zero < rows)
      }
      #expect(tensors[2].weights.contains { $0 != 0 } && tensors[3].weights.contains { $0 != 0 })
    }
    let error = #expect(throws: SmartDealError.self) {
      try StructureTraining(
        digits.start, data: digits.train, test: digits.test,
        plan: TrainingPlan(epochs: 1, batch: 32, rate: 0.01),
        options: .init(pruning: PruningList([0.5])), random: RandomStream(seed: 5))
    }
    #expect(error?.message.hasPrefix("the pruning list has 1 numbers, the network 4") == true)
  }

  @Test func `the best epoch is kept, the first among equals`() throws {
    let digits = try Digits(pictures: 96)
    var training = try Self.make(digits, digits.trained(epochs: 1), average: 2)
    while !training.isFinished { try training.advance() }
    let columns = training.table.columns
    let plain = try #require(columns.firstIndex(of: "accuracy"))
    let averaged = try #require(columns.firstIndex(of: "averaged_accuracy"))
    let candidates = training.table.rows.flatMap { [$0[plain], $0[averaged]] }
    #expect(candidates[1].isNaN && !candidates[3].isNaN)
    let best = try #require(candidates.filter { !$0.isNaN }.max())
    #expect(training.best.score.accuracy == best)
    let place = try #require(candidates.firstIndex(of: best))
    #expect(training.bestEpoch == place / 2 + 1)
    #expect(training.bestIsAverage == (place % 2 == 1))
    #expect(training.last.score.accuracy == training.table.last("accuracy"))
  }

  @Test(arguments: [NetworkTemplate.leNet300100, .normalisedConvolutions])
  func `a training that is resumed ends in the same bytes, at any number of threads`(
    template: NetworkTemplate
  ) throws {
    let digits = try Digits(template, pictures: 64)
    let network = try digits.trained(epochs: 1)
    var straight = try Self.make(digits, network, average: 1)
    try straight.advance()
    try straight.advance()
    let bytes = try straight.checkpoint().bytes()
    try straight.advance()
    var resumed = try Self.make(digits, network, average: 1, threads: 2)
    try resumed.resume(from: Safetensors(FileContent(bytes, name: "checkpoint")))
    #expect(resumed.table.rows.count == 2)
    try resumed.advance()
    #expect(resumed.best.compressed.file == straight.best.compressed.file)
    #expect(resumed.last.compressed.file == straight.last.compressed.file)
    #expect(
      try resumed.best.network.exported().bytes() == straight.best.network.exported().bytes())
    #expect(resumed.table.csv() == straight.table.csv())
    #expect(resumed.bestEpoch == straight.bestEpoch)
  }

  @Test func `kernels that are not decomposed stay as they are, and are counted`() throws {
    let digits = try Digits(.smallConvolutions, pictures: 64)
    var model = try digits.start.exported()
    // Kernels of 3 × 3 become 3 × 2, which has no rule.
    let index = try #require(
      model.graph.initializers.firstIndex { $0.name == "layer1.weight" })
    let numbers = model.graph.initializers[index].data.floats()
    model.graph.initializers[index].data = TensorData(
      Array(numbers.prefix(16 * 6)), shape: [16, 1, 3, 2])
    let node = try #require(model.graph.nodes.firstIndex { $0.operator == "Conv" })
    model.graph.nodes[node].attributes = ["pads": .ints([1, 0, 1, 1])]
    let network = try TrainableNetwork(model)
    var training = try Self.make(digits, network)
    try training.advance()
    let layer = training.last.compressed.layers[0]
    guard case .raw(_, let raw) = layer.content else {
      Issue.record("the layer is not raw")
      return
    }
    #expect(try training.last.network.weightTensors()[0].weights == raw)
    #expect(training.last.compressed.sizes.weights == 105_744 - 48)
  }

  @Test func `options without meaning are refused before any work`() throws {
    let digits = try Digits(pictures: 64)
    let negative = #expect(throws: SmartDealError.self) {
      try Self.make(digits, digits.start, theta: -1)
    }
    #expect(negative?.message.contains("threshold is -1.0") == true)
    let late = #expect(throws: TrainingError.self) {
      try Self.make(digits, digits.start, average: 4)
    }
    #expect(late?.message == "the average starts in epoch 4; there are 3 epochs")
    var other = try Self.make(digits, digits.start)
    let wrong = #expect(throws: TrainingError.self) { try other.resume(from: Safetensors([])) }
    #expect(wrong?.message.contains("of another training") == true)
  }
}
