import Formats
import Tensors
import Testing

struct TensorTests {
  @Test func `numbers come out as they went in`() throws {
    #expect(try Tensor([1.5, -2, 3] as [Float]).floats() == [1.5, -2, 3])
    #expect(try Tensor([1.5, -2, 3, 4], shape: [2, 2]).doubles() == [1.5, -2, 3, 4])
    #expect(try Tensor([1, -2, .max]).integers() == [1, -2, .max])
    #expect(try Tensor([true, false]).booleans() == [true, false])
    #expect(try Tensor([7, 255] as [UInt8]).integers() == [7, 255])
    #expect(try Tensor(3).dtype == .int64)
    #expect(try Tensor(3.5).double() == 3.5)
    #expect(try Tensor(true).boolean())
    #expect(try Tensor([Float](), shape: [0, 3]).shape == [0, 3])
  }

  @Test(arguments: ElementType.allCases.filter { ![.uint16, .uint32, .uint64].contains($0) })
  func `every type of a file comes out bit by bit`(type: ElementType) throws {
    let bytes = (0..<6 * type.size).map { UInt8(type == .bool ? $0 % 2 : ($0 * 37) % 120) }
    let data = TensorData(type: type, shape: [2, 3], bytes: bytes)
    #expect(try Tensor(data).data() == data)
    #expect(try Tensor(data).dtype.elementType == type)
  }

  @Test func `complex numbers do not lose their imaginary part in silence`() throws {
    let parts = try Tensor.call("aten::complex", Tensor([1.0]), Tensor([2.0]))
    let complex = try #require(parts[0].tensors.first)
    #expect(throws: TensorError.self) { try complex.doubles() }
    #expect(throws: TensorError.self) { try complex.integers() }
  }

  @Test func `a range that ends nowhere is refused`() throws {
    let row = try Tensor([1.0, 2, 3])
    #expect(throws: TensorError.self) { try row[0...Int.max] }
    #expect(try row[1...2].doubles() == [2, 3])
  }

  @Test func `numbers that do not fill the shape are refused`() {
    let error = #expect(throws: TensorError.self) { try Tensor([1.0, 2], shape: [3]) }
    #expect(error?.message == "2 numbers do not fill the shape [3]")
    #expect(throws: TensorError.self) { try Tensor([1.0, 2], shape: [-1, -2]) }
    #expect(throws: TensorError.self) { try Tensor([1.0], shape: [1 << 40, 1 << 40]) }
    #expect(throws: TensorError.self) { try Tensor.zeros([-1]) }
    #expect(throws: TensorError.self) { try Tensor.zeros([1 << 60]) }
    #expect(throws: TensorError.self) {
      try Tensor(TensorData(type: .uint16, shape: [1], bytes: [0, 0]))
    }
  }

  @Test func `shape, strides, rank, count and type are told`() throws {
    let x = try Tensor.arange(24).reshaped(2, 3, 4)
    #expect(x.shape == [2, 3, 4] && x.strides == [12, 4, 1] && x.rank == 3 && x.count == 24)
    let turned = try x.permuted(2, 0, 1)
    #expect(turned.shape == [4, 2, 3] && turned.strides == [1, 12, 4] && !turned.isContiguous)
    #expect(try turned.integers() == turned.contiguous().integers())
    #expect(x.dtype == .int64 && x.device == .cpu)
    #expect(try x.extent(-1) == 4)
    let error = #expect(throws: TensorError.self) { try x.extent(3) }
    #expect(error?.message == "int64[2, 3, 4] has no dimension 3")
  }

  @Test func `a subscript narrows dimension by dimension`() throws {
    let x = try Tensor.arange(24).reshaped(2, 3, 4)
    #expect(try x[1, 2, 3].integer() == 23)
    #expect(try x[-1, 0].integers() == [12, 13, 14, 15])
    #expect(try x[.all, 1, 2...3].integers() == [6, 7, 18, 19])
    #expect(try x[.ellipsis, 0].shape == [2, 3])
    #expect(try x[0, .ellipsis, 1].integers() == [1, 5, 9])
    #expect(try x[.new, 1].shape == [1, 3, 4])
    #expect(try x[.all, .new, .ellipsis, ..<2].shape == [2, 1, 3, 2])
    #expect(try x[.all, 1...].shape == [2, 2, 4])
    #expect(try x[.all, Tensor([2, 0]), 1].integers() == [9, 1, 21, 13])
    #expect(try x[0, Tensor([true, false, true])].shape == [2, 4])
    #expect(try x[1..<9].shape == [1, 3, 4])
    #expect(throws: TensorError.self) { try x[2] }
    #expect(throws: TensorError.self) { try x[0, 0, 0, 0] }
    #expect(throws: TensorError.self) { try x[(-2)..<1] }
  }

  @Test func `replacing gives a copy`() throws {
    let x = try Tensor.zeros([2, 3])
    let y = try x.replacing(1, along: 0, with: .ones([3]))
    #expect(try y.floats() == [0, 0, 0, 1, 1, 1])
    #expect(try x.replacing(1..<3, along: 1, with: .ones([2, 2])).floats() == [0, 1, 1, 0, 1, 1])
    let indices = try [Tensor([0, 0]), Tensor([2, 2])]
    #expect(
      try x.replacing(at: indices, with: .ones([2]), accumulating: true).floats()
        == [0, 0, 2, 0, 0, 0])
    #expect(try x.floats() == [0, 0, 0, 0, 0, 0])
  }

  @Test func `in place changes views, and nothing else does`() throws {
    let x = try Tensor.zeros([2, 2])
    let row = try x[0]
    let copy = try x.copy()
    _ = try x + 1
    #expect(try row.floats() == [0, 0])
    try x.addInPlace(2)
    try x.multiplyInPlace(by: 3)
    #expect(try row.floats() == [6, 6])
    #expect(try copy.floats() == [0, 0, 0, 0])
    try row.copyInPlace(from: Tensor([1.0, 2]))
    #expect(try x.floats() == [1, 2, 6, 6])
  }

  @Test func `memory counts as shared while a view or a copy looks at it`() throws {
    var x = try Tensor.zeros([4])
    let isAlone = x.isUnshared()
    var other: Tensor? = try x[0..<2]
    let isSeen = x.isUnshared()
    other = nil
    let isAloneAgain = x.isUnshared()
    other = x
    let isCopied = x.isUnshared()
    #expect(isAlone && !isSeen && isAloneAgain && !isCopied && other != nil)
  }

  @Test func `integers stay integers beside integers`() throws {
    let x = try Tensor([1, 2, 3])
    #expect(try (x * 2).dtype == .int64)
    #expect(try (x * 2.0).dtype == .float32)
    #expect(try (Tensor.ones([2]) * 2.5).dtype == .float32)
    #expect(try (x / 2).floats() == [0.5, 1, 1.5])
  }

  @Test func `comparisons give truth values`() throws {
    let x = try Tensor([1, 2, 3])
    #expect(try (x .> 1).booleans() == [false, true, true])
    #expect(try (x .<= Tensor([1, 1, 5])).booleans() == [true, false, true])
    #expect(try (x .== 2).or(x .!= 2).all().boolean())
    #expect(try x.selected(where: x .>= 2, otherwise: -x).integers() == [-1, 2, 3])
    #expect(try x.filled(where: x .< 2, with: 9).integers() == [9, 2, 3])
    #expect(try x.elements(where: x .> 1).integers() == [2, 3])
    #expect(try (x .> 1).nonzero().integers() == [1, 2])
  }

  @Test func `creation fills as said`() throws {
    #expect(try Tensor.arange(0.0, 1, step: 0.25).floats() == [0, 0.25, 0.5, 0.75])
    #expect(try Tensor.arange(5, 0, step: -2).integers() == [5, 3, 1])
    #expect(try Tensor.linspace(0, 1, count: 3).floats() == [0, 0.5, 1])
    #expect(try Tensor.full([2], 7, dtype: .int64).integers() == [7, 7])
    #expect(try Tensor.eye(2, 3).floats() == [1, 0, 0, 0, 1, 0])
    #expect(try Tensor.full(like: .zeros([2], dtype: .float64), 0.1).doubles() == [0.1, 0.1])
    #expect(try Tensor([0, 2]).oneHot(classes: 3).integers() == [1, 0, 0, 0, 0, 1])
  }

  @Test func `a description shows type, shape and the ends of what is long`() throws {
    let square = try Tensor([1, 2, 3, 4], shape: [2, 2])
    #expect(square.description == "int64[2, 2]\n[[1, 2],\n [3, 4]]")
    #expect(try Tensor.arange(100).description == "int64[100]\n[0, 1, 2, …, 97, 98, 99]")
    #expect(try Tensor(0.5).description == "float64[] 0.5")
    #expect(try Tensor([true]).description == "bool[1]\n[true]")
    #expect(try Tensor.zeros([0, 2]).description == "float32[0, 2]")
  }

  @Test func `errors show the call and both shapes`() throws {
    let x = try Tensor.zeros([2, 3])
    let y = try Tensor.zeros([4, 5], dtype: .float64)
    let product = #expect(throws: TensorError.self) { try x.matmul(y) }
    #expect(product?.code == .computation)
    #expect(product?.message.contains("aten::matmul(float32[2, 3], float64[4, 5])") == true)
    let sum = #expect(throws: TensorError.self) { try x + y }
    #expect(sum?.message.contains("aten::add.Tensor(float32[2, 3], float64[4, 5])") == true)
    #expect(throws: TensorError.self) { try x.reshaped(4) }
    #expect(throws: TensorError.self) { try x.double() }
    #expect(throws: TensorError.self) { try Tensor.concatenated([]) }
    #expect(throws: TensorError.self) { try Tensor([-1]).embedding(x) }
    #expect(throws: TensorError.self) { try (-Tensor.eye(2)).cholesky() }
    #expect(throws: TensorError.self) { try x.to(.cuda(97)) }
  }

  @Test func `one million operations leave memory as it was`() throws {
    let x = try Tensor.ones([16])
    var sum = x
    for _ in 0..<1000 { sum = try sum * 0.5 + x }
    let before = TensorRuntime.memory
    for _ in 0..<500_000 { sum = try sum * 0.5 + x }
    // A tensor takes some 400 bytes, so that keeping each would take 400 MB; tests beside this one
    // take some memory, too.
    #expect(TensorRuntime.memory - before < 100 << 20)
    #expect(TensorRuntime.peakMemory >= before)
    #expect(try sum[0].double() == 2)
  }
}
