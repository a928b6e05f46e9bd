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

let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let argumentParser = Target.Dependency.product(
  name: "ArgumentParser", package: "swift-argument-parser")

/// A library module under `Sources/` with its tests under `Tests/`.
func module(
  _ name: String, _ dependencies: [Target.Dependency] = [],
  testing: [Target.Dependency] = [], resources: [Resource] = [], fixtures: [String] = [],
  settings: [SwiftSetting] = settings
) -> [Target] {
  commandTestedModule(name, dependencies, resources: resources, settings: settings) + [
    .testTarget(
      name: "\(name)Tests", dependencies: [.target(name: name)] + dependencies + testing,
      exclude: fixtures, swiftSettings: settings)
  ]
}

/// A module whose tests are those of the commands, since it acts on processes and whole projects.
func commandTestedModule(
  _ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = [],
  settings: [SwiftSetting] = settings
) -> [Target] {
  [
    .target(
      name: name, dependencies: dependencies, resources: resources, swiftSettings: settings)
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
  "EdgeImport": ["EdgeOptimization"],
  "Fetch": ["Fetching", "ContentHashing"],
  "Predictor": ["EdgeOptimization"],
  "ProxyTransfer": ["EdgeOptimization"],
  "SrccMatrix": ["EdgeOptimization"],
]

func systemLibrary(_ name: String, pkgConfig: String, apt: String) -> Target {
  .systemLibrary(name: name, pkgConfig: pkgConfig, providers: [.apt([apt])])
}

let systemLibraries: [Target] = [
  systemLibrary("CCrypto", pkgConfig: "libcrypto", apt: "libssl-dev"),
  systemLibrary("CZlib", pkgConfig: "zlib", apt: "zlib1g-dev"),
  systemLibrary("CCMark", pkgConfig: "libcmark-gfm", apt: "libcmark-gfm-extensions-dev"),
]

// Opened when first needed, since their forty further libraries cost half of a process's start:
// libgit2-dev, libcurl4-openssl-dev and libarchive-dev give the headers.
let lateLibraries: [Target] =
  [.target(name: "CLate")]
  + ["CGit2", "CCurl", "CArchive"].map { .target(name: $0, dependencies: ["CLate"]) }

// Bottom to top: a module may use only what stands above it in this list.
let modules: [Target] =
  module("StructuredValue")
  + module("ContentHashing", ["StructuredValue", "CCrypto"])
  + module("SpecSyntax", ["StructuredValue", yams])
  + module("StageManifest", ["SpecSyntax", "StructuredValue"])
  + module("PipelineSpec", ["StageManifest", "SpecSyntax", "StructuredValue"])
  + module("RunRecord", ["ContentHashing", "StructuredValue"])
  + module("ArtifactStore", ["ContentHashing", "StructuredValue", grdb])
  + module("Provenance", ["RunRecord", "ContentHashing", "StructuredValue", "CGit2"])
  + module(
    "Formats", ["StructuredValue", "CZlib"], testing: ["ContentHashing"],
    settings: kernelSettings)
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
    "Notebook", ["RunRecord", "Formats", "ContentHashing", "StructuredValue", "CCMark"],
    resources: ["page.css", "page.js", "figures.json", "figures.py"].map {
      .embedInCode("Resources/\($0)")
    })
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
      "ContentHashing", "StructuredValue",
    ])
  + module(
    "EdgeOptimization", ["Formats", "StructuredValue"], fixtures: ["Fixtures"],
    settings: kernelSettings)

let package = Package(
  name: "pipeline",
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
  ],
  targets: systemLibraries + lateLibraries + modules
    + [
      .target(
        name: "StageTesting",
        dependencies: ["StageKit", "StageManifest", "SpecSyntax", "StructuredValue"],
        swiftSettings: settings),
      // The process between the runner and the stages; plain C, since it lives between fork and exec.
      .target(name: "CSupervisor"),
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
          "ArtifactComparison", "ContentHashing", "StructuredValue", argumentParser,
        ], swiftSettings: settings),
      .testTarget(
        name: "CommandTests", dependencies: ["pipeline", "ContentHashing", "StructuredValue"],
        swiftSettings: settings),
    ]
    + stages.sorted { $0.key < $1.key }.flatMap { stage($0.key, $0.value) }
)
