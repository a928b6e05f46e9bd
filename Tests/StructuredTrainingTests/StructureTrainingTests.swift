import Formats
import NeuralNetworks
import ONNX
import SmartDeal
import StructuredTraining
import Tensors
import Testing

@Suite(.enabled(if: Mirror.isPresent, "\(Mirror.isAbsent)"))
struct StructureTrainingTests {
  private static func make(
    _ digits: Digits, _ network: TrainableNetwork,
    _ options: StructureTraining.Options = .init(decomposition: .init(threshold: 0.02)),
    epochs: Int = 3
  ) throws -> StructureTraining {
    try StructureTraining(
      network, data: digits.train, test: digits.test,
      plan: TrainingPlan(epochs: epochs, batch: 32, rate: 0.01, schedule: .plateau(final: 0.01)),
      options: options, random: RandomStream(seed: 6))
  }

  @Test func `inside the structure the loss falls, and the file is the network`() throws {
    let digits = try Digits()
    var training = try Self.make(digits, digits.trained(), epochs: 4)
    while !training.isFinished { try training.advance() }
    let losses = training.table.rows.map { $0[2] }
    #expect(losses[3] < losses[0])
    let best = training.best
    let file = try SDLFile(FileContent(best.compressed.file, name: "weights.sdl"))
    for (layer, tensor) in try zip(file.layers, best.network.weightTensors()) {
      #expect(try file.weights(of: layer) == tensor.weights)
    }
    #expect(best.score.accuracy >= training.start.score.accuracy)
    #expect(best.compressed.sizes.nonZeros <= training.freeCoefficients)
    #expect(training.freeCoefficients == training.start.compressed.sizes.nonZeros)
  }

  @Test func `frozen coefficients stay, and the rest learns`() throws {
    let digits = try Digits(pictures: 96)
    var training = try Self.make(
      digits, digits.trained(epochs: 1),
      .init(decomposition: .init(threshold: 0.02), treatment: .frozen))
    try training.advance()
    let first = training.last.compressed
    try training.advance()
    for (old, new) in zip(first.layers, training.last.compressed.layers) {
      guard case .structured(_, let before, let basis, _) = old.content,
        case .structured(_, let after, let moved, _) = new.content
      else {
        Issue.record("a layer is raw")
        continue
      }
      #expect(before == after && basis != moved)
    }
  }

  @Test(arguments: [
    (NetworkTemplate.leNet300100, CoefficientTreatment.straightThrough),
    (.normalisedConvolutions, .roundEachStep),
    (.normalisedConvolutions, .bucketSwitch(bar: 2, minimumChange: 1e-3)),
  ])
  func `a training that is resumed ends in the same bytes, at any number of threads`(
    template: NetworkTemplate, treatment: CoefficientTreatment
  ) throws {
    let digits = try Digits(template, pictures: 64)
    let network = try digits.trained(epochs: 1)
    let options = { (threads: Int) in
      StructureTraining.Options(
        decomposition: .init(threshold: 0.02), treatment: treatment, averageFrom: 1,
        threads: threads)
    }
    var straight = try Self.make(digits, network, options(1))
    try straight.advance()
    let bytes = try straight.checkpoint().bytes()
    while !straight.isFinished { try straight.advance() }
    var resumed = try Self.make(digits, network, options(2))
    try resumed.resume(from: Safetensors(FileContent(bytes, name: "checkpoint")))
    while !resumed.isFinished { try resumed.advance() }
    #expect(resumed.best.compressed.file == straight.best.compressed.file)
    #expect(resumed.last.compressed.file == straight.last.compressed.file)
    #expect(
      try resumed.last.network.exported().bytes() == straight.last.network.exported().bytes())
    #expect(resumed.table.csv() == straight.table.csv())
  }

  @Test func `an average of one epoch is that epoch, and later ones are measured beside it`() throws
  {
    let digits = try Digits(pictures: 96)
    let network = try digits.trained(epochs: 1)
    var plain = try Self.make(digits, network)
    var mean = try Self.make(
      digits, network, .init(decomposition: .init(threshold: 0.02), averageFrom: 2))
    while !plain.isFinished {
      try plain.advance()
      try mean.advance()
    }
    // Averaging changes nothing of the training itself.
    #expect(plain.last.compressed.file == mean.last.compressed.file)
    let columns = mean.table.columns
    let accuracy = try #require(columns.firstIndex(of: "accuracy"))
    let averaged = try #require(columns.firstIndex(of: "averaged_accuracy"))
    let ratio = try #require(columns.firstIndex(of: "averaged_reference_cr"))
    let rows = mean.table.rows
    #expect(rows[0][averaged].isNaN && rows[1][averaged] == rows[1][accuracy])
    #expect(rows[1][ratio] == rows[1][try #require(columns.firstIndex(of: "reference_cr"))])
    #expect(rows[2][averaged].isFinite)
    let best = rows.flatMap { [$0[accuracy], $0[averaged]] }.filter(\.isFinite).max()
    #expect(mean.best.score.accuracy == best)
    let late = #expect(throws: TrainingError.self) {
      try Self.make(digits, network, .init(averageFrom: 4))
    }
    #expect(late?.message == "the average starts in epoch 4; there are 3 epochs")
  }

  @Test func `matrices that the file holds transposed train alike`() throws {
    let digits = try Digits(pictures: 64)
    let network = try digits.trained(epochs: 1)
    var model = try network.exported()
    for index in model.graph.nodes.indices where model.graph.nodes[index].operator == "Gemm" {
      model.graph.nodes[index].attributes["transB"] = nil
      let name = model.graph.nodes[index].inputs[1]
      let place = try #require(model.graph.initializers.firstIndex { $0.name == name })
      let turned = try Tensor(model.graph.initializers[place].data).transposed().contiguous()
      model.graph.initializers[place].data = try turned.data()
    }
    var plain = try Self.make(digits, network)
    var turned = try Self.make(digits, TrainableNetwork(model))
    try plain.advance()
    try turned.advance()
    // Products of the two orders round differently.
    #expect(abs(plain.table.rows[0][2] - turned.table.rows[0][2]) < 1e-3)
    #expect(plain.start.compressed.file == turned.start.compressed.file)
  }

  @Test func `joint rounding keeps to four bits while it trains`() throws {
    let digits = try Digits(pictures: 96)
    var training = try Self.make(
      digits, digits.trained(epochs: 1),
      .init(decomposition: .init(rounding: .joint(lambda: 0.0036)), encodings: Encoding.allCases))
    while !training.isFinished { try training.advance() }
    for layer in training.last.compressed.layers {
      guard case .structured(let layout, let codes, _, _) = layer.content else { continue }
      #expect(StorageAccount(layout, codes).exponents.count <= 8)
    }
    let file = try SDLFile(FileContent(training.last.compressed.file, name: "weights.sdl"))
    #expect(file.layers.contains { $0.encoding == .entropy })
  }

  @Test func `a classifier may stay real-valued, and other names are refused`() throws {
    let digits = try Digits(pictures: 64)
    let name = try digits.start.classifier().weights
    var training = try Self.make(digits, digits.start, .init(realValued: [name]))
    try training.advance()
    guard case .raw(let shape, _)? = training.last.compressed.layers.last?.content else {
      Issue.record("the classifier is not raw")
      return
    }
    #expect(shape == [10, 100])
    let error = #expect(throws: TrainingError.self) {
      try Self.make(digits, digits.start, .init(realValued: ["layer9.weight"]))
    }
    #expect(error?.message.contains("'layer9.weight' is no weight tensor") == true)
    let bar = #expect(throws: TrainingError.self) {
      try Self.make(
        digits, digits.start, .init(treatment: .bucketSwitch(bar: 0, minimumChange: 0)))
    }
    #expect(bar?.message == "bar is 0; it must be at least 1")
  }

  @Test func `the energy of a step follows its formula`() throws {
    let digits = try Digits(pictures: 64)
    let training = try Self.make(digits, digits.start)
    let (dense, inside) = try training.energy()
    // 266,200 weights of 4 bytes: twice read, gradients written, four times moved.
    #expect(dense.weights == 100 * 2 * 4 * 266_200)
    #expect(dense.updates == 100 * 5 * 4 * 266_200)
    // 410 outputs of 32 pictures, activations and errors written and read.
    #expect(dense.activations == 100 * 4 * 410 * 4 * 32)
    #expect(abs(dense.arithmetic - 4.6 * 3 * 266_200 * 32) < 1)
    #expect(inside.activations == dense.activations)
    let sizes = training.start.compressed.sizes
    #expect(
      abs(inside.weights / (100 * 2 * 4 * 266_200) - 1 / sizes.ratio(.training)) < 1e-9)
    let bases = Double(3 * 3 * (600 + 100 + 10))
    #expect(inside.updates == 100 * 4 * 5 * (Double(sizes.nonZeros) + bases))
    #expect(inside.total < dense.total)
  }
}
