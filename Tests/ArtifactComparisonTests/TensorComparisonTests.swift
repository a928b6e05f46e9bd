import ArtifactComparison
import Formats
import Testing

struct TensorComparisonTests {
  private func changes(_ old: TensorData, _ new: TensorData) throws -> Comparison {
    let scratch = try Scratch()
    let paths = ("\(scratch.path)/old", "\(scratch.path)/new")
    try NPY.write(old, to: paths.0)
    try NPY.write(new, to: paths.1)
    return compare(kind: "tensor", old: .file(path: paths.0), new: .file(path: paths.1))
  }

  @Test func `norms and the worst index follow their definitions`() throws {
    let old = TensorData([3.0, 0, 0, 4, 0, 0], shape: [2, 3])
    let new = TensorData([3.0, 0, 0, 4, 0, -2], shape: [2, 3])
    let comparison = try changes(old, new)
    guard case .tensors(let tensors) = comparison.difference, let change = tensors.changed.first
    else {
      Issue.record("no tensors")
      return
    }
    let distance = try #require(change.distance)
    #expect(distance.changed == 1 && distance.largest == 2 && distance.worstIndex == [1, 2])
    // ‖(0,…,−2)‖ / ‖(3, 4)‖, and 25 / (5 √29).
    #expect(distance.relativeL2 == 2.0 / 5)
    #expect(abs((distance.cosine ?? 0) - 25 / (5 * 29.0.squareRoot())) < 4e-16)
    #expect(comparison.first?.description == "tensor 'array' at [1, 2]: 0.0 → -2.0")
  }

  @Test func `NaN and infinity are counted and the first of them is the worst`() throws {
    let old = TensorData([1, .nan, .infinity, 4] as [Float], shape: [4])
    let new = TensorData([9, .nan, 3, .nan] as [Float], shape: [4])
    guard case .tensors(let tensors) = try changes(old, new).difference,
      let change = tensors.changed.first
    else {
      Issue.record("no tensors")
      return
    }
    #expect(change.oldNaNs == 1 && change.newNaNs == 2)
    #expect(change.oldInfinities == 1 && change.newInfinities == 0)
    #expect(change.distance?.changed == 3 && change.distance?.largest == 8)
    #expect(change.distance?.worstIndex == [2] && change.firstIndex == [0])
  }

  @Test func `shapes and types are compared`() throws {
    let two = TensorData([1.0, 2], shape: [2])
    let shaped = try changes(two, TensorData([1.0, 2], shape: [2, 1]))
    #expect(shaped.first?.description == "tensor 'array', shape: [2] → [2, 1]")
    let typed = try changes(two, TensorData([1, 2] as [Float], shape: [2]))
    #expect(typed.lines.last == "array: type float64 → float32")
    #expect(typed.first?.description == "tensor 'array', type: float64 → float32")
  }

  @Test func `big tensors are compared piece by piece without losing a place`() throws {
    var numbers = [Float](repeating: 1, count: 100_000)
    let old = TensorData(numbers, shape: [100, 1000])
    numbers[54_321] = 1.5
    let comparison = try changes(old, TensorData(numbers, shape: [100, 1000]))
    #expect(comparison.first?.description == "tensor 'array' at [54, 321]: 1.0 → 1.5")
  }

  @Test func `a model shows only the layers that changed`() throws {
    func model(_ bias: Float, extra: String) throws -> [UInt8] {
      try Safetensors([
        NamedTensor(name: "w", data: TensorData([0, 1, 2, 3] as [Float], shape: [2, 2])),
        NamedTensor(name: "b", data: TensorData([bias], shape: [1])),
        NamedTensor(name: extra, data: TensorData([1] as [Float], shape: [1])),
      ]).bytes()
    }
    let scratch = try Scratch()
    let old = try scratch.file("old", try model(1, extra: "x"))
    let new = try scratch.file("new", try model(0, extra: "y"))
    let comparison = compare(kind: "model", old: .file(path: old), new: .file(path: new))
    #expect(
      comparison.lines == [
        "3 tensors, 6 parameters, 24 bytes, 16.67 % zeros → "
          + "3 tensors, 6 parameters, 24 bytes, 33.33 % zeros",
        "x: removed", "y: added", "1 of 2 common tensors changed",
        "b: 1 elements, max |Δ| 1, relative L2 1, worst at [0]: 1.0 → 0.0",
      ])
  }
}
