import Formats
import Foundation
import Testing

/// Readers meet thousands of damaged files; each must read or refuse them, and never trap.
///
/// `FORMATS_MUTATIONS` sets the number per reader for a longer run.
struct MutationTests {
  static let rounds =
    ProcessInfo.processInfo.environment["FORMATS_MUTATIONS"].flatMap { Int($0) } ?? 3000

  typealias Reader = @Sendable (FileContent) throws -> Void

  static let pickle: [UInt8] = {
    var code: [UInt8] = [0x80, 4, 0x95, 120, 0, 0, 0, 0, 0, 0, 0, 0x5D, 0x94, 0x28, 0x4B, 1]
    code += [0x47, 0x3F, 0xF8, 0, 0, 0, 0, 0, 0, 0x8C, 1, 0x61, 0x94, 0x8C]
    code += [22] + Array("numpy.core.multiarray\n".utf8).dropLast() + [0x20, 0x94]
    code += [0x68, 1, 0x43, 2, 1, 2, 0x86, 0x94, 0x7D, 0x28, 0x68, 1, 0x4E, 0x75, 0x65, 0x2E]
    code[3] = UInt8(code.count - 11)
    return code
  }()

  static let dtype = Array(
    "cnumpy\ndtype\nX\u{2}\u{0}\u{0}\u{0}u1K\u{0}K\u{1}\u{87}R".unicodeScalars.map {
      UInt8($0.value)
    })

  static let arrayPickle: [UInt8] =
    [0x80, 2] + Array("cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK".utf8)
    + [0, 0x85, 0x43, 1, 0x62, 0x87, 0x52, 0x28, 0x4B, 1, 0x4B, 2, 0x4B, 3, 0x86] + dtype
    + [0x88, 0x43, 6, 1, 2, 3, 4, 5, 6, 0x74, 0x62, 0x2E]

  static let array = (try? NPY.bytes(TensorData([1, 2, 3, 4], shape: [2, 2]))) ?? []

  static let readers: [(String, [UInt8], Reader)] = [
    ("CSV", Array("a,b,c\r\n1,\"x\"\"y\",2.5\n-3,,1e-7\n".utf8), { _ = try CSV.read($0) }),
    ("words", Array(" 1 2.5\t-3\n4 5 6\r\n".utf8), { _ = try CSV.readWhitespaceSeparated($0) }),
    ("pickle", pickle, { _ = try Pickle.read($0) }),
    ("array pickle", arrayPickle, { _ = try Pickle.read($0) }),
    (
      "torch",
      FixtureBytes.zip([
        .init(name: "a/data.pkl", bytes: pickle), .init(name: "a/version", bytes: [0x33, 0x0A]),
      ]), { _ = try TorchFile.read($0) }
    ),
    (
      "CIFAR batch", arrayPickle,
      {
        _ = try? CIFARBatch($0); _ = try Pickle.read($0)
      }
    ),
    ("npy", array, { _ = try NPY.read($0) }),
    (
      "npz",
      FixtureBytes.zip([
        .init(name: "x.npy", bytes: array), .init(name: "y", bytes: array, isDeflated: true),
      ]), { _ = try NPZ.read($0) }
    ),
    ("IDX", [0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6], { _ = try IDX.read($0) }),
    (
      "gzipped IDX", FixtureBytes.gzip([0, 0, 8, 1, 0, 0, 0, 2, 5, 6]),
      { _ = try IDX.read($0) }
    ),
    (
      "PNG",
      FixtureBytes.png(
        width: 2, height: 3, color: 2,
        rows: [1, 1, 2, 3, 4, 5, 6, 4, 1, 2, 3, 4, 5, 6, 3, 1, 2, 3, 4, 5, 6]),
      { _ = try PNG.read($0) }
    ),
    (
      "safetensors",
      (try? Safetensors(
        [
          NamedTensor(name: "a", data: TensorData([1.0, 2], shape: [2])),
          NamedTensor(name: "b", data: TensorData([3], shape: [1])),
        ], metadata: ["k": "v"]
      ).bytes()) ?? [], { _ = try Safetensors($0) }
    ),
    (
      "JSON", Array(#"{"a": [1, -2.5e3, "\u00e9\n", true, null], "b": {"c": "é"}}"#.utf8),
      { _ = try JSONText.read($0) }
    ),
  ]

  /// SplitMix64 (Steele, Lea, Flood 2014).
  private struct Random {
    var state: UInt64
    mutating func next(below bound: Int) -> Int {
      state &+= 0x9E37_79B9_7F4A_7C15
      var bits = state
      bits = (bits ^ bits >> 30) &* 0xBF58_476D_1CE4_E5B9
      bits = (bits ^ bits >> 27) &* 0x94D0_49BB_1331_11EB
      return Int((bits ^ bits >> 31) % UInt64(max(bound, 1)))
    }
  }

  private func mutated(_ original: [UInt8], _ random: inout Random) -> [UInt8] {
    var bytes = original
    for _ in 0...random.next(below: 4) {
      let position = random.next(below: bytes.count)
      guard position < bytes.count else { continue }
      switch random.next(below: 7) {
      case 0: bytes[position] = UInt8(random.next(below: 256))
      case 1: bytes[position] ^= 1 << UInt8(random.next(below: 8))
      case 2: bytes.removeLast(random.next(below: bytes.count))
      case 3: bytes.insert(UInt8(random.next(below: 256)), at: position)
      case 4: bytes.remove(at: position)
      case 5: bytes[position] = [0, 0xFF, 0x7F, 0x80, 0x30, 0x39][random.next(below: 6)]
      default:
        let end = min(bytes.count, position + 1 + random.next(below: 9))
        bytes.insert(contentsOf: Array(bytes[position..<end]), at: random.next(below: bytes.count))
      }
    }
    return bytes
  }

  @Test(arguments: MutationTests.readers.indices)
  func `damaged files are read or refused`(index: Int) throws {
    let (name, original, read) = MutationTests.readers[index]
    try check(name, original, read, seed: UInt64(index), rounds: MutationTests.rounds)
  }

  static let mirrored: [(Mirror.Repository, String, Reader)] = [
    (
      .branching, "verification_20/wide_20.pkl",
      { _ = try Table(dataFrame: Pickle.read($0), name: $0.name) }
    ),
    (.help, "data/nasbench201/hardware_embedding_index.pt", { _ = try TorchFile.read($0) }),
    (.branching, "models/cifar_deep_kw.pth", { _ = try TorchFile.read($0) }),
    (.kuzushiji, "kmnist-test-labels.npz", { _ = try NPZ.read($0) }),
    (.mnist, "t10k-labels-idx1-ubyte.gz", { _ = try IDX.read($0) }),
  ]

  @Test(
    .enabled(if: Mirror.isPresent, "\(Mirror.isMissing)"),
    arguments: MutationTests.mirrored.indices)
  func `damaged copies of published files are read or refused`(index: Int) throws {
    let (repository, file, read) = MutationTests.mirrored[index]
    let content = try FileContent(path: Mirror.path(repository, file))
    let original = content.withBytes { Array($0) }
    // Big files take longer each and their mutations mostly hit numbers.
    try check(file, original, read, seed: UInt64(index), rounds: MutationTests.rounds / 30)
  }

  private func check(
    _ name: String, _ original: [UInt8], _ read: Reader, seed: UInt64, rounds: Int
  ) throws {
    #expect(!original.isEmpty)
    #expect(throws: Never.self, "\(name)") { try read(FileContent(original, name: "original")) }
    var random = Random(state: seed)
    var refused = 0
    for _ in 0..<rounds {
      let content = FileContent(mutated(original, &random), name: "damaged")
      do {
        try read(content)
      } catch is FormatError {
        refused += 1
      } catch {
        Issue.record("\(name): \(error) is no FormatError")
      }
    }
    // Otherwise the mutations would test nothing.
    #expect(refused > rounds / 20, "\(name)")
  }
}
