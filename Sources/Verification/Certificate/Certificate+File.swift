public import Formats

/// A certificate as one safetensors file.
///
/// `format`, `boxes` and the kind of each are in the metadata; arrays of different lengths lie one
/// after the other with their lengths beside them.
extension Certificate {
  private static let format = "pipeline-certificate-1"

  /// Writes the file.
  ///
  /// - Throws: `FormatError` where it can't be written.
  public func write(to path: String) throws(FormatError) {
    var tensors: [NamedTensor] = []
    func integers(_ name: String, _ numbers: [Int]) {
      tensors.append(NamedTensor(name: name, data: TensorData(numbers, shape: [numbers.count])))
    }
    func floats(_ name: String, _ numbers: [Float]) {
      tensors.append(NamedTensor(name: name, data: TensorData(numbers, shape: [numbers.count])))
    }
    func doubles(_ name: String, _ numbers: [Double]) {
      tensors.append(NamedTensor(name: name, data: TensorData(numbers, shape: [numbers.count])))
    }
    var metadata = ["format": Certificate.format, "boxes": String(proofs.count)]
    for (index, proof) in proofs.enumerated() {
      switch proof {
      case .boxes(let proof):
        metadata["\(index)"] = "boxes"
        integers("\(index).tree", proof.tree)
        integers("\(index).part", proof.closures.map(\.part))
        integers("\(index).clause", proof.closures.map(\.clause))
        integers("\(index).row", proof.closures.map(\.row))
        integers("\(index).alpha.counts", proof.closures.map(\.alpha.count))
        floats("\(index).alpha", proof.closures.flatMap(\.alpha))
      case .splits(let proof):
        metadata["\(index)"] = "splits"
        metadata["\(index).layers"] = String(proof.layers.count)
        metadata["\(index).clauses"] = String(proof.clauses.count)
        metadata["\(index).tightens"] = String(proof.tightens)
        for (k, layer) in proof.layers.enumerated() {
          let keys = layer.queries.keys.sorted()
          let slopes = keys.map { layer.queries[$0] ?? [] }
          integers("\(index).layer.\(k).queries", keys)
          integers("\(index).layer.\(k).counts", slopes.map(\.count))
          integers("\(index).layer.\(k).layers", slopes.flatMap { $0.map { Int($0.layer) } })
          integers("\(index).layer.\(k).neurons", slopes.flatMap { $0.map { Int($0.neuron) } })
          floats("\(index).layer.\(k).values", slopes.flatMap { $0.map(\.value) })
        }
        for (c, clause) in proof.clauses.enumerated() {
          integers("\(index).clause.\(c).tree", clause.tree)
          integers("\(index).clause.\(c).beta.counts", clause.leaves.map(\.beta.count))
          doubles("\(index).clause.\(c).beta", clause.leaves.flatMap(\.beta))
          doubles("\(index).clause.\(c).weights", clause.leaves.flatMap(\.weights))
          floats("\(index).clause.\(c).alpha", clause.leaves.flatMap(\.alpha))
        }
      }
    }
    if let witness {
      metadata["witness.problem"] = String(witness.problem)
      metadata["witness.clause"] = String(witness.clause)
      doubles("witness", witness.input)
    }
    try Safetensors(tensors, metadata: metadata).write(to: path)
  }

  /// Reads a file that `write(to:)` wrote.
  ///
  /// - Throws: `FormatError` that names what lacks or does not fit.
  public static func read(path: String) throws(FormatError) -> Certificate {
    let file = try Safetensors(path: path)
    func failure(_ found: String) -> FormatError {
      FormatError(file: path, found: found, expected: "a certificate of the stage verify")
    }
    guard file.metadata["format"] == format else {
      throw failure("the format '\(file.metadata["format"] ?? "")'")
    }
    let arrays = Dictionary(
      file.tensors.map { ($0.name, $0.data) }, uniquingKeysWith: { first, _ in first })
    func data(_ name: String) throws(FormatError) -> TensorData {
      guard let data = arrays[name] else { throw failure("no array '\(name)'") }
      return data
    }
    func integers(_ name: String) throws(FormatError) -> [Int] {
      guard let numbers = try data(name).integers() else {
        throw failure("the array '\(name)' is not of integers")
      }
      return numbers
    }
    func count(_ name: String) throws(FormatError) -> Int {
      guard let count = file.metadata[name].flatMap({ Int($0) }), (0...100_000).contains(count)
      else { throw failure("'\(name)' is '\(file.metadata[name] ?? "")'") }
      return count
    }
    /// Cuts one array into parts.
    func parts<Number>(
      _ numbers: [Number], _ counts: [Int], _ name: String
    ) throws(FormatError) -> [[Number]] {
      var position = 0
      var result: [[Number]] = []
      for count in counts {
        guard count >= 0, count <= numbers.count - position else {
          throw failure("the array '\(name)' is shorter than its counts say")
        }
        result.append(Array(numbers[position..<position + count]))
        position += count
      }
      return result
    }
    var proofs: [Proof] = []
    for index in 0..<(try count("boxes")) {
      if file.metadata["\(index)"] == "boxes" {
        let (part, clause) = (try integers("\(index).part"), try integers("\(index).clause"))
        let row = try integers("\(index).row")
        let counts = try integers("\(index).alpha.counts")
        guard part.count == clause.count, part.count == row.count, part.count == counts.count
        else { throw failure("closures of different counts") }
        let alpha = try parts(try data("\(index).alpha").floats(), counts, "\(index).alpha")
        proofs.append(
          .boxes(
            BoxProof(
              tree: try integers("\(index).tree"),
              closures: part.indices.map {
                Closure(part: part[$0], clause: clause[$0], row: row[$0], alpha: alpha[$0])
              })))
        continue
      }
      var layers: [LayerSlopes] = []
      for k in 0..<(try count("\(index).layers")) {
        let name = "\(index).layer.\(k)"
        let keys = try integers("\(name).queries")
        let counts = try integers("\(name).counts")
        let at = try parts(try integers("\(name).layers"), counts, name)
        let neurons = try parts(try integers("\(name).neurons"), counts, name)
        let values = try parts(try data("\(name).values").floats(), counts, name)
        guard keys.count == counts.count else { throw failure("queries of different counts") }
        var queries: [Int: [LayerSlopes.Slope]] = [:]
        for (position, key) in keys.enumerated() {
          var slopes: [LayerSlopes.Slope] = []
          for slope in at[position].indices {
            guard let layer = Int32(exactly: at[position][slope]),
              let neuron = Int32(exactly: neurons[position][slope])
            else { throw failure("a ReLU out of range") }
            slopes.append(
              LayerSlopes.Slope(layer: layer, neuron: neuron, value: values[position][slope]))
          }
          queries[key] = slopes
        }
        layers.append(LayerSlopes(queries: queries))
      }
      var clauses: [ClauseTree] = []
      for c in 0..<(try count("\(index).clauses")) {
        let name = "\(index).clause.\(c)"
        let counts = try integers("\(name).beta.counts")
        let beta = try parts(try data("\(name).beta").doubles(), counts, "\(name).beta")
        let weights = try data("\(name).weights").doubles()
        let alpha = try data("\(name).alpha").floats()
        let leafCount = counts.count
        guard leafCount > 0, weights.count % leafCount == 0, alpha.count % leafCount == 0 else {
          throw failure("leaves of different counts")
        }
        let (rows, relus) = (weights.count / leafCount, alpha.count / leafCount)
        clauses.append(
          ClauseTree(
            tree: try integers("\(name).tree"),
            leaves: (0..<leafCount).map { leaf in
              Leaf(
                weights: Array(weights[leaf * rows..<(leaf + 1) * rows]),
                alpha: Array(alpha[leaf * relus..<(leaf + 1) * relus]), beta: beta[leaf])
            }))
      }
      proofs.append(
        .splits(
          SplitProof(
            layers: layers, clauses: clauses,
            tightens: file.metadata["\(index).tightens"] != "false")))
    }
    var certificate = Certificate(proofs: proofs, witness: nil)
    if file.metadata["witness.problem"] != nil {
      certificate.witness = (
        try count("witness.problem"), try count("witness.clause"), try data("witness").doubles()
      )
    }
    return certificate
  }
}
