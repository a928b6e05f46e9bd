import Formats
import Testing

struct ArrayFileTests {
  private func array(_ bytes: [UInt8]) throws -> TensorData {
    try NPY.read(FileContent(bytes, name: "t.npy"))
  }

  @Test(arguments: [UInt8(1), 2, 3])
  func `byte orders and layouts come out alike`(version: UInt8) throws {
    let little: [UInt8] = [1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0]
    let expected = TensorData(type: .int16, shape: [2, 3], bytes: little)
    func header(_ order: String, _ fortran: String) -> String {
      "{'descr': '\(order)i2', 'fortran_order': \(fortran), 'shape': (2, 3), }  \n"
    }
    func file(_ order: String, _ fortran: String, _ data: [UInt8]) -> [UInt8] {
      FixtureBytes.npy(header(order, fortran), data, version: version)
    }
    #expect(try array(file("<", "False", little)) == expected)
    let big: [UInt8] = [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6]
    #expect(try array(file(">", "False", big)) == expected)
    let columns: [UInt8] = [1, 0, 4, 0, 2, 0, 5, 0, 3, 0, 6, 0]
    #expect(try array(file("<", "True", columns)) == expected)
    #expect(expected.integers() == [1, 2, 3, 4, 5, 6])
  }

  @Test(arguments: ElementType.allCases.filter { $0 != .bfloat16 })
  func `every type survives writing and reading`(type: ElementType) throws {
    for shape in [[], [0], [3], [2, 3]] {
      let count = shape.reduce(type.size, *)
      let bytes = (0..<count).map { type == .bool ? UInt8($0 % 2) : UInt8($0) }
      let original = TensorData(type: type, shape: shape, bytes: bytes)
      let file = try NPY.bytes(original)
      #expect((file.count - count) % 64 == 0)
      #expect(try array(file) == original)
    }
  }

  @Test func `half precision widens exactly`() {
    let bits: [UInt16] = [0x3C00, 0xC000, 0x7BFF, 0x0001, 0x8000, 0x7C00, 0xFC00, 0x3555]
    let data = TensorData(
      type: .float16, shape: [8], bytes: bits.flatMap { FixtureBytes.little($0) })
    #expect(
      data.doubles() == [1, -2, 65504, 0x1p-24, -0.0, .infinity, -.infinity, 0.333251953125])
    let brain = TensorData(type: .bfloat16, shape: [2], bytes: [0x80, 0x3F, 0x40, 0xC0])
    #expect(brain.floats() == [1, -3])
  }

  @Test(arguments: [
    ("{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }", 8, "8 bytes of numbers"),
    ("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", 8, "type '|O'"),
    ("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': ()}", 8, "a malformed header"),
    ("{'descr': '<f8', 'fortran_order': False}", 8, "an incomplete header"),
    ("{'descr': '<f8', 'descr': '<f8', 'shape': ()}", 8, "key 'descr' in the header"),
    ("{'descr': '<f8', 'fortran_order': 1, 'shape': ()}", 8, "a malformed header"),
    (
      "{'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904, 8)}", 8,
      "shape [4611686018427387904, 8], which no memory holds"
    ),
    ("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}", 8, "a malformed shape"),
    ("", 0, "a malformed header"),
  ])
  func `a malformed array is refused`(header: String, count: Int, found: String) {
    let file = FixtureBytes.npy(header, [UInt8](repeating: 0, count: count))
    let error = #expect(throws: FormatError.self) { try array(file) }
    #expect(error?.found == found)
  }

  @Test func `an archive of arrays is read, stored and deflated`() throws {
    let one = TensorData([1.5, 2], shape: [2])
    let two = TensorData([3, 4], shape: [1, 2])
    let file = FixtureBytes.zip([
      .init(name: "a.npy", bytes: try NPY.bytes(one)),
      .init(name: "b.npy", bytes: try NPY.bytes(two), isDeflated: true),
    ])
    #expect(
      try NPZ.read(FileContent(file, name: "t.npz"))
        == [NamedTensor(name: "a", data: one), NamedTensor(name: "b", data: two)])
  }

  @Test func `IDX files are read, plain and gzipped`() throws {
    let file: [UInt8] = [0, 0, 0x0B, 2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 7, 0xFF, 0xFF]
    let expected = TensorData(type: .int16, shape: [2, 1], bytes: [7, 0, 0xFF, 0xFF])
    #expect(try IDX.read(FileContent(file, name: "t")) == expected)
    #expect(try IDX.read(FileContent(FixtureBytes.gzip(file), name: "t.gz")) == expected)
  }

  @Test func `malformed IDX files are refused`() {
    let labels: [UInt8] = [0, 0, 8, 1, 0, 0, 0, 2, 1, 2]
    var damaged = FixtureBytes.gzip(labels)
    damaged[damaged.count - 8] ^= 1
    let cases: [[UInt8]] = [
      [], [0, 0, 8], [0, 0, 7, 1, 0, 0, 0, 0], [1, 0, 8, 1, 0, 0, 0, 0], labels.dropLast() + [],
      labels + [3], [0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255],
      damaged, FixtureBytes.gzip(labels).dropLast(3) + [],
    ]
    for bytes in cases {
      #expect(throws: FormatError.self) { try IDX.read(FileContent(bytes, name: "t")) }
    }
  }

  @Test(.enabled(if: Mirror.isPresent, "\(Mirror.isMissing)"))
  func `MNIST's labels have the published class counts`() throws {
    let labels = try IDX.read(path: Mirror.path(.mnist, "train-labels-idx1-ubyte.gz"))
    #expect(labels.shape == [60000])
    let counts = (0..<10).map { digit in labels.bytes.count { $0 == digit } }
    #expect(counts == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949])
    let images = try IDX.read(path: Mirror.path(.mnist, "t10k-images-idx3-ubyte.gz"))
    #expect(images.shape == [10000, 28, 28])
    let letters = try IDX.read(path: Mirror.path(.letters, "t10k-images-idx3-ubyte.gz"))
    #expect(letters.shape == [10000, 28, 28])
  }

  @Test(.enabled(if: Mirror.isPresent, "\(Mirror.isMissing)"))
  func `KMNIST and the Fashion subset have their shapes`() throws {
    let images = try NPZ.read(path: Mirror.path(.kuzushiji, "kmnist-test-imgs.npz"))
    #expect(images.map(\.data.shape) == [[10000, 28, 28]])
    let labels = try NPZ.read(path: Mirror.path(.kuzushiji, "kmnist-test-labels.npz"))
    let digits = try #require(labels.first?.data.integers())
    #expect((0..<10).allSatisfy { digit in digits.count { $0 == digit } == 1000 })
    let fashion = try NPY.read(path: Mirror.path(.fashion, "data/fashion_test.npy"))
    #expect(fashion.shape == [5000, 785] && fashion.type == .uint8)
    #expect(Set(stride(from: 784, to: fashion.count, by: 785).map { fashion.bytes[$0] }).count == 5)
  }
}
