internal import Formats

/// A model's messages without the numbers of its initializers, and where in the file these are.
///
/// Decoding copies all that a message holds; of a large network that is twice its size. What is cut out
/// here, the field `raw_data` of initializers, is nearly all of it and needs no decoding.
struct WireCut {
  /// The messages without what was cut out.
  private(set) var skeleton: [UInt8] = []
  /// The numbers' place in the file, by the place among the graph's initializers.
  private(set) var payloads: [Int: Range<Int>] = [:]
  private let bytes: UnsafeRawBufferPointer
  private var initializers = 0

  private enum Message { case model, graph, tensor }

  /// Cuts a file's messages.
  ///
  /// - Parameter bytes: Messages that ``WireBudget`` has walked over, so that they nest.
  init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
    skeleton = cut(.model, 0..<bytes.count)
  }

  private mutating func cut(_ message: Message, _ range: Range<Int>) -> [UInt8] {
    var result: [UInt8] = []
    var position = range.lowerBound
    // Bytes from here on are still to be taken over.
    var start = position
    while position < range.upperBound {
      let begin = position
      let (tag, content) = field(&position)
      let inner: Message? =
        switch (message, tag >> 3) {
        case (.model, 7): .graph
        case (.graph, 5): .tensor
        default: nil
        }
      guard let inner, let content else { continue }
      if inner == .tensor {
        let place = initializers
        initializers += 1
        guard let payload = payload(of: content) else { continue }
        payloads[place] = payload.numbers
        result += bytes[start..<begin]
        append(tag, content.count - payload.field.count, to: &result)
        result += bytes[content.lowerBound..<payload.field.lowerBound]
        result += bytes[payload.field.upperBound..<content.upperBound]
      } else {
        let part = cut(inner, content)
        result += bytes[start..<begin]
        append(tag, part.count, to: &result)
        result += part
      }
      start = position
    }
    result += bytes[start..<range.upperBound]
    return result
  }

  /// The field with a tensor's numbers, and these; nil where there is none, or more than one.
  private func payload(of tensor: Range<Int>) -> (field: Range<Int>, numbers: Range<Int>)? {
    var found: (field: Range<Int>, numbers: Range<Int>)?
    var position = tensor.lowerBound
    while position < tensor.upperBound {
      let start = position
      let (tag, content) = field(&position)
      guard tag >> 3 == 9, let content, !content.isEmpty else { continue }
      // A field that is given twice means its last value.
      guard found == nil else { return nil }
      found = (start..<position, content)
    }
    return found
  }

  /// Steps over a field: its number and type, and where its content is if it has a length of its own.
  private func field(_ position: inout Int) -> (tag: UInt64, content: Range<Int>?) {
    let tag = varint(&position)
    switch tag & 7 {
    case 0: _ = varint(&position)
    case 1: position += 8
    case 5: position += 4
    default:
      let length = Int(varint(&position))
      position += length
      return (tag, position - length..<position)
    }
    return (tag, nil)
  }

  private func append(_ tag: UInt64, _ length: Int, to result: inout [UInt8]) {
    for number in [tag, UInt64(length)] {
      var rest = number
      while rest >= 0x80 {
        result.append(UInt8(truncatingIfNeeded: rest) | 0x80)
        rest >>= 7
      }
      result.append(UInt8(rest))
    }
  }

  private func varint(_ position: inout Int) -> UInt64 {
    var number: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      let byte = bytes[position]
      position += 1
      number |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return number }
      shift += 7
    }
  }
}
