import Formats
import LearnedBranching
import Testing

struct SnapshotTests {
  private func file(_ tensors: [NamedTensor]) throws -> FileContent {
    try FileContent(Safetensors(tensors).bytes(), name: "own.safetensors")
  }

  @Test func `parameters survive the way through a file`() throws {
    let parameters = BranchingParameters(seed: 5)
    #expect(
      try BranchingParameters(safetensors: file(parameters.safetensors().tensors)) == parameters)
    #expect(parameters != BranchingParameters(seed: 6))
  }

  @Test func `a tensor that is missing, misshaped, not finite or unknown is refused by name`()
    throws
  {
    let tensors = BranchingParameters(seed: 5).safetensors().tensors
    let name = "EmbedUpdates.update.bc2.weight"
    let place = try #require(tensors.firstIndex { $0.name == name })
    var missing = tensors
    missing.remove(at: place)
    var misshaped = tensors
    misshaped[place].data = TensorData([Float](repeating: 0, count: 192 * 64), shape: [192, 64])
    var wrong = tensors
    var numbers = [Float](repeating: 0, count: 192 * 64)
    numbers[77] = .nan
    wrong[place].data = TensorData(numbers, shape: [64, 192])
    var more = tensors
    more.append(NamedTensor(name: "EmbedUpdates.update.bc9.bias", data: more[place].data))
    for (case_, part) in [
      (missing, name), (misshaped, "[192, 64]"), (wrong, name), (more, "bc9.bias"),
    ] {
      let error = #expect(throws: FormatError.self) {
        try BranchingParameters(safetensors: file(case_))
      }
      #expect(error?.description.contains(part) == true, "\(error?.description ?? "")")
    }
  }

  @Test func `a file that is no snapshot is refused`() {
    #expect(throws: FormatError.self) {
      try BranchingParameters(snapshot: FileContent(Array("hello".utf8), name: "x.pt"))
    }
  }
}
