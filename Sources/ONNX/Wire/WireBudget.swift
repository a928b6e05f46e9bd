internal import Formats

/// Walks over a file's messages before they are decoded, and adds up what memory they will take.
///
/// Two bytes can stand for an empty node, which takes hundreds in memory: a file of those would
/// cost far more than its size tells. Also refused are lists in very many pieces, which honest
/// writers don't make and whose decoding takes quadratic time.
struct WireBudget {
  private let bytes: UnsafeRawBufferPointer
  private let file: String
  private var left: Int

  /// Numbers are cheap in a file where each takes a byte and become eight, in two places.
  private static let bytesPerByte = 14
  private static let always = 32 << 20
  private static let piecesPerList = 1000

  /// - Throws: `FormatError` with the code `limit`, or where the messages don't nest.
  static func check(_ bytes: UnsafeRawBufferPointer, file: String) throws(FormatError) {
    var budget = WireBudget(bytes: bytes, file: file)
    var position = 0
    try budget.walk(.model, &position, until: bytes.count)
  }

  private init(bytes: UnsafeRawBufferPointer, file: String) {
    self.bytes = bytes
    self.file = file
    left = WireBudget.always + bytes.count * WireBudget.bytesPerByte
  }

  private func failure(
    _ position: Int, _ found: String, expected: String = "", _ code: FormatError.Code = .malformed
  ) -> FormatError {
    FormatError(code, file: file, at: .offset(position), found: found, expected: expected)
  }

  // MARK: - What a field is

  private enum Message {
    case model, operatorSet, graph, node, attribute, tensor, entry, value, type, tensorType
    case shape, dimension

    /// Bytes in memory: a growing list holds up to three places per element for a moment, and the
    /// typed model is made while the message still exists.
    var cost: Int {
      switch self {
      case .model, .graph, .type, .tensorType, .shape: 256
      case .operatorSet, .entry, .dimension, .value: 320
      case .node, .tensor: 1024
      case .attribute: 768
      }
    }
  }

  private enum Field {
    case message(Message)
    /// A text or some bytes, one of many.
    case text
    /// Numbers of a type that takes so many bytes, each one to ten in the file.
    case varints(Int)
    /// Numbers of so many bytes.
    case fixed(Int)
    case other
  }

  private static func field(_ message: Message, _ number: UInt64) -> Field {
    switch (message, number) {
    case (.model, 7): .message(.graph)
    case (.model, 8): .message(.operatorSet)
    case (.graph, 1): .message(.node)
    case (.graph, 5): .message(.tensor)
    case (.graph, 11), (.graph, 12), (.graph, 13): .message(.value)
    case (.graph, 15): .text
    case (.node, 1), (.node, 2): .text
    case (.node, 5): .message(.attribute)
    case (.attribute, 5): .message(.tensor)
    case (.attribute, 7): .fixed(4)
    case (.attribute, 8): .varints(8)
    case (.attribute, 9): .text
    case (.tensor, 1), (.tensor, 7), (.tensor, 11): .varints(8)
    case (.tensor, 4): .fixed(4)
    case (.tensor, 5): .varints(4)
    case (.tensor, 10): .fixed(8)
    case (.tensor, 13): .message(.entry)
    case (.value, 2): .message(.type)
    case (.type, 1): .message(.tensorType)
    case (.tensorType, 2): .message(.shape)
    case (.shape, 1): .message(.dimension)
    default: .other
    }
  }

  // MARK: - Walking

  private mutating func walk(
    _ message: Message, _ position: inout Int, until end: Int
  ) throws(FormatError) {
    try spend(message.cost, position)
    var pieces: [UInt64: Int] = [:]
    while position < end {
      let start = position
      let tag = try varint(&position, until: end)
      let field = WireBudget.field(message, tag >> 3)
      switch tag & 7 {
      case 0:
        _ = try varint(&position, until: end)
        if case .varints(let size) = field { try spend(3 * size + 8, start) }
      case 1: try skip(8, &position, until: end)
      case 5:
        try skip(4, &position, until: end)
        if case .fixed(let size) = field { try spend(3 * size + 8, start) }
      case 2:
        let length = try varint(&position, until: end)
        guard length <= UInt64(end - position) else {
          throw failure(
            start, "a field of \(length) bytes where \(end - position) are left",
            expected: "a whole ONNX file")
        }
        let contentEnd = position + Int(length)
        switch field {
        case .message(let part): try walk(part, &position, until: contentEnd)
        case .text: try spend(64, start)
        case .fixed:
          try spend(2 * Int(length), start)
          try countPiece(tag >> 3, &pieces, start)
        case .varints(let size):
          let count = bytes[position..<contentEnd].count { $0 < 0x80 }
          try spend(2 * size * count, start)
          try countPiece(tag >> 3, &pieces, start)
        case .other: break
        }
        position = contentEnd
      default:
        throw failure(start, "wire type \(tag & 7)", expected: "an ONNX file, in protobuf's bytes")
      }
    }
  }

  private func countPiece(
    _ field: UInt64, _ pieces: inout [UInt64: Int], _ position: Int
  ) throws(FormatError) {
    pieces[field, default: 0] += 1
    guard pieces[field, default: 0] <= WireBudget.piecesPerList else {
      throw failure(
        position, "a list in more than \(WireBudget.piecesPerList) pieces", expected: "one", .limit)
    }
  }

  private mutating func spend(_ cost: Int, _ position: Int) throws(FormatError) {
    left -= cost
    guard left >= 0 else {
      throw failure(
        position, "far more messages than the \(bytes.count) bytes of a real network hold", .limit)
    }
  }

  private func skip(_ count: Int, _ position: inout Int, until end: Int) throws(FormatError) {
    guard end - position >= count else {
      throw failure(position, "a number that doesn't end", expected: "a whole ONNX file")
    }
    position += count
  }

  private func varint(_ position: inout Int, until end: Int) throws(FormatError) -> UInt64 {
    var number: UInt64 = 0
    let start = position
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      guard position < end else { break }
      let byte = bytes[position]
      position += 1
      number |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return number }
    }
    throw failure(start, "a number that doesn't end", expected: "a whole ONNX file")
  }
}
