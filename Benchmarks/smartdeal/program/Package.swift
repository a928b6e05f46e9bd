// swift-tools-version:6.2
import PackageDescription

let package = Package(
  name: "smartdeal-benchmark",
  dependencies: [.package(name: "pipeline", path: "../../..")],
  targets: [
    .executableTarget(
      name: "smartdeal-benchmark",
      dependencies: [
        .product(name: "SmartDeal", package: "pipeline"),
        .product(name: "Formats", package: "pipeline"),
      ],
      swiftSettings: [.swiftLanguageMode(.v6)])
  ]
)
