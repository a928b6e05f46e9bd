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
    let networks = try #require(try Reference.file("golden.json")["networks"]?.list)
    let golden = try #require(
      networks.first { $0["file"]?.string == file && $0["threshold"]?.double == threshold })
    let tensors = try ONNXModel(path: Mirror.network(file)).graph.weightTensors()
    let layers = try #require(golden["layers"]?.list)
    #expect(tensors.map(\.name) == layers.map { $0["name"]?.string ?? "" })
    var stored: [StoredLayer] = []
    var error = 0.0
    var error8 = 0.0
    var norm = 0.0
    var totals = (nonZeros: 0, bits: 0, autoBits: 0, basisBits: 0)
    for (tensor, layer) in zip(tensors, layers) {
      let found = try Decomposition(
        tensor.weights, shape: tensor.shape, name: tensor.name,
        options: DecompositionOptions(threshold: threshold))
      let account = StorageAccount(found.layout, found.coefficients)
      func number(_ key: String) -> Int? { layer[key]?.int }
      #expect(tensor.shape == layer["shape"]?.list?.compactMap(\.int))
      #expect(found.layout.n == number("n"))
      #expect(found.layout.rowsPerBlock == number("rowsPerBlock"))
      #expect(found.layout.blocks == number("blocks"))
      #expect(account.coefficients == number("coefficients"))
      #expect(account.nonZeros == number("nnz"))
      #expect(account.zeroRows == number("zeroRows"))
      #expect(account.exponents.lowerBound == number("eMin"))
      #expect(account.exponents.upperBound == number("eMax"))
      #expect(account.storedBasisBits == number("basisBits"))
      #expect(found.sweeps == number("sweeps"))
      for encoding in Encoding.published {
        #expect(account.bits(of: encoding) == layer["bits"]?[encoding.name]?.int)
      }
      let histogram = layer["histogram"]?.map ?? [:]
      #expect(histogram.count == account.histogram.count)
      for (exponent, count) in account.histogram {
        #expect(histogram["\(exponent)"]?.int == count)
      }
      let symbols = found.coefficients.map { code in
        UInt8(
          bitPattern: code == 0
            ? 0 : Int8((CoefficientCode.exponent(code) + 32) * (code < 0 ? -1 : 1)))
      }
      #expect(Digest.of(symbols).hex == layer["symbolsSHA256"]?.string)
      let eight = StoredLayer(name: tensor.name, found)
      let square = squares(tensor.weights, found.rebuilt())
      let square8 = squares(tensor.weights, eight.rebuilt())
      let size = squares(tensor.weights, [Float](repeating: 0, count: tensor.weights.count))
      #expect(
        isNear((square / size).squareRoot(), layer["relativeError"]?.double, 1e-6))
      #expect(
        isNear((square8 / size).squareRoot(), layer["relativeError8"]?.double, 1e-6))
      error += square
      error8 += square8
      norm += size
      totals.nonZeros += account.nonZeros
      totals.bits += account.referenceBits
      totals.autoBits += account.bits(of: account.best(among: Encoding.published))
      totals.basisBits += account.storedBasisBits
      stored.append(eight)
    }
    #expect(totals.nonZeros == golden["nnz"]?.int)
    #expect(totals.bits == golden["referenceBits"]?.int)
    #expect(totals.autoBits == golden["autoCoefficientBits"]?.int)
    #expect(totals.basisBits == golden["basisBits"]?.int)
    #expect(isNear((error / norm).squareRoot(), golden["relativeError"]?.double, 1e-6))
    #expect(isNear((error8 / norm).squareRoot(), golden["relativeError8"]?.double, 1e-6))
    #expect(try SDLFile.bytes(stored).count == golden["containerBytes"]?.int)
  }

  /// Section 2.4 of the method: each within 1 %.
  @Test(arguments: [
    ("cifar_base_kw.onnx", 0.004, 8.83, 0.1291), ("cifar_base_kw.onnx", 0.008, 11.04, 0.1532),
    ("cifar_base_kw.onnx", 0.016, 15.05, 0.2292), ("cifar_wide_kw.onnx", 0.008, 14.16, 0.1746),
  ])
  func roundsJointly(file: String, root: Double, ratio: Double, expectedError: Double) throws {
    var (error, norm, bits, weights) = (0.0, 0.0, 0, 0)
    for tensor in try ONNXModel(path: Mirror.network(file)).graph.weightTensors() {
      let found = try Decomposition(
        tensor.weights, shape: tensor.shape, name: tensor.name,
        options: DecompositionOptions(rounding: .joint(lambda: root * root)))
      error += squares(tensor.weights, found.rebuilt())
      norm += squares(tensor.weights, [Float](repeating: 0, count: tensor.weights.count))
      bits += StorageAccount(found.layout, found.coefficients).bits(symbolBits: 4, basisBits: 8)
      weights += tensor.weights.count
    }
    #expect(isNear(32 * Double(weights) / Double(bits), ratio, 0.01))
    #expect(isNear((error / norm).squareRoot(), expectedError, 0.01))
  }

  @Test func normalisesAsThePaper() throws {
    var (error, norm, nonZeros) = (0.0, 0.0, 0)
    for tensor in try ONNXModel(path: Mirror.network("cifar_base_kw.onnx")).graph.weightTensors() {
      let found = try Decomposition(
        tensor.weights, shape: tensor.shape, name: tensor.name,
        options: DecompositionOptions(normalise: true, exponents: .init(-7, 0)))
      error += squares(tensor.weights, found.rebuilt())
      norm += squares(tensor.weights, [Float](repeating: 0, count: tensor.weights.count))
      nonZeros += found.nonZeros
    }
    #expect(nonZeros == 97_240)
    #expect(isNear((error / norm).squareRoot(), 0.14788, 1e-4))
  }

  private func squares(_ first: [Float], _ second: [Float]) -> Double {
    zip(first, second).reduce(0.0) { sum, pair in
      let difference = Double(pair.0) - Double(pair.1)
      return sum + difference * difference
    }
  }

  private func isNear(_ found: Double, _ wanted: Double?, _ tolerance: Double) -> Bool {
    guard let wanted else { return false }
    return (found - wanted).magnitude <= tolerance * wanted.magnitude
  }
}
