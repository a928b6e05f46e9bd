import NeuralNetworks
import Tensors
import Testing

struct TensorDatasetTests {
  static func numbered(_ count: Int) throws -> TensorDataset {
    let numbers = try Tensor.arange(count)
    return try TensorDataset(numbers.unsqueezed(1), numbers * 10)
  }

  @Test func `batches hold every sample once, in order or shuffled`() throws {
    let data = try TensorDatasetTests.numbered(10)
    let inOrder = try data.batches(of: 4).map { try $0.tensors[0].flattened().integers() }
    #expect(inOrder == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]])
    #expect(try data.batches(of: 4, dropsLast: true).map { try $0.tensors[1].count } == [4, 4])
    let random = RandomStream(seed: 3)
    let shuffled = try data.batches(of: 4, shuffledBy: random.child(0))
      .flatMap { try $0.tensors[0].flattened().integers() }
    #expect(shuffled.sorted() == Array(0..<10) && shuffled != Array(0..<10))
    let again = try data.batches(of: 3, shuffledBy: random.child(0))
      .flatMap { try $0.tensors[1].integers() }
    #expect(again == shuffled.map { $0 * 10 })
    let next = try data.batches(of: 4, shuffledBy: random.child(1))
      .flatMap { try $0.tensors[0].flattened().integers() }
    #expect(next != shuffled)
    #expect(data.batches(of: 4).count == 3)
  }

  @Test func `a split parts the samples`() throws {
    let data = try TensorDatasetTests.numbered(10)
    let (first, second) = try data.split(7, random: RandomStream(seed: 1))
    #expect(first.count == 7 && second.count == 3)
    let all = try first.tensors[1].integers() + second.tensors[1].integers()
    #expect(all.sorted() == (0..<10).map { $0 * 10 })
    #expect(throws: ModuleError.self) { try data.split(11, random: RandomStream(seed: 1)) }
    #expect(throws: TensorError.self) { try data[[10]] }
  }

  @Test func `tensors of different lengths are no data set`() {
    #expect(throws: ModuleError.self) { try TensorDataset(.zeros([2]), .zeros([3])) }
    #expect(throws: ModuleError.self) { try TensorDataset() }
    #expect(throws: TensorError.self) { try TensorDataset(Tensor(1.0)) }
  }
}
