/// The bytes before the first quote, backslash or control character: what stands in JSON as it is.
///
/// - Returns: How many they are, and whether all of them are ASCII.
func plainPrefix(of bytes: UnsafeBufferPointer<UInt8>) -> (count: Int, isASCII: Bool) {
  var count = 0
  var seen: UInt64 = 0
  // Eight bytes at once, as long as none of them is special.
  let ones: UInt64 = 0x0101_0101_0101_0101
  let tops = ones << 7
  while count + 8 <= bytes.count {
    let word = UnsafeRawBufferPointer(bytes).loadUnaligned(fromByteOffset: count, as: UInt64.self)
    let quotes = word ^ (ones &* UInt64(UInt8(ascii: "\"")))
    let backslashes = word ^ (ones &* UInt64(UInt8(ascii: "\\")))
    // A byte's top bit is set where it is below 0x20, a quote or a backslash; what a borrow sets in a
    // later byte does no harm, since those are looked at one by one below.
    let special =
      ((word &- ones &* 0x20) & ~word | (quotes &- ones) & ~quotes
        | (backslashes &- ones) & ~backslashes) & tops
    if special != 0 { break }
    seen |= word
    count += 8
  }
  while count < bytes.count {
    let byte = bytes[count]
    if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte < 0x20 { break }
    seen |= UInt64(byte)
    count += 1
  }
  return (count, seen & tops == 0)
}
