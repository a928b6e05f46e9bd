import Formats
import Foundation
import LabelledImages
import Tensors
import Testing

struct LabelledImagesTests {
  @Test func `a row of a CSV is a label and a picture, colours interleaved`() throws {
    // 2 × 2 pixels of three colours.
    let path = try file("7,1,2,3,4,5,6,7,8,9,10,11,12\n0,0,0,0,0,0,0,0,0,0,0,0,255\n")
    let images = try LabelledImages.read(path: path)
    #expect(images.labels == [7, 0])
    #expect(images.channels == 3 && images.height == 2 && images.width == 2)
    #expect(Array(images.pixels.prefix(12)) == [1, 4, 7, 10, 2, 5, 8, 11, 3, 6, 9, 12])
    let tensor = try images.tensor(
      1..<2, .init(mean: [0, 0, 0.5], deviation: [1, 1, 0.25]))
    #expect(tensor.shape == [1, 3, 2, 2])
    #expect(try tensor.floats() as [Float] == [0, 0, 0, 0, 0, 0, 0, 0, -2, -2, -2, 2])
    #expect(try images.tensor(0..<2, shape: [12, 1]).shape == [2, 12, 1])
  }

  @Test func `what does not fit is an error that says where`() throws {
    for (text, part) in [
      ("1,2,3,x,5\n", "'x'"), ("1,2,3\n", "2 bytes a picture"),
      ("1,2,3,4,5\n1,2,3,4,256\n", "'256'"), ("1,2,3,4,5\n1,2\n", "2 numbers"), ("", "no picture"),
    ] {
      let path = try file(text)
      let error = #expect(throws: FormatError.self) { try LabelledImages.read(path: path) }
      #expect(error?.description.contains(part) == true, "\(error?.description ?? "")")
    }
    let images = try LabelledImages.read(path: file("1,2,3,4,5\n"))
    #expect(throws: FormatError.self) { try images.tensor(0..<1, shape: [3]) }
    #expect(throws: FormatError.self) { try images.tensor(0..<1, .init(mean: [0, 0])) }
    #expect(throws: FormatError.self) { try images.tensor(0..<1, .init(deviation: [0])) }
  }

  @Test(.enabled(if: Mirror.isPresent, "\(Mirror.isAbsent)"))
  func `published sets are read in their own formats`() throws {
    let csv = try LabelledImages.read(path: Mirror.pictures)
    #expect(csv.count == 100 && csv.size == 3072)
    #expect(Array(csv.labels.prefix(5)) == [3, 8, 8, 0, 6])
    let digits = try LabelledImages.read(
      path: "\(Mirror.digits)/t10k-images-idx3-ubyte.gz",
      labels: "\(Mirror.digits)/t10k-labels-idx1-ubyte.gz")
    #expect(digits.count == 10_000 && digits.size == 784)
    #expect(Array(digits.labels.prefix(5)) == [7, 2, 1, 0, 4])
    // The first row of the first PNG is a 5, as everybody's first digit.
    let rows = try LabelledImages.read(
      path: "\(Mirror.rows)/mnist_batch_0.png", labels: "\(Mirror.rows)/mnist_labels.js")
    #expect(rows.count == 3000 && rows.channels == 1 && rows.size == 784)
    #expect(Array(rows.labels.prefix(3)) == [5, 0, 4])
    #expect(throws: FormatError.self) {
      try LabelledImages.read(path: "\(Mirror.digits)/t10k-images-idx3-ubyte.gz")
    }
  }

  @Test func `arrays of NumPy hold pictures, with their labels inside or beside`() throws {
    let folder = NSTemporaryDirectory() + "arrays-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    // Two pictures of 2 × 2 with a label behind each.
    try NPY.write(
      TensorData(type: .uint8, shape: [2, 5], bytes: [1, 2, 3, 4, 7, 5, 6, 7, 8, 9]),
      to: "\(folder)/rows.npy")
    let rows = try LabelledImages.read(path: "\(folder)/rows.npy")
    #expect(rows.labels == [7, 9] && rows.height == 2 && rows.width == 2)
    #expect(rows.pixels == [1, 2, 3, 4, 5, 6, 7, 8])
    try NPY.write(
      TensorData(type: .uint8, shape: [1, 6], bytes: [1, 2, 3, 4, 5, 6]),
      to: "\(folder)/odd.npy")
    let error = #expect(throws: FormatError.self) {
      try LabelledImages.read(path: "\(folder)/odd.npy")
    }
    #expect(error?.description.contains("5 bytes a picture") == true)
  }

  @Test(.enabled(if: Mirror.isPresent, "\(Mirror.isAbsent)"))
  func `published foreign sets are read in their own formats`() throws {
    let kana = try LabelledImages.read(
      path: "\(Mirror.kana)/kmnist-test-imgs.npz",
      labels: "\(Mirror.kana)/kmnist-test-labels.npz")
    #expect(kana.count == 10_000 && kana.size == 784 && Set(kana.labels) == Set(0..<10))
    let clothes = try LabelledImages.read(path: Mirror.clothes)
    #expect(clothes.count == 5000 && clothes.size == 784 && Set(clothes.labels) == Set(0..<5))
  }

  private func file(_ text: String) throws -> String {
    let path = NSTemporaryDirectory() + "pictures-\(UUID().uuidString).csv"
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    return path
  }
}
