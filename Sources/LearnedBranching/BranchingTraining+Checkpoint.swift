public import Formats

extension BranchingTraining {
  /// Everything that is needed to go on to the same numbers.
  public func checkpoint() -> Safetensors {
    func flat(_ name: String, _ values: [Float]) -> NamedTensor {
      NamedTensor(name: name, data: TensorData(values, shape: [values.count]))
    }
    let books: [Double] = [
      Double(epoch), Double(bestEpoch), Double(adam.steps), rate, lowestLoss,
      Double(epochsSinceLowest), isFinished ? 1 : 0, bestScore?.loss ?? .nan,
      bestScore?.accuracy ?? .nan, bestScore?.quality ?? .nan,
    ]
    return Safetensors([
      flat("network", network.parameters.values), flat("best", best.parameters.values),
      flat("average", average), flat("first", adam.first), flat("second", adam.second),
      NamedTensor(name: "books", data: TensorData(books, shape: [books.count])),
    ])
  }

  /// Goes on from a checkpoint of a training with the same options and seed.
  ///
  /// - Throws: `FormatError` where a tensor is missing or of another size.
  public mutating func restore(_ content: FileContent) throws(FormatError) {
    let file = try Safetensors(content)
    func take(_ name: String, _ count: Int) throws(FormatError) -> [Double] {
      guard let numbers = file[name]?.doubles(), numbers.count == count else {
        throw FormatError(
          file: content.name, found: "no '\(name)' of \(count) numbers",
          expected: "a checkpoint of this training")
      }
      return numbers
    }
    func floats(_ name: String) throws(FormatError) -> [Float] {
      try take(name, BranchingParameters.count).map { Float($0) }
    }
    let books = try take("books", 10)
    guard books[..<7].allSatisfy({ !$0.isNaN }), let epoch = Int(exactly: books[0]),
      let bestEpoch = Int(exactly: books[1]), let steps = Int(exactly: books[2]),
      let since = Int(exactly: books[5])
    else {
      throw FormatError(
        file: content.name, found: "'books' with numbers that are none of a training's",
        expected: "a checkpoint of this training")
    }
    network.parameters = BranchingParameters(values: try floats("network"))
    best.parameters = BranchingParameters(values: try floats("best"))
    average = try floats("average")
    adam = Adam(
      rate: Float(books[3]), decay: options.decay, first: try floats("first"),
      second: try floats("second"), steps: steps)
    (self.epoch, self.bestEpoch, epochsSinceLowest) = (epoch, bestEpoch, since)
    (lowestLoss, isFinished) = (books[4], books[6] != 0)
    bestScore =
      books[7].isNaN ? nil : Score(loss: books[7], accuracy: books[8], quality: books[9])
  }
}
