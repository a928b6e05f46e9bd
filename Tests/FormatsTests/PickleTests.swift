import Formats
import Testing

private func value(_ bytes: [UInt8]) throws -> PickledValue {
  try Pickle.read(FileContent(bytes, name: "t.pickle"))
}

/// Opcodes as text, where each character is one byte, after the protocol's number.
private func value(_ code: String, protocol version: UInt8 = 2) throws -> PickledValue {
  try value([0x80, version] + code.unicodeScalars.map { UInt8($0.value) })
}

struct PickleTests {
  @Test func `scalars of all forms are read`() throws {
    #expect(try value("N.") == .none)
    #expect(try value("\u{88}.") == .bool(true))
    #expect(try value("J\u{FE}\u{FF}\u{FF}\u{FF}.") == .int(-2))
    #expect(try value("M\u{E8}\u{3}.") == .int(1000))
    #expect(try value("\u{8A}\u{2}\u{0}\u{80}.") == .int(-32768))
    #expect(try value("\u{8A}\u{0}.") == .int(0))
    #expect(try value("G\u{3F}\u{F8}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}.") == .double(1.5))
    #expect(try value("X\u{2}\u{0}\u{0}\u{0}\u{C3}\u{A9}.") == .string("é"))
    #expect(try value("U\u{1}\u{FF}.") == .bytes([255]))
    #expect(
      try value("\u{8A}\u{9}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{1}.")
        == .longInteger([0, 0, 0, 0, 0, 0, 0, 0, 1]))
  }

  @Test func `containers, batches and the memo work together`() throws {
    // [1, 2, (3,), {'a': <the tuple>}]; the dictionary comes in a second batch.
    let code = "]q\u{0}(K\u{1}K\u{2}K\u{3}\u{85}q\u{1}e(}(X\u{1}\u{0}\u{0}\u{0}ah\u{1}ue."
    let tuple = PickledValue.tuple([.int(3)])
    #expect(
      try value(code)
        == .list([.int(1), .int(2), tuple, .dict([PickledPair(.string("a"), tuple)])]))
  }

  @Test func `a list that is changed after it was shared is changed everywhere`() throws {
    // a = []; [a, a] with a.append(7) in between
    #expect(
      try value("](]q\u{0}h\u{0}K\u{7}ae.")
        == .list([.list([.int(7)]), .list([.int(7)])]))
  }

  @Test func `floats that come at once, singly and among others make one list`() throws {
    let half = "G\u{3F}\u{E0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}"
    let (number, seven) = (PickledValue.double(0.5), PickledValue.int(7))
    #expect(try value("](\(half)\(half)e(\(half)e.") == .list([number, number, number]))
    #expect(
      try value("](\(half)e\(half)a(K\u{7}\(half)e.") == .list([number, number, seven, number]))
    #expect(try value("](K\u{7}e(\(half)e.") == .list([seven, number]))
    #expect(try value("(\(half)\(half)t.") == .tuple([number, number]))
    // A list in a list, changed after it was shared.
    #expect(
      try value("](]q\u{0}h\u{0}(\(half)ee.") == .list([.list([number]), .list([number])]))
    for code in ["(\(half)e.", "}(\(half)e.", "](\(half).", "](\(half)", "](G\u{3F}e."] {
      #expect(throws: FormatError.self) { try value(code) }
    }
  }

  @Test func `numbers are read without what surrounds them`() throws {
    func numbers(_ code: String) throws -> PickledNumbers? {
      try Pickle.numbers(
        FileContent([0x80, 2] + code.unicodeScalars.map { UInt8($0.value) }, name: "t.pickle"))
    }
    let half = "G\u{3F}\u{E0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}"
    #expect(try numbers("](\(half)\(half)e.") == .list([0.5, 0.5]))
    #expect(try numbers("](K\u{7}\(half)\u{88}e.") == .list([7, 0.5, 1]))
    let (a, b) = ("X\u{1}\u{0}\u{0}\u{0}a", "X\u{1}\u{0}\u{0}\u{0}b")
    #expect(
      try numbers("}(\(a)](\(half)e\(b)K\u{2}u.")
        == .table(keys: ["a", "b"], rows: [[0.5], [2]]))
    #expect(try numbers("](\(a)e.") == nil)
    #expect(try numbers("}(K\u{1}K\u{2}u.") == nil)
    #expect(try numbers("N.") == nil)
    #expect(throws: FormatError.self) { try numbers("](\(half)e") }
  }

  @Test func `latin1 text becomes the bytes of a NumPy scalar`() throws {
    let code =
      "cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\nX\u{2}\u{0}\u{0}\u{0}i8K\u{0}K\u{1}\u{87}R"
      + "(K\u{3}X\u{1}\u{0}\u{0}\u{0}<NNNJ\u{FF}\u{FF}\u{FF}\u{FF}J\u{FF}\u{FF}\u{FF}\u{FF}K\u{0}tb"
      + "c_codecs\nencode\nX\u{9}\u{0}\u{0}\u{0}\u{C3}\u{BE}\u{1}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}"
      + "X\u{6}\u{0}\u{0}\u{0}latin1\u{86}R\u{86}R."
    let scalar = try value(code)
    #expect(scalar == .scalar(NumpyScalar(type: .int64, bits: 0x1FE)))
    #expect(scalar.int == 510 && scalar.double == 510)
  }

  @Test(arguments: [
    ("i\u{0}.", "byte 2: opcode INST, which no supported table uses"),
    ("\u{92}.", "byte 2: opcode NEWOBJ_EX, which no supported table uses"),
    ("\u{FF}.", "byte 2: opcode 0xff, which no supported table uses"),
    (
      "cos\nsystem\n.",
      "byte 2: GLOBAL asks for 'os system', which is not on the list of harmless names"
    ),
    (
      "X\u{8}\u{0}\u{0}\u{0}builtinsX\u{4}\u{0}\u{0}\u{0}eval\u{93}.",
      "byte 24: STACK_GLOBAL asks for 'builtins eval', which is not on the list of harmless names"
    ),
    ("cnumpy\nndarray\n)R.", "byte 18: REDUCE of 'numpy ndarray'"),
    ("K\u{1})R.", "byte 5: REDUCE of an object that is no class or function"),
    ("cnumpy\nndarray", "byte 2: GLOBAL with a name that does not end"),
    (
      "\u{95}\u{9}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}.",
      "byte 2: a FRAME of 9 bytes where 1 are left: the file is cut off"
    ),
    ("h\u{3}.", "byte 2: BINGET of memo index 3, which was never set"),
    (
      "Nr\u{FF}\u{FF}\u{FF}\u{FF}.",
      "byte 3: LONG_BINPUT to memo index 4294967295; expected at most 0"
    ),
    ("\u{86}.", "byte 2: TUPLE2 needs more objects than are on the stack"),
    ("](a.", "byte 4: APPEND needs more objects than are on the stack"),
    ("t.", "byte 2: TUPLE without a MARK on the stack"),
    ("K\u{1}K\u{2}a.", "byte 6: APPEND to an object that is no list"),
    ("}(K\u{1}u.", "byte 6: SETITEMS with a key that has no value"),
    ("NN.", "byte 4: STOP with 1 more objects on the stack"),
    ("N.N", "byte 4: 1 bytes after the opcode STOP"),
    ("N", "byte 3: the file ends before the opcode STOP"),
    ("G\u{0}.", "byte 3: the file ends inside BINFLOAT: 2 bytes left; expected 8"),
    ("X\u{1}\u{0}\u{0}\u{0}\u{FF}.", "byte 7: a BINUNICODE is not UTF-8"),
    ("]q\u{0}h\u{0}a.", "an object that contains itself"),
    ("\u{80}\u{9}.", "byte 2: pickle protocol 9; expected 2 to 5"),
    ("(K\u{1}K\u{2}tQ.", "a storage outside of a tensor"),
  ])
  func `a malformed or dangerous pickle is refused`(code: String, message: String) {
    let error = #expect(throws: FormatError.self) { try value(code) }
    #expect(error?.description == "t.pickle: " + message)
  }

  @Test func `deep nesting is refused instead of exhausting the stack`() {
    let code = String(repeating: "]", count: 200_000) + String(repeating: "a", count: 199_999)
    let error = #expect(throws: FormatError.self) { try value(code + ".") }
    #expect(error?.code == .limit)
  }

  @Test(arguments: [
    "]q\u{0}h\u{0}a.",  // A list in itself.
    "}q\u{0}X\u{1}\u{0}\u{0}\u{0}kh\u{0}s.",  // A dictionary under a key of its own.
    "]q\u{0}]q\u{1}h\u{0}ah\u{0}h\u{1}a.",  // Two lists in each other.
  ])
  func `a value that contains itself is refused`(code: String) {
    #expect(throws: FormatError.self) { try value(code) }
  }

  @Test func `references that multiply are refused instead of filling memory`() {
    // Forty pairs, each of twice the one before: 2^40 values.
    let code = "N" + String(repeating: "q\u{0}h\u{0}\u{86}", count: 40) + "."
    let error = #expect(throws: FormatError.self) { try value(code) }
    #expect(error?.code == .limit)
  }

  @Test func `a memo cannot grow far beyond what was read`() {
    // Each of these few bytes asked for a thousand entries.
    let error = #expect(throws: FormatError.self) { try value("Nr\u{0}\u{4}\u{0}\u{0}.") }
    #expect(error?.found == "LONG_BINPUT to memo index 1024")
  }

  @Test func `many copies of one long string are refused instead of filling memory`() {
    let zeros = FixtureBytes.little(UInt32(60_000)) + [UInt8](repeating: 0, count: 60_000)
    // An array of 7500 big-endian doubles, whose bytes are the string in the memo.
    let array =
      "cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\u{0}\u{85}U\u{1}b\u{87}R"
      + "(K\u{1}M\u{4C}\u{1D}\u{85}cnumpy\ndtype\nU\u{2}f8K\u{0}K\u{1}\u{87}R"
      + "(K\u{3}U\u{1}>NNNK\u{0}K\u{0}K\u{0}tb\u{89}h\u{0}tb"
    let code = array.unicodeScalars.map { UInt8($0.value) }
    func read(_ count: Int) throws -> PickledValue {
      let arrays = [[UInt8]](repeating: code, count: count).joined()
      return try value([0x80, 2, 0x28, 0x54] + zeros + [0x71, 0] + arrays + [0x74, 0x2E])
    }
    #expect(throws: Never.self) { try read(20) }
    let error = #expect(throws: FormatError.self) { try read(300) }
    #expect(error?.code == .limit)
  }

  @Test func `a NumPy array of either order and its wrong lengths`() throws {
    func array(_ shape: String, fortran: String, _ data: String) throws -> PickledValue {
      let dtype =
        "cnumpy\ndtype\nX\u{2}\u{0}\u{0}\u{0}u1\u{89}\u{88}\u{87}R"
        + "(K\u{3}X\u{1}\u{0}\u{0}\u{0}|NNNJ\u{FF}\u{FF}\u{FF}\u{FF}J\u{FF}\u{FF}\u{FF}\u{FF}K\u{0}tb"
      return try value(
        "cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\u{0}\u{85}C\u{1}b\u{87}R"
          + "(K\u{1}\(shape)\(dtype)\(fortran)\(data)tb.", protocol: 4)
    }
    let shape = "K\u{2}K\u{3}\u{86}"
    let data = "C\u{6}\u{1}\u{2}\u{3}\u{4}\u{5}\u{6}"
    #expect(
      try array(shape, fortran: "\u{89}", data)
        == .array(TensorData(type: .uint8, shape: [2, 3], bytes: [1, 2, 3, 4, 5, 6])))
    #expect(
      try array(shape, fortran: "\u{88}", data)
        == .array(TensorData(type: .uint8, shape: [2, 3], bytes: [1, 3, 5, 2, 4, 6])))
    let error = #expect(throws: FormatError.self) {
      try array("K\u{7}K\u{3}\u{86}", fortran: "\u{89}", data)
    }
    #expect(error?.found == "6 bytes for an array of uint8 with shape [7, 3]")
  }
}
