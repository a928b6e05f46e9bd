/// The opcodes that the tables and checkpoints of this field use; no others are executed.
enum PickleOpcode: UInt8 {
  case proto = 0x80
  case frame = 0x95
  case stop = 0x2E
  case mark = 0x28
  case emptyList = 0x5D
  case emptyDict = 0x7D
  case emptyTuple = 0x29
  case tuple = 0x74
  case tuple1 = 0x85
  case tuple2 = 0x86
  case tuple3 = 0x87
  case none = 0x4E
  case newTrue = 0x88
  case newFalse = 0x89
  case binInt = 0x4A
  case binInt1 = 0x4B
  case binInt2 = 0x4D
  case long1 = 0x8A
  case binFloat = 0x47
  case binUnicode = 0x58
  case shortBinUnicode = 0x8C
  case binBytes = 0x42
  case shortBinBytes = 0x43
  case binString = 0x54
  case shortBinString = 0x55
  case global = 0x63
  case stackGlobal = 0x93
  case reduce = 0x52
  case build = 0x62
  case newObj = 0x81
  case append = 0x61
  case appends = 0x65
  case setItem = 0x73
  case setItems = 0x75
  case binGet = 0x68
  case longBinGet = 0x6A
  case binPut = 0x71
  case longBinPut = 0x72
  case memoize = 0x94
  case binPersID = 0x51

  /// An opcode's name as Python's `pickletools` prints it, also for those that are refused.
  static func name(of byte: UInt8) -> String {
    if let opcode = PickleOpcode(rawValue: byte) { return opcode.name }
    return switch byte {
    case 0x30: "POP"
    case 0x31: "POP_MARK"
    case 0x32: "DUP"
    case 0x46: "FLOAT"
    case 0x49: "INT"
    case 0x4C: "LONG"
    case 0x50: "PERSID"
    case 0x53: "STRING"
    case 0x56: "UNICODE"
    case 0x64: "DICT"
    case 0x67: "GET"
    case 0x69: "INST"
    case 0x6C: "LIST"
    case 0x6F: "OBJ"
    case 0x70: "PUT"
    case 0x82: "EXT1"
    case 0x83: "EXT2"
    case 0x84: "EXT4"
    case 0x8B: "LONG4"
    case 0x8D: "BINUNICODE8"
    case 0x8E: "BINBYTES8"
    case 0x8F: "EMPTY_SET"
    case 0x90: "ADDITEMS"
    case 0x91: "FROZENSET"
    case 0x92: "NEWOBJ_EX"
    case 0x96: "BYTEARRAY8"
    case 0x97: "NEXT_BUFFER"
    case 0x98: "READONLY_BUFFER"
    default: "0x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
  }

  var name: String {
    switch self {
    case .proto: "PROTO"
    case .frame: "FRAME"
    case .stop: "STOP"
    case .mark: "MARK"
    case .emptyList: "EMPTY_LIST"
    case .emptyDict: "EMPTY_DICT"
    case .emptyTuple: "EMPTY_TUPLE"
    case .tuple: "TUPLE"
    case .tuple1: "TUPLE1"
    case .tuple2: "TUPLE2"
    case .tuple3: "TUPLE3"
    case .none: "NONE"
    case .newTrue: "NEWTRUE"
    case .newFalse: "NEWFALSE"
    case .binInt: "BININT"
    case .binInt1: "BININT1"
    case .binInt2: "BININT2"
    case .long1: "LONG1"
    case .binFloat: "BINFLOAT"
    case .binUnicode: "BINUNICODE"
    case .shortBinUnicode: "SHORT_BINUNICODE"
    case .binBytes: "BINBYTES"
    case .shortBinBytes: "SHORT_BINBYTES"
    case .binString: "BINSTRING"
    case .shortBinString: "SHORT_BINSTRING"
    case .global: "GLOBAL"
    case .stackGlobal: "STACK_GLOBAL"
    case .reduce: "REDUCE"
    case .build: "BUILD"
    case .newObj: "NEWOBJ"
    case .append: "APPEND"
    case .appends: "APPENDS"
    case .setItem: "SETITEM"
    case .setItems: "SETITEMS"
    case .binGet: "BINGET"
    case .longBinGet: "LONG_BINGET"
    case .binPut: "BINPUT"
    case .longBinPut: "LONG_BINPUT"
    case .memoize: "MEMOIZE"
    case .binPersID: "BINPERSID"
    }
  }
}
