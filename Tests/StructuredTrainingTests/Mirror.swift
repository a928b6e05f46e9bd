import Foundation
import StructuredTraining

/// Published pictures of digits.
enum Mirror {
  static let root: String = {
    let package = URL(fileURLWithPath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    return ProcessInfo.processInfo.environment["PIPELINE_MIRROR"]
      ?? package.appendingPathComponent("../shared/mirror").standardizedFileURL.path
  }()
  static let images = "\(digits)/t10k-images-idx3-ubyte.gz"
  static let labels = "\(digits)/t10k-labels-idx1-ubyte.gz"
  static let trainingLabels = "\(digits)/train-labels-idx1-ubyte.gz"
  static let isPresent = FileManager.default.fileExists(atPath: images)
  static let isAbsent = "the data mirror is not there; set PIPELINE_MIRROR to its folder"

  /// 3000 training pictures each, from number 0 to 19.
  static func batch(_ number: Int) -> String {
    "\(root)/raw.githubusercontent.com/karpathy/convnetjs/b0d19208e1a7a578fd3988b0829109d5f8720ec4"
      + "/demo/mnist/mnist_batch_\(number).png"
  }

  static func pictures(_ range: Range<Int>) throws -> PictureSet {
    try PictureSet(files: [images], labels: [labels])[range]
  }

  static let scaling = PictureSet.Scaling(mean: [0.1307], deviation: [0.3081])

  private static let digits =
    "\(root)/raw.githubusercontent.com/fgnt/mnist/ae608a02b796c9ee908c082585a5f006fe05258e"
}
