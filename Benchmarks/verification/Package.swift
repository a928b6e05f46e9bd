// swift-tools-version:6.2
import PackageDescription

let package = Package(
  name: "verification-benchmark",
  dependencies: [.package(name: "pipeline", path: "../..")],
  targets: [
    .executableTarget(
      name: "verification-benchmark",
      dependencies: [.product(name: "Verification", package: "pipeline")])
  ]
)
