public import StructuredValue

extension NetworkRecord {
  static let format = "smartdeal-layers/1"

  /// The record as a stage writes it, totals included for those who read it.
  public var json: Value {
    [
      "format": .string(NetworkRecord.format), "layers": .list(layers.map(\.json)),
      "untouched": .list(untouched.map { .string($0) }),
      "totals": [
        "weights": .int(weights), "coefficients": .int(coefficients), "nonZeros": .int(nonZeros),
        "referenceCR": .double(referenceCR), "codeCR": .double(codeCR),
        "trainingCR": .double(trainingCR), "autoCR": .double(autoCR),
        "storedCR": .double(storedCR), "relativeError": .double(relativeError),
        "storedRelativeError": .double(storedRelativeError), "fileBytes": .int(fileBytes),
        "fileCR": fileCR.map { .double($0) } ?? .null,
      ],
    ]
  }

  /// Reads what ``json`` gave.
  ///
  /// - Throws: ``SmartDealError`` that says what is missing, and where.
  public init(json value: Value) throws(SmartDealError) {
    guard value["format"]?.string == NetworkRecord.format, let layers = value["layers"]?.list else {
      throw SmartDealError(
        .badRecord, "this is no record of layers in the format '\(NetworkRecord.format)'")
    }
    var records: [LayerRecord] = []
    for (index, layer) in layers.enumerated() {
      records.append(try LayerRecord(json: layer, place: index))
    }
    self.init(
      layers: records, untouched: (value["untouched"]?.list ?? []).compactMap(\.string),
      fileBytes: value["totals"]?["fileBytes"]?.int ?? 0)
  }
}

extension LayerRecord {
  /// The record as it is written.
  var json: Value {
    [
      "name": .string(name), "node": .string(node), "kind": .string(kind.rawValue),
      "shape": .list(shape.map { .int($0) }), "n": .int(n), "rowsPerBlock": .int(rowsPerBlock),
      "blocks": .int(blocks), "coefficients": .int(coefficients),
      "basisElements": .int(basisElements), "rows": .int(rows), "zeroRows": .int(zeroRows),
      "nonZeros": .int(nonZeros),
      "histogram": .map(
        Dictionary(uniqueKeysWithValues: histogram.map { ("\($0)", Value.int($1)) })),
      "bits": .map(Dictionary(uniqueKeysWithValues: bits.map { ($0.name, Value.int($1)) })),
      "encoding": encoding.map { .string($0.name) } ?? .null, "sweeps": .int(sweeps),
      "norm": .double(norm), "error": .double(error), "storedError": .double(storedError),
      "relativeError": .double(relativeError), "storedRelativeError": .double(storedRelativeError),
      "storedBits": .int(storedBits), "referenceBits": .int(referenceBits),
    ]
  }

  init(json value: Value, place: Int) throws(SmartDealError) {
    func need<Found>(_ key: String, _ found: Found?) throws(SmartDealError) -> Found {
      guard let found else {
        throw SmartDealError(
          .badRecord, "layer \(place) of the record has no usable '\(key)'")
      }
      return found
    }
    func count(_ key: String) throws(SmartDealError) -> Int {
      guard let number = value[key]?.int, number >= 0, number <= BlockLayout.limit else {
        return try need(key, nil)
      }
      return number
    }
    func number(_ key: String) throws(SmartDealError) -> Double {
      guard let number = value[key]?.double, number.isFinite, number >= 0 else {
        return try need(key, nil)
      }
      return number
    }
    name = try need("name", value["name"]?.string)
    node = try need("node", value["node"]?.string)
    kind = try need("kind", value["kind"]?.string.flatMap { TensorKind(rawValue: $0) })
    let shape = (value["shape"]?.list ?? []).compactMap(\.int)
    // The rules for shapes are those of tensors.
    do {
      _ = try BlockLayout(shape: shape, name: name)
    } catch {
      throw SmartDealError(.badRecord, "layer \(place) of the record: \(error.message)")
    }
    self.shape = shape
    n = try count("n")
    rowsPerBlock = try count("rowsPerBlock")
    blocks = try count("blocks")
    coefficients = try count("coefficients")
    basisElements = try count("basisElements")
    rows = try count("rows")
    zeroRows = try count("zeroRows")
    nonZeros = try count("nonZeros")
    _ = try need("zeroRows", zeroRows <= rows ? zeroRows : nil)
    histogram = [:]
    for (exponent, number) in value["histogram"]?.map ?? [:] {
      histogram[try need("histogram", Int(exponent))] = try need("histogram", number.int)
    }
    bits = [:]
    for (name, number) in value["bits"]?.map ?? [:] {
      let encoding = Encoding.allCases.first { $0.name == name }
      bits[try need("bits", encoding)] = try need("bits", number.int)
    }
    encoding = value["encoding"]?.string.flatMap { name in
      Encoding.allCases.first { $0.name == name }
    }
    if kind != .raw {
      let found = try need("encoding", encoding)
      _ = try need("bits", bits[found])
    }
    sweeps = try count("sweeps")
    norm = try number("norm")
    error = try number("error")
    storedError = try number("storedError")
  }
}
