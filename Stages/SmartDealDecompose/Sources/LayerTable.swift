import SmartDeal

/// A row a weight tensor, and one for all of them.
enum LayerTable {
  static func text(_ record: NetworkRecord) -> String {
    var text =
      "tensor,node,kind,shape,block,blocks,coefficients,nonZeros,zeroRows,exponents,encoding,"
      + "bits,referenceCR,CR,relativeError,relativeError8,sweeps\n"
    for layer in record.layers { text += row(layer) + "\n" }
    let bits = record.layers.reduce(0) { $0 + $1.storedBits }
    text +=
      [
        "all", "", "", "\(record.weights)", "", "\(sum(record, \.blocks))",
        "\(record.coefficients)", "\(record.nonZeros)", "\(sum(record, \.zeroRows))", "", "",
        "\(bits)", rounded(record.referenceCR), rounded(record.storedCR),
        precise(record.relativeError), precise(record.storedRelativeError),
        "\(sum(record, \.sweeps))",
      ].joined(separator: ",") + "\n"
    return text
  }

  private static func row(_ layer: LayerRecord) -> String {
    let isRaw = layer.kind == .raw
    let exponents = layer.histogram.keys
    let cells = [
      quoted(layer.name), quoted(layer.node), layer.kind.rawValue,
      layer.shape.map(String.init).joined(separator: "×"),
      isRaw ? "" : "\(layer.rowsPerBlock)×\(layer.n)", "\(layer.blocks)", "\(layer.coefficients)",
      "\(layer.nonZeros)", "\(layer.zeroRows)",
      exponents.isEmpty ? "" : "\(exponents.min() ?? 0)…\(exponents.max() ?? 0)",
      layer.encoding?.name ?? "float32", "\(layer.storedBits)",
      rounded(32 * Double(layer.weights) / Double(max(layer.referenceBits, 1))),
      rounded(32 * Double(layer.weights) / Double(max(layer.storedBits, 1))),
      precise(layer.relativeError), precise(layer.storedRelativeError), "\(layer.sweeps)",
    ]
    return cells.joined(separator: ",")
  }

  private static func sum(_ record: NetworkRecord, _ count: (LayerRecord) -> Int) -> Int {
    record.layers.reduce(0) { $0 + count($1) }
  }

  private static func quoted(_ text: String) -> String {
    text.contains(where: { ",\"\n".contains($0) })
      ? "\"\(text.replacing("\"", with: "\"\""))\"" : text
  }

  private static func rounded(_ number: Double) -> String { "\((number * 1e4).rounded() / 1e4)" }
  private static func precise(_ number: Double) -> String { "\((number * 1e6).rounded() / 1e6)" }
}
