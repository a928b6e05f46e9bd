import CompressionSearch
import Formats
import NetworkProfiling
import ONNX
import SmartDeal
import Tensors
import Testing

/// A network of a convolution, a matrix the file holds transposed, and kernels that stay numbers.
struct CompressionSearchTests {
  private static func weights(_ name: String, _ shape: [Int], scale: Float) -> NamedTensor {
    let numbers = (0..<shape.reduce(1, *)).map { index -> Float in
      let mixed = (index * 7919 + index / 7 * 31) % 997
      return scale * (Float(mixed) / 997 - 0.5)
    }
    return NamedTensor(name: name, data: TensorData(numbers, shape: shape))
  }

  static let model = ONNXModel(
    graph: ONNXGraph(
      inputs: [
        ONNXValue(
          name: "x", type: .float32, shape: [.symbol("n"), .fixed(2), .fixed(6), .fixed(6)])
      ],
      outputs: [ONNXValue(name: "y", type: .float32, shape: nil)],
      initializers: [
        weights("a", [12, 2, 3, 3], scale: 0.6), weights("wide", [12, 12, 1, 3], scale: 0.3),
        weights("c", [96, 5], scale: 0.4),
      ],
      nodes: [
        ONNXNode(operator: "Conv", inputs: ["x", "a"], outputs: ["h"]),
        ONNXNode(operator: "Relu", inputs: ["h"], outputs: ["r"]),
        ONNXNode(operator: "Conv", inputs: ["r", "wide"], outputs: ["i"]),
        ONNXNode(operator: "Flatten", inputs: ["i"], outputs: ["j"]),
        ONNXNode(operator: "MatMul", inputs: ["j", "c"], outputs: ["y"]),
      ]))

  static func pictures(_ range: Range<Int>) throws -> Tensor {
    try Tensor(
      range.flatMap { picture -> [Float] in
        (0..<72).map { place in
          let mixed = (picture * 131 + place * 37 + picture * place) % 101
          return Float(mixed) / 50 - 1
        }
      }, shape: [range.count, 2, 6, 6])
  }

  private static func search(
    _ forms: [CompressionForm], measurements: Int = 40, threads: Int = 1
  ) throws -> CompressionSearch {
    let network = try MeasuredNetwork(model, pictures: 30, batch: 8, tensor: pictures)
    var statistics = try InputStatistics(of: model)
    try statistics.add(pictures(0..<30))
    var search = try CompressionSearch(
      model, on: network, moments: statistics.moments(),
      geometry: NetworkGeometry.layers(of: model),
      options: .init(forms: forms, measurements: measurements, threads: threads))
    try search.run()
    return search
  }

  private static let forms: [CompressionForm] = [0.01, 0.05, 0.2].flatMap {
    [.paper(threshold: $0), .joint(root: $0), .calibrated(root: $0)]
  }

  @Test func `nothing on the front is beaten, and each of it is what it says`() throws {
    let search = try Self.search(Self.forms)
    let front = search.front
    #expect(front.count > 3 && search.measured.count <= 9 + 40)
    for network in front {
      let stored = search.stored(network.forms)
      // The file, byte for byte.
      #expect(try SDLFile.bytes(stored).count == network.bytes)
      // The energy model over the layers as they are stored, without the entropy code.
      let geometry = try NetworkGeometry.layers(of: Self.model)
      let storage = stored.map { layer -> LayerStorage in
        guard case .structured(let layout, let codes, _, _) = layer.content else {
          return LayerStorage(bits: 32 * 432, keptRows: 1, rebuild: nil)
        }
        let account = StorageAccount(layout, codes)
        return LayerStorage(
          account, encoding: account.best(among: Encoding.published), n: layout.n)
      }
      let energy = EnergyModel().energy(Array(zip(geometry, storage))).reduce(0) { $0 + $1.total }
      #expect(abs(network.energy - energy) < 1e-9 * energy)
      // The distance of a network that holds these weights.
      var model = Self.model
      for (place, layer) in zip(model.graph.weightPlaces(), stored) {
        model.graph.replace(model.graph.tensor(at: place), at: place, with: layer.rebuilt())
      }
      let measured = try MeasuredNetwork(Self.model, pictures: 30, tensor: Self.pictures)
      let other = try MeasuredNetwork(model, pictures: 30, tensor: Self.pictures)
      let same = zip(try measured.classes(), try other.classes()).count { $0 == $1 }
      #expect(abs(network.distance.agreement - Double(same) / 30) < 1e-12)
      for rival in search.measured {
        let isBeaten =
          rival.bytes <= network.bytes && rival.energy <= network.energy
          && rival.distance.divergence <= network.distance.divergence
          && (rival.bytes < network.bytes || rival.energy < network.energy
            || rival.distance.divergence < network.distance.divergence)
        #expect(!isBeaten)
      }
    }
    // Layers of their own do at least as well as the best form for all.
    for uniform in search.uniform {
      #expect(
        front.contains {
          $0.bytes <= uniform.bytes && $0.energy <= uniform.energy
            && $0.distance.divergence <= uniform.distance.divergence
        })
    }
    #expect(front.contains { Set($0.forms).count > 1 })
  }

  @Test func `no thread and no second run gives another front`() throws {
    let first = try Self.search(Self.forms, threads: 1)
    let second = try Self.search(Self.forms, threads: 3)
    #expect(first.measured == second.measured && first.harms == second.harms)
  }

  @Test func `a network with its own weights is at no distance from itself`() throws {
    let network = try MeasuredNetwork(Self.model, pictures: 7, batch: 3, tensor: Self.pictures)
    let distance = try network.distance { _ in nil }
    #expect(distance.divergence == 0 && distance.agreement == 1)
    #expect(network.classCount == 5 && network.pictures == 7)
    // No picture tells the classes apart where the last layer is zero: log 5 less the entropy.
    let zero = try network.distance { $0 == "c" ? [Float](repeating: 0, count: 480) : nil }
    #expect(zero.divergence > 0)
    #expect(
      try network.classes { $0 == "c" ? [Float](repeating: 0, count: 480) : nil }
        == [Int](repeating: 0, count: 7))
  }

  @Test func `a member of the front is beaten by none, and of equal ones there is one`() {
    let points: [[Double]] = [[1, 5], [2, 4], [2, 4], [3, 4], [0, 9], [1, 6]]
    #expect(ParetoFront.members(points) == [0, 1, 4])
    #expect(!ParetoFront.beats([1, 1], [1, 1]) && ParetoFront.beats([1, 0], [1, 1]))
  }

  @Test func `options without meaning are refused before any work`() throws {
    func message(_ options: CompressionSearch.Options) -> String {
      do throws(SmartDealError) {
        try options.check()
        return "no error"
      } catch {
        return error.message
      }
    }
    #expect(message(.init(forms: [])).hasPrefix("there is no form to choose"))
    #expect(
      message(.init(forms: [.joint(root: 0.1), .joint(root: 0.1)])).hasPrefix(
        "a form is given twice"))
    #expect(
      message(.init(forms: [.paper(threshold: .nan)]))
        == "threshold is nan; it must be a number from 0")
    #expect(
      message(.init(forms: [.joint(root: 1)], measurements: -1))
        == "measurements is -1; it must be at least 0")
    var broken = Self.model
    broken.graph.initializers[0].data = TensorData(
      [Float](repeating: .infinity, count: 216), shape: [12, 2, 3, 3])
    let network = try MeasuredNetwork(Self.model, pictures: 2, tensor: Self.pictures)
    let error = #expect(throws: SmartDealError.self) {
      try CompressionSearch(
        broken, on: network, moments: [:], geometry: NetworkGeometry.layers(of: Self.model),
        options: .init(forms: [.paper(threshold: 0.1)]))
    }
    #expect(error?.message.contains("'a' holds inf at position 0") == true)
  }
}
