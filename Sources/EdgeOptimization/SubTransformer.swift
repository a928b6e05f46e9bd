import Formats

/// A design of the space of hardware-aware transformers: ten numbers.
///
/// Source: Wang et al. (ACL 2020), section 3. As text its numbers between dashes, such as
/// `512-6-1877.3333333333333-6.0-640-3-1706.6666666666667-6.0-2.6666666666666665-1.3333333333333333`.
public struct SubTransformer: Hashable, Sendable {
  /// The columns of the published tables, in their order.
  public static let names = [
    "encoder_embed_dim", "encoder_layer_num", "encoder_ffn_embed_dim_avg",
    "encoder_self_attention_heads_avg", "decoder_embed_dim", "decoder_layer_num",
    "decoder_ffn_embed_dim_avg", "decoder_self_attention_heads_avg",
    "decoder_ende_attention_heads_avg", "decoder_arbitrary_ende_attn_avg",
  ]
  /// What the numbers are divided by.
  static let scales: [Double] = [640, 6, 2048, 6, 640, 6, 2048, 6, 6, 2]

  public let numbers: [Double]

  /// - Throws: `EdgeError` for another count than ten, or a number that is negative or not finite.
  public init(_ numbers: [Double]) throws(EdgeError) {
    guard numbers.count == 10 else {
      throw EdgeError(.badDesign, "\(numbers.count) numbers; a hat design has 10")
    }
    if let position = numbers.firstIndex(where: { !($0 >= 0 && $0.isFinite) }) {
      throw EdgeError(
        .badDesign,
        "\(SubTransformer.names[position]) of a hat design is \(numbers[position]); it is positive "
          + "and finite")
    }
    self.numbers = numbers
  }

  /// Reads the text form.
  ///
  /// - Throws: `EdgeError` with the position of what is no number.
  public init(_ text: String) throws(EdgeError) {
    var numbers: [Double] = []
    for (position, part) in text.split(separator: "-").enumerated() {
      guard let number = Double(part) else {
        throw EdgeError(.badDesign, "position \(position) of the hat design '\(text)' is no number")
      }
      numbers.append(number)
    }
    try self.init(numbers)
  }

  public var text: String { numbers.map { "\($0)" }.joined(separator: "-") }

  /// The ten numbers over their largest choices.
  public var encoding: [Double] { zip(numbers, SubTransformer.scales).map(/) }

  /// Reads a published table: designs, and the mean latencies of encoder plus decoder in ms.
  ///
  /// - Throws: `FormatError` for what is no CSV with these columns, `EdgeError` with the row that is
  ///   wrong.
  public static func table(
    csv path: String
  ) throws -> (designs: [SubTransformer], values: [Double]) {
    let table = try CSV.read(path: path)
    let columns = try names.map { try table.doubles($0) }
    let encoder = try table.doubles("latency_mean_encoder")
    let decoder = try table.doubles("latency_mean_decoder")
    let designs = try encoder.indices.map { row in
      do {
        return try SubTransformer(columns.map { $0[row] })
      } catch let error as EdgeError {
        throw EdgeError(error.code, "\(path): row \(row): \(error.message)")
      }
    }
    return (designs, zip(encoder, decoder).map(+))
  }
}
