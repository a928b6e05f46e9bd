import Formats
import Testing

struct TorchFileTests {
  private static let one = FixtureBytes.Member(
    name: "archive/data.pkl", bytes: [0x80, 2, 0x4B, 1, 0x2E])

  private func value(_ bytes: [UInt8]) throws -> PickledValue {
    try TorchFile.read(FileContent(bytes, name: "t.pt"))
  }

  @Test func `the pickle inside a container of stored members is read`() throws {
    let version = FixtureBytes.Member(name: "archive/version", bytes: Array("3\n".utf8))
    #expect(try value(FixtureBytes.zip([TorchFileTests.one, version])) == .int(1))
  }

  @Test func `a bad container is refused by its member`() {
    var cases: [([UInt8], String)] = []
    var deflated = TorchFileTests.one
    deflated.isDeflated = true
    cases.append((FixtureBytes.zip([deflated]), "member 'archive/data.pkl' is deflated"))
    var damaged = TorchFileTests.one
    damaged.crc32 = 7
    cases.append((FixtureBytes.zip([damaged]), "the member is damaged"))
    let other = FixtureBytes.Member(name: "other/x", bytes: [1])
    cases.append(
      (FixtureBytes.zip([TorchFileTests.one, other]), "member 'other/x' outside of 'archive/'"))
    cases.append((FixtureBytes.zip([other]), "no member 'archive/data.pkl'"))
    cases.append(
      (FixtureBytes.zip([TorchFileTests.one, TorchFileTests.one]), "a second member"))
    cases.append((FixtureBytes.zip([TorchFileTests.one]).dropLast(1) + [], "no end record"))
    for (bytes, message) in cases {
      let error = #expect(throws: FormatError.self) { try value(bytes) }
      #expect(error?.description.contains(message) == true, "\(String(describing: error))")
    }
  }

  @Test func `tensors in a container are taken out of their storages`() throws {
    // _rebuild_tensor_v2(('storage', FloatStorage, '0', 'cpu', 4, None), 1, (2,), (2,), False, {})
    func text(_ text: String) -> [UInt8] {
      [0x58] + FixtureBytes.little(UInt32(text.utf8.count)) + Array(text.utf8)
    }
    func tensor(count: UInt8) -> [UInt8] {
      var code: [UInt8] = [0x80, 2] + Array("ctorch._utils\n_rebuild_tensor_v2\n((".utf8)
      code += text("storage") + Array("ctorch\nFloatStorage\n".utf8) + text("0") + text("cpu")
      code += [0x4B, 4, 0x4E, 0x74, 0x51, 0x4B, 1, 0x4B, count, 0x85, 0x4B, 2, 0x85, 0x89]
      return code + Array("ccollections\nOrderedDict\n)RtR.".utf8)
    }
    let numbers = [1, 2, 3, 4].flatMap { FixtureBytes.little(Float($0).bitPattern) }
    func file(count: UInt8) -> [UInt8] {
      FixtureBytes.zip([
        .init(name: "m/data.pkl", bytes: tensor(count: count)),
        .init(name: "m/data/0", bytes: numbers),
      ])
    }
    let value = try value(file(count: 2))
    #expect(value == .array(TensorData([2, 4] as [Float], shape: [2])))
    let error = #expect(throws: FormatError.self) { try self.value(file(count: 3)) }
    #expect(error?.found.contains("leave its 4 numbers") == true)
  }

  @Test(arguments: [
    (offset: 0, extent: 2, stride: -1), (offset: 3, extent: 2, stride: -1),
    (offset: -1, extent: 2, stride: 1), (offset: 0, extent: -2, stride: 1),
    (offset: 4, extent: 1, stride: 1), (offset: .max, extent: 2, stride: 1),
    (offset: 0, extent: .max, stride: 0), (offset: 0, extent: .max, stride: 1),
    (offset: 1, extent: 2, stride: .max), (offset: 0, extent: 1 << 40, stride: 1 << 30),
  ])
  func `a tensor that reaches beyond its storage is refused`(
    offset: Int, extent: Int, stride: Int
  ) {
    func text(_ text: String) -> [UInt8] {
      [0x58] + FixtureBytes.little(UInt32(text.utf8.count)) + Array(text.utf8)
    }
    // LONG1, eight bytes.
    func number(_ value: Int) -> [UInt8] {
      [0x8A, 8] + FixtureBytes.little(UInt64(bitPattern: Int64(value)))
    }
    var code: [UInt8] = [0x80, 2] + Array("ctorch._utils\n_rebuild_tensor_v2\n((".utf8)
    code += text("storage") + Array("ctorch\nFloatStorage\n".utf8) + text("0") + text("cpu")
    code += [0x4B, 4, 0x4E, 0x74, 0x51] + number(offset) + number(extent) + [0x85]
    code += number(stride) + [0x85, 0x89] + Array("ccollections\nOrderedDict\n)RtR.".utf8)
    let numbers = [1, 2, 3, 4].flatMap { FixtureBytes.little(Float($0).bitPattern) }
    let file = FixtureBytes.zip([
      .init(name: "m/data.pkl", bytes: code), .init(name: "m/data/0", bytes: numbers),
    ])
    #expect(throws: FormatError.self) { try value(file) }
  }

  @Test(
    .enabled(if: Mirror.isPresent, "\(Mirror.isMissing)"),
    arguments: [10, 100, 1000, 5000, 50_000, 400_000])
  func `a checkpoint that is cut off is refused`(length: Int) throws {
    let path = Mirror.path(.branching, "models/cifar_base_kw.pth")
    let whole = try FileContent(path: path).withBytes { Array($0) }
    #expect(throws: Never.self) { try value(whole) }
    #expect(throws: FormatError.self) { try value(Array(whole[..<length])) }
    var magic = whole
    magic[5] ^= 0xFF
    #expect(throws: FormatError.self) { try value(magic) }
  }

  @Test func `many views of one storage are refused instead of filling memory`() throws {
    func text(_ text: String) -> [UInt8] {
      [0x58] + FixtureBytes.little(UInt32(text.utf8.count)) + Array(text.utf8)
    }
    // 16384 numbers of four bytes, all of them in each view.
    var view = Array("ctorch._utils\n_rebuild_tensor_v2\n((".utf8)
    view += text("storage") + Array("ctorch\nFloatStorage\n".utf8) + text("0") + text("cpu")
    view += [0x4D, 0, 0x40, 0x4E, 0x74, 0x51, 0x4B, 0, 0x4D, 0, 0x40, 0x85, 0x4B, 1, 0x85, 0x89]
    view += Array("ccollections\nOrderedDict\n)RtR".utf8)
    func read(_ count: Int) throws -> PickledValue {
      let views = [[UInt8]](repeating: view, count: count).joined()
      return try value(
        FixtureBytes.zip([
          .init(name: "m/data.pkl", bytes: [0x80, 2, 0x28] + views + [0x74, 0x2E]),
          .init(name: "m/data/0", bytes: [UInt8](repeating: 0, count: 1 << 16)),
        ]))
    }
    #expect(try read(10).list?.count == 10)
    let error = #expect(throws: FormatError.self) { try read(1000) }
    #expect(error?.found.contains("views that ask for far more than the file holds") == true)
  }

  @Test(
    .enabled(if: Mirror.isPresent, "\(Mirror.isMissing)"),
    arguments: ["pixel3", "raspi4", "fpga"])
  func `a HELP table has all cells`(device: String) throws {
    let path = Mirror.path(.help, "data/nasbench201/latency/\(device).pt")
    #expect(try TorchFile.read(path: path).doubles?.count == 15625)
  }

  @Test(.enabled(if: Mirror.isPresent, "\(Mirror.isMissing)"))
  func `the HELP reference designs are those of the paper's code`() throws {
    let path = Mirror.path(.help, "data/nasbench201/hardware_embedding_index.pt")
    #expect(
      try TorchFile.read(path: path).list?.map(\.int)
        == [11982, 431, 55, 9, 14451, 8636, 9881, 13479, 6196, 1462])
  }

  @Test(.enabled(if: Mirror.isPresent, "\(Mirror.isMissing)"))
  func `the once-for-all designs hold NumPy scalars among their integers`() throws {
    let value = try TorchFile.read(path: Mirror.path(.help, "data/ofa/ofa_archs.pt"))
    let designs = try #require(value["arch"]?.list)
    #expect(designs.count == 5000)
    for design in designs {
      let kernels = design["ks"]?.list?.compactMap(\.int)
      let expansions = design["e"]?.list?.compactMap(\.int)
      let depths = design["d"]?.list?.compactMap(\.int)
      #expect(kernels?.count == 20 && Set([3, 5, 7]).isSuperset(of: kernels ?? [0]))
      #expect(expansions?.count == 20 && Set([3, 4, 6]).isSuperset(of: expansions ?? [0]))
      #expect(depths?.count == 5 && Set([2, 3, 4]).isSuperset(of: depths ?? [0]))
    }
  }

  @Test(
    .enabled(if: Mirror.isPresent, "\(Mirror.isMissing)"),
    arguments: [("base", 105_966), ("wide", 214_918), ("deep", 54_902)])
  func `a network checkpoint has the published number of parameters`(
    name: String, parameters: Int
  ) throws {
    let value = try TorchFile.read(path: Mirror.path(.branching, "models/cifar_\(name)_kw.pth"))
    let state = try #require(value["state_dict"]?.list?.first?.pairs)
    let tensors = state.compactMap(\.value.array)
    #expect(tensors.count == state.count)
    #expect(tensors.reduce(0) { $0 + $1.count } == parameters)
    #expect(tensors.allSatisfy { $0.type == .float32 && $0.floats().allSatisfy(\.isFinite) })
  }

  @Test(.enabled(if: Mirror.isPresent, "\(Mirror.isMissing)"))
  func `the trained graph network is a dictionary of tensors`() throws {
    let path = Mirror.path(
      .branching,
      "models/cifar_trained_gnn/"
        + "best_snapshot_None_0_val_acc_0.826_loss_val_0.1036_epoch_57.pt")
    let pairs = try #require(try TorchFile.read(path: path).pairs)
    #expect(!pairs.isEmpty && pairs.allSatisfy { $0.value.array != nil })
  }
}
