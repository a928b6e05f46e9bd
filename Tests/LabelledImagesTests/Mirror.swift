import Foundation

/// Published test sets.
enum Mirror {
  static let root: String = {
    let package = URL(fileURLWithPath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    return
      (ProcessInfo.processInfo.environment["PIPELINE_MIRROR"]
      ?? package.appendingPathComponent("../shared/mirror").standardizedFileURL.path)
      + "/raw.githubusercontent.com"
  }()
  static let pictures =
    "\(root)/oval-group/oval-bab/a317464598feb8debd88969e6d7237f9b7d3d21c/verification_properties/"
    + "cifar10_test.csv"
  static let digits = "\(root)/fgnt/mnist/ae608a02b796c9ee908c082585a5f006fe05258e"
  static let rows =
    "\(root)/karpathy/convnetjs/b0d19208e1a7a578fd3988b0829109d5f8720ec4/demo/mnist"
  static let kana =
    "\(root)/Vasu-Shrivastava/Kuzushiji-MNIST-Classification/"
    + "24b9450513e4d74627554eb98c949cb17b06fc01"
  static let clothes =
    "\(root)/kgh-itu/Fashion-MNIST-Classification/464fce9f0239c9a60162111f9db248a4432b922e/data/"
    + "fashion_test.npy"
  static let isPresent = FileManager.default.fileExists(atPath: pictures)
  static let isAbsent = "the data mirror is not there; set PIPELINE_MIRROR to its folder"
}
