import ContentHashing
import ONNX
import StructuredValue
import Testing

@testable import SmartDeal

/// Published networks beside figures that NumPy gave.
@Suite(.enabled(if: Mirror.isPresent, "\(Mirror.isAbsent)")) struct GoldenTests {
  static let cases: [(file: String, threshold: Double)] = [
    ("cifar_base_kw.onnx", 0.004), ("cifar_base_kw.onnx", 0.01), ("cifar_base_kw.onnx", 0.02),
    ("cifar_deep_kw.onnx", 0.004), ("cifar_deep_kw.onnx", 0.01), ("cifar_deep_kw.onnx", 0.02),
    ("cifar_wide_kw.onnx", 0.004), ("cifar_wide_kw.onnx", 0.01), ("cifar_wide_kw.onnx", 0.02),
    ("resnet_2b.onnx", 0.004), ("resnet_2b.onnx", 0.01), ("resnet_2b.onnx", 0.02),
    ("mnist-net_256x2.onnx", 0.004), ("mnist-net_256x2.onnx", 0.01),
    ("mnist-net_256x2.onnx", 0.02), ("mnist-net_256x2.onnx", 0.04),
    ("mnist-net_256x2.onnx", 0.06), ("mnist-net_256x2.onnx", 0.08),
  ]

  @Test(arguments: cases)
  func agreesWithTheReference(file: String, threshold: Double) throws {
    let networks = try #require(try Reference.golden.get()["networks"]?.list)
    let golden = try #require(
      networks.first { $0["file"]?.string == file && $0["threshold"]?.double == threshold })
    let tensors = try ONNXModel(path: Mirror.network(file)).graph.weightTensors()
    let layers = try #require(golden["layers"]?.list)
    #expect(tensors.map(\.name) == layers.map { $0["name"]?.string ?? "" })
    let compression = NetworkCompression(options: DecompositionOptions(threshold: threshold))
    var stored: [StoredLayer] = []
    var records: [LayerRecord] = []
    for (index, (tensor, layer)) in zip(tensors, layers).enumerated() {
      let (found, record, _) = try compression.compress(tensor, index: index)
      func number(_ key: String) -> Int? { layer[key]?.int }
      #expect(tensor.shape == layer["shape"]?.list?.compactMap(\.int))
      #expect(record.n == number("n"))
      #expect(record.rowsPerBlock == number("rowsPerBlock"))
      #expect(record.blocks == number("blocks"))
      #expect(record.coefficients == number("coefficients"))
      #expect(record.nonZeros == number("nnz"))
      #expect(record.zeroRows == number("zeroRows"))
      #expect(record.histogram.keys.min() == number("eMin"))
      #expect(record.histogram.keys.max() == number("eMax"))
      #expect(record.storedBasisBits == number("basisBits"))
      #expect(record.sweeps == number("sweeps"))
      for encoding in Encoding.published {
        #expect(record.bits[encoding] == layer["bits"]?[encoding.name]?.int)
      }
      let histogram = layer["histogram"]?.map ?? [:]
      #expect(histogram.count == record.histogram.count)
      for (exponent, count) in record.histogram {
        #expect(histogram["\(exponent)"]?.int == count)
      }
      guard case .structured(_, let codes, _, _) = found.content else {
        Issue.record("\(tensor.name) was not decomposed")
        continue
      }
      let symbols = codes.map { code in
        UInt8(
          bitPattern: code == 0
            ? 0 : Int8((CoefficientCode.exponent(code) + 32) * (code < 0 ? -1 : 1)))
      }
      #expect(Digest.of(symbols).hex == layer["symbolsSHA256"]?.string)
      #expect(isNear(record.relativeError, layer["relativeError"]?.double, 1e-6))
      #expect(isNear(record.storedRelativeError, layer["relativeError8"]?.double, 1e-6))
      stored.append(found)
      records.append(record)
    }
    let network = NetworkRecord(layers: records)
    #expect(network.nonZeros == golden["nnz"]?.int)
    #expect(records.reduce(0) { $0 + $1.referenceBits } == golden["referenceBits"]?.int)
    let basisBits = records.reduce(0) { $0 + $1.storedBasisBits }
    #expect(
      records.reduce(0) { $0 + $1.autoBits } - basisBits == golden["autoCoefficientBits"]?.int)
    #expect(basisBits == golden["basisBits"]?.int)
    #expect(isNear(network.relativeError, golden["relativeError"]?.double, 1e-6))
    #expect(isNear(network.storedRelativeError, golden["relativeError8"]?.double, 1e-6))
    #expect(try SDLFile.bytes(stored).count == golden["containerBytes"]?.int)
    #expect(try NetworkRecord(json: network.json) == network)
  }

  /// Section 2.4 of the method: each within 1 %.
  @Test(arguments: [
    ("cifar_base_kw.onnx", 0.004, 8.83, 0.1291), ("cifar_base_kw.onnx", 0.008, 11.04, 0.1532),
    ("cifar_base_kw.onnx", 0.016, 15.05, 0.2292), ("cifar_wide_kw.onnx", 0.008, 14.16, 0.1746),
  ])
  func roundsJointly(file: String, root: Double, ratio: Double, expectedError: Double) throws {
    let compression = NetworkCompression(
      options: DecompositionOptions(rounding: .joint(lambda: root * root)))
    let network = NetworkRecord(
      layers: try ONNXModel(path: Mirror.network(file)).graph.weightTensors().enumerated().map {
        try compression.compress($1, index: $0).record
      })
    let bits = network.layers.reduce(0) { $0 + $1.referenceBits(symbolBits: 4, basisBits: 8) }
    let weights = network.weights
    #expect(isNear(32 * Double(weights) / Double(bits), ratio, 0.01))
    #expect(isNear(network.relativeError, expectedError, 0.01))
  }

  @Test func normalisesAsThePaper() throws {
    let compression = NetworkCompression(
      options: DecompositionOptions(normalise: true, exponents: .init(-7, 0)))
    let graph = try ONNXModel(path: Mirror.network("cifar_base_kw.onnx")).graph
    let network = NetworkRecord(
      layers: try graph.weightTensors().enumerated().map {
        try compression.compress($1, index: $0).record
      })
    #expect(network.nonZeros == 97_240)
    #expect(isNear(network.relativeError, 0.14788, 1e-4))
  }

  private func isNear(_ found: Double, _ wanted: Double?, _ tolerance: Double) -> Bool {
    guard let wanted else { return false }
    return (found - wanted).magnitude <= tolerance * wanted.magnitude
  }
}
