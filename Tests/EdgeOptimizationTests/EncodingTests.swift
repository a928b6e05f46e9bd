import EdgeOptimization
import Statistics
import Testing

struct EncodingTests {
  /// A chain of one block by hand: 16 channels, e = 6, k = 5 at 32 × 32; all others are skips.
  @Test func `an FBNet block costs what its convolutions cost`() throws {
    let skips = [Int](repeating: 8, count: 22)
    var block = skips
    block[0] = 7
    let base = FBNet.cost(skips)
    let cost = FBNet.cost(block)
    // 1×1 from 16 to 96, 5×5 of 96 channels, 1×1 from 96 to 16; the skip before was free.
    #expect(cost.parameters - base.parameters == 16 * 96 + 25 * 96 + 96 * 16)
    #expect(cost.operations - base.operations == (16 * 96 + 25 * 96 + 96 * 16) * 1024)
    #expect(cost.activations - base.activations == (96 + 96 + 16) * 1024)
    // Stem, the 1×1s of six stages that change channels, head, classes.
    let channels = [16, 24, 32, 64, 112, 184, 352]
    let ends = 3 * 9 * 16 + 352 * 1504 + 1504 * 100
    #expect(
      base.parameters == zip(channels, channels.dropFirst()).reduce(ends) { $0 + $1.0 * $1.1 })
  }

  @Test func `two groups halve the 1×1 convolutions`() {
    var (plain, grouped) = ([Int](repeating: 8, count: 22), [Int](repeating: 8, count: 22))
    (plain[2], grouped[2]) = (0, 1)
    let saved = FBNet.cost(plain).parameters - FBNet.cost(grouped).parameters
    #expect(saved == 24 * 24)
  }

  @Test func `HELP's bits say kernel and kind`() {
    let bits = FBNet.helpEncoding([3, 5, 8] + [Int](repeating: 0, count: 19))
    #expect(bits.count == 132)
    #expect(Array(bits[..<18]) == [1, 0, 0, 0, 0, 1, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0])
  }

  @Test func `pairs stand for products of indicators`() throws {
    let design = [4, 2, 1, 2, 1, 1]
    let one = try #require(SearchSpace.nasbench201.block(.oneHot, [design])).row(0)
    let pairs = try #require(SearchSpace.nasbench201.block(.pairs, [design])).row(0)
    #expect(pairs.count == 375)
    var products: [Double] = []
    for first in 0..<6 {
      for second in first + 1..<6 {
        for left in 0..<5 {
          for right in 0..<5 { products.append(one[first * 5 + left] * one[second * 5 + right]) }
        }
      }
    }
    #expect(pairs == products)
  }

  @Test func `a once-for-all design reads as its text, and blocks beyond the depth are silent`()
    throws
  {
    let text = "75557757573753735353-64466343363336346436-22223-204"
    let design = try OnceForAll(text)
    #expect(design.text == text)
    #expect(design.encoding.count == 145)
    // 11 blocks of kernel and expansion, one resolution.
    #expect(design.encoding.reduce(0, +) == 23)
    #expect(design.encoding[2] == 1 && design.encoding[62] == 1 && design.encoding[120 + 19] == 1)
    #expect(design.encoding[6..<12].allSatisfy { $0 == 0 })
  }

  @Test(arguments: [
    (
      "75557757573753735353-64466343363336346436-22253-204",
      "depth 3 of an ofa design is 5; allowed are 2, 3, 4"
    ),
    (
      "75557757573753735453-64466343363336346436-22223-204",
      "kernel 17 of an ofa design is 4; allowed are 3, 5, 7"
    ),
    (
      "75557757573753735353-64466343363336346436-22223-202",
      "resolution of an ofa design is 202; allowed are 128 to 224 in steps of 4"
    ),
    ("7-6-2-128", "1 values for kernel; ofa needs 20"),
  ])
  func `numbers out of a set are refused`(text: String, message: String) {
    let error = #expect(throws: EdgeError.self) { try OnceForAll(text) }
    #expect(error?.message == message)
  }

  @Test func `the best designs are counted with their ties`() {
    // Predicted best: 0, 1, 2; measured best three: 0 and the tie of 1, 3 and 4.
    let top = TopDesigns(
      predicted: [1, 2, 3, 4, 5], measured: [1, 2, 9, 2, 2], count: 3, best: .lowest)
    #expect(top.recall.value == 2 / 3.0)
    #expect(top.regret.value == 0)
    let highest = TopDesigns(
      predicted: [1, 5, 3], measured: [4, 3, 2], count: 1, best: .highest)
    #expect(highest.recall.value == 0)
    #expect(highest.regret.value == 1)
    let all = TopDesigns(predicted: [1], measured: [1], count: 3, best: .lowest)
    #expect(all.recall.reason == "1 values, more than 3 are needed")
  }
}

@Suite(.enabled(if: Mirror.isPresent, "\(Mirror.isAbsent)"))
struct RealEncodingTests {
  static let transformers =
    "raw.githubusercontent.com/mit-han-lab/hardware-aware-transformers/"
    + "70e5a279d080670208249fdd98ed731fa9bcc466/latency_dataset"

  /// Ground truth of rows 0 to 1599 for rows 1800 to 1999, computed independently.
  @Test(arguments: [
    ("cpu_raspberrypi", [0.9945, 4.0702, 257.101, 782.879, 0.915]),
    ("cpu_xeon", [0.9828, 4.4077, 15.1135, 71.2623, 0.93]),
    ("gpu_titanxp", [0.9734, 3.3474, 6.05803, 18.3996, 0.99]),
  ])
  func `transformers' latencies are nearly linear in ten numbers`(
    device: String, facts: [Double]
  ) throws {
    let (spearman, percent, rootMeanSquare) = (facts[0], facts[1], facts[2])
    let (designs, values) = try SubTransformer.table(
      csv: "\(Mirror.root)/\(Self.transformers)/wmt14ende_\(device)_all.csv")
    let features = try DesignEncoding.hat.tableEntries(designs.map(\.text))
    let model = try LookupTableFit().fit(
      features.rows(Array(0..<1600)), Array(values[..<1600]))
    let quality = PredictionQuality(
      predicted: model.predict(features.rows(Array(1800..<2000))),
      measured: Array(values[1800...]))
    #expect(abs((quality.spearman.value ?? 0) - spearman) < 0.0002)
    // Six and five digits are given.
    #expect(abs((quality.rootMeanSquare.value ?? 0) / rootMeanSquare - 1) < 1e-5)
    #expect(abs((quality.meanAbsolutePercentage.value ?? 0) - percent) < 1e-4)
    #expect(abs((quality.largest.value ?? 0) / facts[3] - 1) < 1e-5)
    // Of 200 designs; a share is exact.
    #expect(abs((quality.within10.value ?? 0) - facts[4]) < 1e-9)
  }

  @Test func `once-for-all designs read from their file, NumPy's integers included`() throws {
    let designs = try OnceForAll.designs(
      path: "\(Mirror.root)/\(Mirror.help)/ofa/ofa_archs.pt")
    #expect(designs.count == 5000)
    #expect(designs[0].text == "75557757573753735353-64466343363336346436-22223-204")
    let (features, _) = try DesignEncoding.ofa.features(designs.map(\.text))
    #expect(features.columnCount == 145)
    let values = try Mirror.helpTable("ofa", "titan_rtx_64")
    let model = try RidgeFit(isLogarithmic: true)
      .fit(features.rows(Array(0..<1000)), Array(values[..<1000]))
    let quality = PredictionQuality(
      predicted: model.predict(features.rows(Array(4000..<5000))), measured: Array(values[4000...]))
    #expect((quality.spearman.value ?? 0) > 0.997, "\(quality.spearman)")
  }
}
