import ContentHashing
import Formats
import Testing

struct PNGTests {
  private func image(_ bytes: [UInt8]) throws -> PixelImage {
    try PNG.read(FileContent(bytes, name: "t.png"))
  }

  @Test func `all five filters are undone`() throws {
    // Each row is 10, 20, 40, 90 once its filter is undone, computed by hand from the definition.
    let rows: [UInt8] = [
      0, 10, 20, 40, 90,  // none
      1, 10, 10, 20, 50,  // minus the left one
      2, 0, 0, 0, 0,  // minus the one above
      3, 5, 5, 10, 25,  // minus the mean of both, rounded down
      4, 0, 0, 0, 0,  // minus the Paeth predictor, here always the one above
    ]
    let file = FixtureBytes.png(width: 4, height: 5, color: 0, rows: rows)
    let image = try image(file)
    #expect(image.pixels == [[UInt8]](repeating: [10, 20, 40, 90], count: 5).flatMap { $0 })
    #expect(image.channels == 1)
  }

  @Test func `colours, alpha and palettes have their channels`() throws {
    let rgb = FixtureBytes.png(width: 1, height: 1, color: 2, rows: [0, 1, 2, 3])
    #expect(try image(rgb) == PixelImage(width: 1, height: 1, channels: 3, pixels: [1, 2, 3]))
    let rgba = FixtureBytes.png(width: 1, height: 1, color: 6, rows: [0, 1, 2, 3, 4])
    #expect(try image(rgba).pixels == [1, 2, 3, 4])
    let colors = FixtureBytes.chunk("PLTE", [9, 8, 7, 6, 5, 4])
    let palette = FixtureBytes.png(
      width: 2, height: 1, color: 3, extra: colors, rows: [0, 1, 0])
    #expect(try image(palette).pixels == [6, 5, 4, 9, 8, 7])
    let transparent = FixtureBytes.png(
      width: 2, height: 1, color: 3, extra: colors + FixtureBytes.chunk("tRNS", [0]),
      rows: [0, 1, 0])
    #expect(try image(transparent).pixels == [6, 5, 4, 255, 9, 8, 7, 0])
  }

  @Test func `what it cannot read is refused`() {
    let good = FixtureBytes.png(width: 1, height: 1, color: 0, rows: [0, 1])
    var damaged = good
    damaged[good.count - 20] ^= 1
    let cases: [([UInt8], String)] = [
      (damaged, "a damaged chunk 'IDAT': its checksum is wrong"),
      (good.dropLast(14) + [], "the file ends inside"),
      ([1, 2, 3], "the file ends inside"),
      (FixtureBytes.png(width: 1, height: 1, color: 0, depth: 16, rows: [0, 1, 2]), "16 bits"),
      (FixtureBytes.png(width: 1, height: 1, color: 0, interlace: 1, rows: [0, 1]), "interlaced"),
      (
        FixtureBytes.png(width: 1, height: 1, color: 0, rows: [5, 1]), "an unknown filter in row 1"
      ),
      (FixtureBytes.png(width: 1, height: 2, color: 0, rows: [0, 1]), "instead of 4"),
      (
        FixtureBytes.png(width: 1, height: 1, color: 3, rows: [0, 1]), "colour 1 of a palette of 0"
      ),
      (FixtureBytes.png(width: 0, height: 1, color: 0, rows: [0]), "a malformed IHDR"),
      (
        FixtureBytes.png(width: 1 << 30, height: 1, color: 6, rows: [0]),
        "compressed bytes that should give"
      ),
      (
        FixtureBytes.png(
          width: 1, height: 1, color: 0, extra: FixtureBytes.chunk("ABCD", []), rows: [0, 1]),
        "an unknown critical chunk 'ABCD'"
      ),
    ]
    for (bytes, message) in cases {
      let error = #expect(throws: FormatError.self) { try image(bytes) }
      #expect(error?.description.contains(message) == true, "\(String(describing: error))")
    }
  }

  @Test(.enabled(if: Mirror.isPresent, "\(Mirror.isMissing)"))
  func `the 60,000 MNIST training images have the published digest`() throws {
    var hasher = SHA256()
    for batch in 0..<20 {
      let path = Mirror.path(.convnet, "demo/mnist/mnist_batch_\(batch).png")
      let image = try PNG.read(path: path)
      let grey = stride(from: 0, to: image.pixels.count, by: image.channels)
        .map { image.pixels[$0] }
      #expect(image.width == 784 && image.height == 3000)
      hasher.update(grey)
    }
    #expect(
      hasher.finish().hex == "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757")
  }

  @Test(.enabled(if: Mirror.isPresent, "\(Mirror.isMissing)"))
  func `a CIFAR batch has 1000 rows of 1024 colours`() throws {
    let image = try PNG.read(path: Mirror.path(.cifar, "demo/cifar10/cifar10_batch_50.png"))
    #expect(image.width == 1024 && image.height == 1000 && image.channels == 3)
  }
}
