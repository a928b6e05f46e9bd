// swift-tools-version:6.2
import PackageDescription

let package = Package(
  name: "fuzz",
  dependencies: [.package(name: "pipeline", path: "../..")],
  targets: [
    .target(name: "CAllocations"),
    .executableTarget(
      name: "fuzz",
      dependencies: [
        "CAllocations", .product(name: "Formats", package: "pipeline"),
        .product(name: "ONNX", package: "pipeline"),
        .product(name: "SmartDeal", package: "pipeline"),
      ], swiftSettings: [.swiftLanguageMode(.v6)]),
  ]
)
