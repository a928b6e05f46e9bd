// swift-tools-version:6.2
import PackageDescription

let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

/// Numeric kernels run 10 to 300 times slower without the optimiser, so they keep it in debug too.
let kernelSettings: [SwiftSetting] =
  settings + [.unsafeFlags(["-O"], .when(configuration: .debug))]

let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let argumentParser = Target.Dependency.product(
  name: "ArgumentParser", package: "swift-argument-parser")
let flyingSocks = Target.Dependency.product(name: "FlyingSocks", package: "FlyingFox")
let protobuf = Target.Dependency.product(name: "SwiftProtobuf", package: "swift-protobuf")

/// A library module under `Sources/` with its tests under `Tests/`.
func module(
  _ name: String, _ dependencies: [Target.Dependency] = [],
  testing: [Target.Dependency] = [], resources: [Resource] = [], excluding: [String] = [],
  fixtures: [String] = [], settings: [SwiftSetting] = settings
) -> [Target] {
  commandTestedModule(
    name, dependencies, resources: resources, excluding: excluding, settings: settings) + [
      .testTarget(
        name: "\(name)Tests", dependencies: [.target(name: name)] + dependencies + testing,
        exclude: fixtures, swiftSettings: settings)
    ]
}

/// A module whose tests are those of the commands, since it acts on processes and whole projects.
func commandTestedModule(
  _ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = [],
  excluding: [String] = [], settings: [SwiftSetting] = settings
) -> [Target] {
  [
    .target(
      name: name, dependencies: dependencies, exclude: excluding, resources: resources,
      swiftSettings: settings)
  ]
}

/// A built-in stage: one folder under `Stages/` with its manifest, code, tests and page.
func stage(_ name: String, _ dependencies: [Target.Dependency]) -> [Target] {
  [
    .target(
      name: "\(name)Stage", dependencies: ["StageKit", "StructuredValue"] + dependencies,
      path: "Stages/\(name)", exclude: ["Tests", "README.md"], sources: ["Sources"],
      resources: [.embedInCode("stage.yaml")], swiftSettings: settings,
      plugins: ["CodeFingerprint"]),
    .testTarget(
      name: "\(name)StageTests",
      dependencies: [.target(name: "\(name)Stage"), "StageKit", "StageTesting", "StructuredValue"]
        + dependencies,
      path: "Stages/\(name)/Tests", swiftSettings: settings),
  ]
}

/// Written out, since SwiftPM caches the evaluated manifest and would not notice a new folder;
/// a test compares this list with the folders.
let stages: [String: [Target.Dependency]] = [
  "AdaptedTransfer": ["EdgeOptimization", "Statistics"],
  "Audit": ["VerificationAudit", "Verification", "Formats"],
  "BnnAudit": ["BayesianInference", "Statistics", "Formats", "Tensors"],
  "BnnCompare": ["Statistics"],
  "BnnCost": ["BayesianInference", "Formats", "Tensors"],
  "BnnDetect": ["BayesianInference", "Statistics", "Formats"],
  "BnnEvaluate": ["BayesianInference", "Statistics", "Formats", "Tensors"],
  "BnnFit": ["BayesianInference", "Formats", "Tensors"],
  "BnnPictures": ["BayesianInference", "Statistics", "Formats", "Tensors"],
  "BnnPredict": ["BayesianInference", "Formats", "Tensors"],
  "BnnProblem": ["BayesianInference", "Formats", "Tensors"],
  "BnnPublished": ["Statistics", "Formats"],
  "BnnSplits": ["Statistics"],
  "BranchingImport": ["VerificationRecords", "Formats"],
  "BranchingRuns": ["LearnedBranching", "Verification", "VerificationRecords", "Formats"],
  "BranchingSamples": ["LearnedBranching", "Verification", "Statistics", "Formats"],
  "BranchingTables": ["VerificationRecords", "Formats"],
  "BranchingTrain": ["LearnedBranching", "Verification", "Formats"],
  "EdgeImport": ["EdgeOptimization"],
  "Fetch": ["Fetching", "ContentHashing"],
  "LabelledPictures": ["StructuredTraining", "Formats"],
  "LearnedOptimizer": ["LearnedDesign", "EdgeOptimization", "Statistics", "Tensors"],
  "ModelledOptimizer": ["LearnedDesign", "EdgeOptimization", "Tensors"],
  "Predictor": ["EdgeOptimization", "NeuralPredictors", "Statistics"],
  "ProxyTransfer": ["EdgeOptimization", "Statistics"],
  "RegressionSplit": ["BayesianInference", "Formats"],
  "SmartDealBaseline": ["TrainingRuns", "StructuredTraining", "Formats", "ONNX", "Tensors"],
  "SmartDealCalibration": [
    "TrainingRuns", "StructuredTraining", "BayesianInference", "Formats", "ONNX", "Tensors",
  ],
  "SmartDealDecompose": [
    "SmartDeal", "LabelledImages", "NetworkProfiling", "ONNX", "Tensors", "Formats",
  ],
  "SmartDealRetrain": [
    "TrainingRuns", "StructuredTraining", "SmartDeal", "Formats", "ONNX", "Tensors",
  ],
  "SmartDealTrain": [
    "TrainingRuns", "StructuredTraining", "SmartDeal", "Formats", "ONNX", "Tensors",
  ],
  "SmartDealEnergy": ["SmartDeal", "NetworkProfiling", "ONNX", "Formats"],
  "SmartDealEvaluate": [
    "LabelledImages", "NetworkImport", "NetworkProfiling", "NeuralNetworks", "SmartDeal", "ONNX",
    "Tensors", "Formats",
  ],
  "SmartDealReport": [],
  "SmartDealSearch": [
    "CompressionSearch", "LabelledImages", "NetworkProfiling", "SmartDeal", "ONNX", "Tensors",
    "Formats",
  ],
  "SmartDealSimulate": ["SmartDeal", "NetworkProfiling", "ONNX", "Formats"],
  "SrccMatrix": ["EdgeOptimization", "Statistics"],
  "VerifiedAccuracy": ["Verification", "LabelledImages", "Formats", "ONNX"],
  "Verify": ["Verification", "VerificationAudit", "Formats", "ONNX"],
  "VerifySet": ["Verification", "Formats"],
]

func systemLibrary(_ name: String, pkgConfig: String, apt: String) -> Target {
  .systemLibrary(name: name, pkgConfig: pkgConfig, providers: [.apt([apt])])
}

let systemLibraries: [Target] = [
  systemLibrary("CCrypto", pkgConfig: "libcrypto", apt: "libssl-dev"),
  systemLibrary("CYAML", pkgConfig: "yaml-0.1", apt: "libyaml-dev"),
  systemLibrary("CZlib", pkgConfig: "zlib", apt: "zlib1g-dev"),
  systemLibrary("CCMark", pkgConfig: "libcmark-gfm", apt: "libcmark-gfm-extensions-dev"),
]

/// Where LibTorch (2.1 or later) is, if not where Debian's libtorch-dev puts it.
let libTorch = Context.environment["LIBTORCH"]

/// The only code that sees LibTorch.
///
/// A dynamic library that `Tensors` opens at the first tensor, so that a command that needs no tensor
/// does not spend half a second on loading LibTorch.
let torchLibrary = Target.target(
  name: "CTorch", dependencies: ["CTorchInterface"],
  cxxSettings: [
    .unsafeFlags(
      libTorch.map { ["-I\($0)/include", "-I\($0)/include/torch/csrc/api/include"] }
        ?? ["-I/usr/include/torch/csrc/api/include"]),
    // Each call of an operator goes through here: no checks of LibTorch's own invariants, and no
    // look-up of its inline functions in other libraries.
    .define("NDEBUG", .when(configuration: .release)),
    .unsafeFlags(
      ["-fvisibility-inlines-hidden", "-fno-plt"], .when(configuration: .release)),
  ],
  linkerSettings: [
    .unsafeFlags(libTorch.map { ["-L\($0)/lib", "-Xlinker", "-rpath=\($0)/lib"] } ?? []),
    .linkedLibrary("torch_cpu"), .linkedLibrary("c10"),
  ])

// Opened when first needed, since their forty further libraries cost half of a process's start:
// libgit2-dev, libcurl4-openssl-dev and libarchive-dev give the headers.
let lateLibraries: [Target] =
  [.target(name: "CLate"), .target(name: "CClp")]
  + ["CCurl", "CArchive"].map { .target(name: $0, dependencies: ["CLate"]) }
  + [.target(name: "CGit2", dependencies: ["CLate", "CZlib"])]

// Bottom to top: a module may use only what stands above it in this list.
let modules: [Target] =
  module("StructuredValue")
  + module("ContentHashing", ["StructuredValue", "CCrypto"])
  + module("SpecSyntax", ["StructuredValue", "CYAML"])
  + module("StageManifest", ["SpecSyntax", "StructuredValue"])
  + module("PipelineSpec", ["StageManifest", "SpecSyntax", "StructuredValue"])
  + module("RunRecord", ["ContentHashing", "StructuredValue"])
  + module("ArtifactStore", ["ContentHashing", "StructuredValue", grdb])
  + module("Provenance", ["RunRecord", "ContentHashing", "StructuredValue", "CGit2"])
  + module(
    "Formats", ["StructuredValue", "CZlib"], testing: ["ContentHashing"],
    settings: kernelSettings)
  + module("ONNX", ["Formats", protobuf], excluding: ["Wire/onnx.proto"])
  + module(
    "Tensors", ["Formats", "CTorchInterface"], fixtures: ["Fixtures"], settings: kernelSettings)
  + module(
    "NeuralNetworks", ["Tensors", "Formats"], testing: ["digits"], settings: kernelSettings)
  + module(
    "NetworkImport", ["NeuralNetworks", "ONNX", "Tensors", "Formats"], fixtures: ["Fixtures"])
  + module(
    "Fetching", ["ContentHashing", "StructuredValue", "CCurl", "CArchive"],
    fixtures: ["server.py"])
  + module("StageKit", ["StageManifest", "StructuredValue"], testing: ["StageTesting"])
  + module(
    "Planning",
    [
      "PipelineSpec", "StageManifest", "SpecSyntax", "ContentHashing", "StructuredValue",
    ])
  + module(
    "ArtifactComparison", ["Formats", "ContentHashing", "StructuredValue"],
    settings: kernelSettings)
  + module(
    "Notebook",
    ["RunRecord", "Formats", "ContentHashing", "StructuredValue", "CCMark", "CZlib"],
    resources: ["page.css", "page.js", "figures.json", "figures.py"].map {
      .embedInCode("Resources/\($0)")
    })
  + module(
    "ChangeReporting",
    [
      "Provenance", "ArtifactComparison", "Notebook", "RunRecord", "ContentHashing",
      "StructuredValue",
    ],
    resources: ["changes.css", "changes.js"].map { .embedInCode("Resources/\($0)") })
  + module("DVCImport", ["SpecSyntax", "StructuredValue"])
  + module(
    "LineageReporting",
    ["Provenance", "Notebook", "RunRecord", "ContentHashing", "StructuredValue"],
    resources: [.embedInCode("Resources/lineage.css")])
  + module(
    "Exports", ["Provenance", "Notebook", "RunRecord", "ContentHashing", "StructuredValue"])
  + commandTestedModule(
    "Execution",
    [
      "Planning", "PipelineSpec", "StageManifest", "StageKit", "RunRecord", "ArtifactStore",
      "ContentHashing", "StructuredValue", "CSupervisor",
    ])
  + commandTestedModule(
    "Projects",
    [
      "Execution", "Planning", "PipelineSpec", "StageManifest", "SpecSyntax", "StageKit",
      "RunRecord", "ArtifactStore", "Provenance", "Notebook", "ArtifactComparison",
      "ChangeReporting", "LineageReporting", "Exports", "Formats", "ContentHashing",
      "StructuredValue",
    ])
  + module(
    "LivePage",
    [
      "Projects", "Execution", "Planning", "PipelineSpec", "StageManifest", "SpecSyntax",
      "StageKit",
      "RunRecord", "ArtifactStore", "Provenance", "Notebook", "ArtifactComparison",
      "ChangeReporting",
      "LineageReporting", "ContentHashing", "StructuredValue", flyingSocks,
    ],
    resources: ["live.css", "live.js", "views.js"].map { .embedInCode("Resources/\($0)") })
  + [
    .target(
      name: "LinearAlgebra", dependencies: ["CLinearKernels"], swiftSettings: kernelSettings)
  ]
  + module("Statistics", ["LinearAlgebra"], settings: kernelSettings)
  + module(
    "EdgeOptimization", ["Statistics", "LinearAlgebra", "Formats", "StructuredValue"],
    fixtures: ["Fixtures"],
    settings: kernelSettings)
  + module(
    "LearnedDesign", ["EdgeOptimization", "Statistics", "NeuralNetworks", "Tensors", "Formats"],
    settings: kernelSettings)
  + module(
    "BayesianInference",
    ["Tensors", "Statistics", "LinearAlgebra", "Formats", "StructuredValue", "CDenseKernels"],
    fixtures: ["Fixtures"], settings: kernelSettings)
  + module(
    "SmartDeal", ["ONNX", "Formats", "StructuredValue", "CZlib"],
    testing: ["ContentHashing", "Statistics"],
    fixtures: ["Fixtures"], settings: kernelSettings)
  + module("LabelledImages", ["Tensors", "Formats"], settings: kernelSettings)
  + module(
    "NetworkProfiling",
    ["SmartDeal", "NetworkImport", "ONNX", "Tensors", "Formats"], testing: ["NeuralNetworks"])
  + module(
    "CompressionSearch",
    ["NetworkProfiling", "NetworkImport", "NeuralNetworks", "SmartDeal", "ONNX", "Tensors"],
    testing: ["Formats"])
  + module("VerificationRecords", ["Formats"])
  + module(
    "Verification",
    ["ONNX", "Formats", "Statistics", "StructuredValue", "CBoundKernels", "CClp"],
    fixtures: ["Fixtures"], settings: kernelSettings)
  + module(
    "VerificationAudit", ["Verification"], testing: ["Statistics"], settings: kernelSettings)
  + module(
    "StructuredTraining",
    [
      "LabelledImages", "SmartDeal", "NetworkImport", "NeuralNetworks", "ONNX", "Tensors",
      "Formats",
    ], settings: kernelSettings)
  + [
    .target(
      name: "TrainingRuns",
      dependencies: [
        "StructuredTraining", "SmartDeal", "NeuralNetworks", "ONNX", "Formats", "StageKit",
        "StructuredValue",
      ], swiftSettings: settings)
  ]
  + module(
    "LearnedBranching", ["Verification", "Statistics", "Formats", "CEmbeddingKernels"],
    testing: ["StructuredValue"], fixtures: ["Fixtures"], settings: kernelSettings)
  + module(
    "NeuralPredictors",
    ["EdgeOptimization", "Statistics", "NeuralNetworks", "Tensors", "StructuredValue"])

let package = Package(
  name: "pipeline",
  products: [
    .executable(name: "pipeline", targets: ["pipeline"]),
    .library(name: "CTorch", type: .dynamic, targets: ["CTorch"]),
    // What the packages in Benchmarks use.
    .library(name: "NeuralNetworks", targets: ["NeuralNetworks", "Tensors"]),
    .library(name: "EdgeOptimization", targets: ["EdgeOptimization", "LearnedDesign", "Tensors"]),
    .library(name: "BayesianInference", targets: ["BayesianInference", "Tensors"]),
    .library(name: "Formats", targets: ["Formats"]),
    .library(name: "ONNX", targets: ["ONNX"]),
    .library(name: "SmartDeal", targets: ["SmartDeal"]),
    .library(name: "Verification", targets: ["Verification", "LearnedBranching", "Formats"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
    .package(url: "https://github.com/swhitty/FlyingFox", from: "0.27.1"),
  ],
  targets: systemLibraries + lateLibraries + modules
    + [
      .target(
        name: "StageTesting",
        dependencies: ["StageKit", "StageManifest", "SpecSyntax", "StructuredValue"],
        swiftSettings: settings),
      .target(name: "CTorchInterface"), torchLibrary,
      // The process between the runner and the stages; plain C, since it lives between fork and exec.
      .target(name: "CSupervisor"),
      // Kernels for several vector widths, which the loader chooses from.
      .target(name: "CDenseKernels", cSettings: [.unsafeFlags(["-O3"])]),
      .target(name: "CEmbeddingKernels", cSettings: [.unsafeFlags(["-O3"])]),
      .target(name: "CLinearKernels", cSettings: [.unsafeFlags(["-O3"])]),
      .target(name: "CBoundKernels", cSettings: [.unsafeFlags(["-O3"])]),
      .executableTarget(
        name: "digits", dependencies: ["NeuralNetworks", "Tensors", "Formats"],
        path: "Docs/examples/digits", swiftSettings: settings),
      .plugin(name: "CodeFingerprint", capability: .buildTool()),
      .target(
        name: "BuiltinStages",
        dependencies: ["StageKit"] + stages.keys.sorted().map { .target(name: "\($0)Stage") },
        swiftSettings: settings),
      .executableTarget(
        name: "pipeline",
        dependencies: [
          "Projects", "BuiltinStages", "Execution", "Planning", "PipelineSpec", "StageManifest",
          "SpecSyntax", "StageKit", "RunRecord", "ArtifactStore", "Provenance", "Notebook",
          "ArtifactComparison", "ChangeReporting", "LineageReporting", "Exports", "DVCImport",
          "LivePage", "ContentHashing", "Formats", "StructuredValue", argumentParser,
        ], swiftSettings: settings,
        linkerSettings: [
          .unsafeFlags(
            [
              // See CGit2.
              "-Xlinker", "--export-dynamic-symbol=mbedtls_x509_crt_parse_file",
              // A fifth of a short command is the loader moving the program to a random address.
              "-Xclang-linker", "-no-pie",
            ], .when(configuration: .release))
        ]),
      .testTarget(
        name: "CommandTests", dependencies: ["pipeline", "ContentHashing", "StructuredValue"],
        swiftSettings: settings),
    ]
    + stages.sorted { $0.key < $1.key }.flatMap { stage($0.key, $0.value) },
  // What the headers need: those of Debian's LibTorch 1.13 do not compile as C++20, which newer ones
  // are written in.
  cxxLanguageStandard: libTorch == nil ? .cxx17 : .cxx20
)
